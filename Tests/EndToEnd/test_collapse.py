"""What comes out of `compress` is a better version of what went in, for any ONNX runtime and not only for ours."""

import numpy
import onnx

from program import (
    DATA, HERE, MODELS, Case, accuracy, dataset, infer, infer_in_onnx_runtime, initializers, read_json, run, values_held,
)

ORIGINAL = MODELS["digits-vgg"]


class Front(Case):
    def test_every_point_is_a_model_and_a_missed_budget_names_the_one_that_would_do(self):
        model, data = MODELS["code-encoder"], HERE / "fixtures" / "code.npz"
        small, report, front = (self.folder / name for name in ("small.onnx", "report.json", "front"))
        words = ["compress", model, "--data", data, "--finetune", "none", "--replacements", "affine", "-o", small, "--report",
                 report, "--quiet"]
        run(*words, "--max-disagreement", 0.0001, "--front", front, statuses=(4,))
        points = read_json(front / "front.json")["data"]
        self.assertEqual(len(points), 4)
        self.assertEqual(sorted(point["parameters"] for point in points), [point["parameters"] for point in points][::-1])
        for point in points:
            self.assertEqual(values_held(front / point["file"]), point["parameters"])
        with numpy.load(data) as arrays:
            ids = arrays["x_test"][:500]
        before, after = (infer_in_onnx_runtime(path, ids) for path in (model, front / points[0]["file"]))
        self.assertEqual(before.shape, after.shape)
        self.assertGreater((before.argmax(-1) == after.argmax(-1)).mean(), 0.8)
        needed = read_json(report)["result"]["admitting_budget"]
        self.assertEqual(list(needed), ["max_disagreement"])
        run(*words, "--max-disagreement", needed["max_disagreement"])
        self.assertEqual(read_json(report)["result"]["admitting_budget"], {})


