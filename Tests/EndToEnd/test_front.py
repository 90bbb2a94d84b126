"""The points of a front, in the spellings of several exporters, against ONNX Runtime."""

import numpy
import onnx
import onnxruntime

from program import FIXTURES, MODELS, Case, data_of, dataset, infer_in_onnx_runtime, parameters, read_json, run

# Few samples: what is checked is the files.
FEW = ["--calibration-samples", 200, "--finetune", "none", "--quiet"]


class Front(Case):
    def compress(self, model, data, *flags, statuses=(0, 4)):
        report, front = self.folder / "report.json", self.folder / "front"
        run("compress", model, "--data", data, "-o", self.folder / "small.onnx", "--report", report, "--front", front,
            *FEW, *flags, statuses=statuses)
        return read_json(report)["result"], read_json(front / "front.json")["data"], front

    def small(self, name):
        """A part of a data file, so that a front takes seconds."""
        arrays = dataset(data_of(name))
        path = self.folder / "few.npz"
        numpy.savez(path, **{key: value[:600] for key, value in arrays.items()})
        return path, arrays["x_test"][:100]

    def test_every_point_is_a_model_that_onnx_runtime_runs_alike(self):
        for name in ["digits-vit", "digits-vit-dynamo", "digits-mixer", "digits-vgg", "code-gpt", "code-encoder-dynamo"]:
            with self.subTest(name=name):
                data, samples = self.small(name)
                result, points, front = self.compress(MODELS[name], data)
                self.assertGreaterEqual(len(points), 8)
                sizes = [point["parameters"] for point in points]
                self.assertEqual(sizes, sorted(sizes, reverse=True))
                whole = onnx.load(MODELS[name])
                inputs = self.folder / "inputs.npz"
                numpy.savez(inputs, x=samples)
                worst = 0.0
                for point in points[::4] + points[-1:]:
                    path = front / point["file"]
                    model = onnx.load(path)
                    onnx.checker.check_model(model, full_check=True)
                    self.assertEqual(model.graph.input, whole.graph.input)
                    self.assertEqual(model.graph.output, whole.graph.output)
                    run("run", path, "--data", inputs, "-o", self.folder / "outputs.npz", "--quiet")
                    ours = numpy.load(self.folder / "outputs.npz")["logits"]
                    theirs = infer_in_onnx_runtime(path, samples)
                    worst = max(worst, abs(ours - theirs).max() / max(1, abs(theirs).max()))
                self.figure(f"{name}: {len(points)} points, {sizes[0]} to {sizes[-1]} parameters, differ by {worst:.1e}")
                self.assertLess(worst, 1e-4)

    def test_limits_on_the_size_hold_on_disk(self):
        data, _ = self.small("digits-vit")
        size = MODELS["digits-vit"].stat().st_size
        for flag, limit in [("--max-bytes", size * 2 // 3), ("--max-bytes", "600kB"), ("--max-parameters", 120_000)]:
            with self.subTest(flag=flag, limit=limit):
                self.compress(MODELS["digits-vit"], data, flag, limit, statuses=(0,))
                written = self.folder / "small.onnx"
                if flag == "--max-bytes":
                    most = 600_000 if limit == "600kB" else limit
                    self.assertLessEqual(written.stat().st_size, most)
                    self.assertGreater(written.stat().st_size, 0.9 * most)
                else:
                    self.assertLessEqual(parameters(written), limit)
        result, points, _ = self.compress(MODELS["digits-vit"], data, "--max-bytes", 1000, statuses=(4,))
        self.assertFalse(result["met_budget"])
        self.assertIn("max_bytes", str(result["admitting_budget"]))

    def test_kinds_of_replacement_are_kept_to(self):
        data, _ = self.small("digits-vit")
        _, points, front = self.compress(MODELS["digits-vit"], data, "--replacements", "width")
        nodes = len(onnx.load(MODELS["digits-vit"]).graph.node)
        for point in points:
            self.assertEqual(len(onnx.load(front / point["file"]).graph.node), nodes)
        _, points, front = self.compress(MODELS["digits-vit"], data, "--replacements", "width,affine")
        self.assertLess(min(len(onnx.load(front / point["file"]).graph.node) for point in points), nodes)

    def test_several_inputs_and_outputs(self):
        _, points, front = self.compress(FIXTURES / "bert.onnx", FIXTURES / "bert.npz")
        arrays = dataset(FIXTURES / "bert.npz")
        session = onnxruntime.InferenceSession(str(front / points[-1]["file"]), providers=["CPUExecutionProvider"])
        feed = {value.name: arrays[value.name + "_test"].astype("int64") for value in session.get_inputs()}
        run("run", front / points[-1]["file"], "--data", FIXTURES / "bert.npz", "-o", self.folder / "outputs.npz",
            "--quiet")
        ours = numpy.load(self.folder / "outputs.npz")
        for value, theirs in zip(session.get_outputs(), session.run(None, feed)):
            self.assertLess(abs(ours[value.name] - theirs).max(), 1e-4)
