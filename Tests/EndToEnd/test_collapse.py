"""What comes out of `compress` is a better version of what went in, for any ONNX runtime and not only for ours."""

import numpy
import onnx

from program import (
    DATA, MODELS, Case, accuracy, dataset, infer, infer_in_onnx_runtime, initializers, read_json, run, values_held,
)

ORIGINAL = MODELS["digits-vgg"]


class DigitsVGG(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.small, cls.report = cls.folder / "small.onnx", cls.folder / "report.json"
        cls.compress(cls.small, cls.report)

    @classmethod
    def compress(cls, model, report):
        run(
            "compress", ORIGINAL, "--data", DATA, "--method", "ridge", "--finetune", "self_distill",
            "-o", model, "--report", report, "--quiet",
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
        self.assertLessEqual(before - after, 0.006)

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
        self.assertAlmostEqual(result["compressed"]["metric"], measured, delta=0.5 / len(data["y_test"]))
        self.assertTrue(all(layer["collapsed"] for layer in result["layers"]), result["layers"])


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