class DigitsVGG(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.small, cls.report = cls.folder / "small.onnx", cls.folder / "report.json"
        cls.compress(cls.small, cls.report)

    @classmethod
    def compress(cls, model, report):
        run(
            "compress", ORIGINAL, "--data", DATA, "--method", "ridge", "--replacements", "affine", "--finetune",
            "self_distill", "--max-metric-drop", 0.02, "-o", model, "--report", report, "--quiet",
        )

    def test_the_whole_head_becomes_one_layer(self):
        before, after = values_held(ORIGINAL), values_held(self.small)
        self.figure(f"values in the initializers: {before} -> {after}")
        self.assertEqual((before, after), (216_810, 15_338))
        shapes = {array.shape for name, array in initializers(self.small).items() if not name.startswith("features.")}
        self.assertEqual(len(shapes), 2)
        self.assertIn((10,), shapes)
        self.assertTrue(shapes & {(10, 128), (128, 10)}, shapes)

    def test_what_was_not_collapsed_is_untouched(self):
        before, after = initializers(ORIGINAL), initializers(self.small)
        kept = [name for name in before if name.startswith("features.")]
        self.assertEqual(len(kept), 6)
        for name in kept:
            self.assertEqual(before[name].tobytes(), after[name].tobytes(), name)

    def test_the_checker_accepts_it(self):
        onnx.checker.check_model(str(self.small), full_check=True)

    def test_inputs_outputs_and_versions_stay(self):
        before, after = onnx.load(str(ORIGINAL)), onnx.load(str(self.small))
        self.assertEqual(list(before.graph.input), list(after.graph.input))
        self.assertEqual(list(before.graph.output), list(after.graph.output))
        self.assertEqual(list(before.opset_import), list(after.opset_import))
        self.assertEqual(before.ir_version, after.ir_version)
        self.assertEqual(after.graph.input[0].type.tensor_type.shape.dim[0].dim_param, "batch")

    def test_any_batch_runs_in_onnx_runtime(self):
        images = dataset()["x_test"]
        for batch in (1, 7, 64):
            self.assertEqual(infer_in_onnx_runtime(self.small, images[:batch]).shape, (batch, 10))

    def test_onnx_runtime_computes_what_we_compute(self):
        images = dataset()["x_test"]
        distance = abs(infer_in_onnx_runtime(self.small, images) - infer(self.small, images, self.folder)).max()
        self.figure(f"1500 test samples: outputs differ by at most {distance:.1e} (allowed 1e-4)")
        self.assertLess(distance, 1e-4)

    def test_accuracy_drops_by_at_most_six_tenths_of_a_point(self):
        data = dataset()
        before, after = (
            accuracy(infer_in_onnx_runtime(model, data["x_test"]), data["y_test"]) for model in (ORIGINAL, self.small)
        )
        self.figure(f"test accuracy {before:.2%} -> {after:.2%}")
        self.assertLessEqual(round((before - after) * 1500), 9)

    def test_the_same_command_gives_the_same_bytes(self):
        again = self.folder / "again.onnx"
        self.compress(again, self.folder / "again.json")
        self.assertEqual(self.small.read_bytes(), again.read_bytes())

    def test_the_report_says_what_the_file_holds(self):
        result = read_json(self.report)["result"]
        self.assertEqual(result["compressed"]["bytes"], self.small.stat().st_size)
        self.assertEqual(result["original"]["bytes"], ORIGINAL.stat().st_size)
        data = dataset()
        measured = accuracy(infer_in_onnx_runtime(self.small, data["x_test"]), data["y_test"])
        # The report measures on the half of the test samples that decided nothing.
        self.assertAlmostEqual(result["compressed"]["metric"], measured, delta=0.01)
        self.assertEqual(result["disagreement"]["samples"], len(data["y_test"]) // 2)
        self.assertTrue(result["met_budget"])
        self.assertTrue(all(layer["collapsed"] for layer in result["layers"]), result["layers"])


class WithoutDerivative(Case):
    """Behind the layers stands ScatterElements(reduction=max), which has no derivative here."""

    MODEL = HERE.parent / "FormatsTests" / "Fixtures" / "scatter-max.onnx"

    def compress(self, *options):
        inputs = numpy.random.default_rng(5).normal(size=(600, 8)).astype(numpy.float32)
        numpy.savez(self.folder / "x.npz", x=inputs)
        small, report = self.folder / "small.onnx", self.folder / "report.json"
        run("compress", self.MODEL, "--data", self.folder / "x.npz", "-o", small, "--report", report, "--max-layers", 1,
            *options)
        return inputs, small, read_json(report)

    def test_it_is_compressed_by_what_its_own_block_computes(self):
        for method in (["--method", "ridge"],
                       ["--method", "layercollapse", "--optimizer", "adamw", "--learning-rate", 0.005, "--penalty", 40]):
            inputs, small, report = self.compress(*method)
            self.assertEqual([warning["code"] for warning in report["warnings"]].count("no_gradient"), 1)
            self.assertEqual(values_held(small), 36)
            before, after = (infer_in_onnx_runtime(model, inputs) for model in (self.MODEL, small))
            explained = 1 - numpy.square(after - before).mean() / before.var()
            self.figure(f"{method[1]}: {explained:.1%} of the outputs' variance remain")
            self.assertGreater(explained, 0.6)
            self.assertLess(abs(infer(small, inputs, self.folder) - after).max(), 1e-4)

    def test_plain_training_is_refused_with_the_place(self):
        data = self.folder / "labelled.npz"
        numpy.savez(data, x=numpy.zeros((64, 8), numpy.float32), y=numpy.zeros(64, numpy.int64))
        refused = run("train", self.MODEL, "--data", data, "-o", self.folder / "out.onnx", "--steps", 1, statuses=(3,))
        self.assertIn("'logits' has no derivative: it scatters by maximum", refused.stderr)

    def test_the_plan_says_so_before(self):
        said = run("inspect", self.MODEL).stdout
        self.assertIn("'logits' has no derivative: it scatters by maximum", said)


class Pixels(Case):
    """Two convolutions of single pixels around an activation, a BatchNorm between, and a classifier behind one pixel."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model, cls.data = cls.folder / "pixels.onnx", cls.folder / "x.npz"
        own = numpy.random.default_rng(3)
        weights = {
            "conv1.weight": own.normal(0, 0.4, (24, 6, 1, 1)), "conv1.bias": own.normal(0, 0.4, 24),
            "bn.weight": own.uniform(0.5, 1.5, 24), "bn.bias": own.normal(0, 0.1, 24),
            "bn.running_mean": own.normal(0, 0.1, 24), "bn.running_var": own.uniform(0.5, 1.5, 24),
            "conv2.weight": own.normal(0, 0.2, (6, 24, 1, 1)), "conv2.bias": own.normal(0, 0.1, 6),
            "head.weight": own.normal(0, 0.4, (32, 6, 1, 1)), "head.bias": own.normal(0, 0.4, 32),
            "fc.weight": own.normal(0, 0.3, (4, 32)), "fc.bias": own.normal(0, 0.1, 4),
        }
        node = onnx.helper.make_node
        nodes = [
            node("Conv", ["x", "conv1.weight", "conv1.bias"], ["a"], name="/conv1/Conv", kernel_shape=[1, 1]),
            node("BatchNormalization", ["a", *(name for name in weights if name.startswith("bn."))], ["b"], name="/bn"),
            node("Relu", ["b"], ["c"], name="/relu"),
            node("Conv", ["c", "conv2.weight", "conv2.bias"], ["d"], name="/conv2/Conv", kernel_shape=[1, 1]),
            node("Add", ["x", "d"], ["e"], name="/Add"),
            node("GlobalAveragePool", ["e"], ["p"], name="/pool"),
            node("Conv", ["p", "head.weight", "head.bias"], ["h"], name="/head/Conv", kernel_shape=[1, 1]),
            node("HardSwish", ["h"], ["s"], name="/act"),
            node("Flatten", ["s"], ["f"], name="/flatten"),
            node("Gemm", ["f", "fc.weight", "fc.bias"], ["logits"], name="/fc/Gemm", transB=1),
        ]
        value = onnx.helper.make_tensor_value_info
        graph = onnx.helper.make_graph(
            nodes, "pixels", [value("x", 1, ["batch", 6, "height", 5])], [value("logits", 1, ["batch", 4])],
            [onnx.numpy_helper.from_array(array.astype(numpy.float32), name) for name, array in weights.items()])
        onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), cls.model)
        cls.inputs = own.normal(size=(500, 6, 4, 5)).astype(numpy.float32)
        numpy.savez(cls.data, x=cls.inputs)

    def test_both_runs_collapse_by_every_method_for_any_runtime(self):
        before = infer_in_onnx_runtime(self.model, self.inputs)
        for method in ("ridge", "layercollapse", "merge"):
            small = self.folder / f"{method}.onnx"
            options = {"ridge": [], "layercollapse": ["--steps", 60, "--optimizer", "adamw"],
                       "merge": ["--threshold", 2, "--max-layers", 2]}[method]
            budget = ["--max-layers", 2] if method == "ridge" else []
            run("compress", self.model, "--data", self.data, "--method", method, "-o", small, "--quiet", *options, *budget)
            onnx.checker.check_model(str(small), full_check=True)
            kinds = [node.op_type for node in onnx.load(str(small)).graph.node]
            self.assertEqual(kinds, ["Conv", "Add", "GlobalAveragePool", "Flatten", "Gemm"])
            self.assertEqual(values_held(small), 6 * 7 + 4 * 7)
            after = infer_in_onnx_runtime(small, self.inputs)
            self.assertEqual(infer_in_onnx_runtime(small, self.inputs[:3, :, :2]).shape, (3, 4))
            distance = abs(infer(small, self.inputs, self.folder) - after).max()
            explained = 1 - numpy.square(after - before).mean() / before.var()
            self.figure(f"{method}: {explained:.1%} of the variance remain; runtimes differ by {distance:.1e}")
            self.assertLess(distance, 1e-5)
            if method == "ridge":
                self.assertGreater(explained, 0.7)


class Refusals(Case):
    def test_a_truncated_model_is_refused_input(self):
        broken = self.folder / "broken.onnx"
        broken.write_bytes(ORIGINAL.read_bytes()[:1000])
        refused = run("compress", broken, "--data", DATA, "-o", self.folder / "out.onnx", statuses=(3,))
        self.assertIn("broken.onnx", refused.stderr)

    def test_labels_out_of_range_are_refused(self):
        data = dataset()
        data["y_train"] = numpy.where(data["y_train"] == 9, 10, data["y_train"])
        numpy.savez(self.folder / "labels.npz", **data)
        arguments = ["--data", self.folder / "labels.npz", "-o", self.folder / "out.onnx", "--finetune", "labels"]
        self.assertIn("10", run("compress", ORIGINAL, *arguments, statuses=(3,)).stderr)

    def test_without_candidates_there_is_nothing_to_collapse(self):
        arguments = ["--data", DATA, "-o", self.folder / "out.onnx", "--exclude", "*"]
        run("compress", ORIGINAL, *arguments, statuses=(4,))
