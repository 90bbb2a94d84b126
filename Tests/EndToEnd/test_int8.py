"""Files with int8 weights, against ONNX Runtime and its own `quantize_dynamic`."""

import numpy
import onnx
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

from program import MODELS, Case, data_of, dataset, read_json, run

onnxruntime.set_default_logger_severity(3)
# Nothing is replaced: what is measured is the integers alone.
ALONE = ["--exclude", "*", "--finetune", "none", "--quiet"]


def outputs(path, x):
    """The outputs of ONNX Runtime, one sample a run: each run quantizes by its own range."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return numpy.concatenate([session.run(None, {name: x[index:index + 1]})[0] for index in range(len(x))])


def log_softmax(logits):
    logits = logits.astype(numpy.float64) - logits.max(-1, keepdims=True)
    return logits - numpy.log(numpy.exp(logits).sum(-1, keepdims=True))


def divergence(before, after):
    p, q = log_softmax(before), log_softmax(after)
    return float((numpy.exp(p) * (p - q)).sum(-1).mean())


def arrays(path):
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(str(path)).graph.initializer}


class Int8(Case):
    def compress(self, name, *flags, statuses=(0, 4)):
        new, report = self.folder / f"{name}.onnx", self.folder / f"{name}.json"
        run("compress", MODELS[name], "--data", data_of(name), "-o", new, "--report", report, *flags, statuses=statuses)
        return new, read_json(report)["result"]

    def test_onnx_runtime_computes_what_the_program_does_and_loses_no_more_than_by_its_own_quantizer(self):
        for name in ["digits-mlp", "digits-vit", "digits-vit-dynamo", "digits-mixer", "code-encoder", "code-gpt"]:
            with self.subTest(name=name):
                old, (new, result) = MODELS[name], self.compress(name, *ALONE, "--quantize", "dynamic_int8")
                model = onnx.load(new)
                onnx.checker.check_model(model, full_check=True)
                self.assertEqual(model.graph.input, onnx.load(old).graph.input)
                self.assertEqual(result["quantization"]["weights"], "int8")
                self.assertEqual(result["quantization"]["bytes_after"], new.stat().st_size)
                self.assertEqual(result["compressed"]["bytes"], new.stat().st_size)
                self.assertIsNone(result["compressed"]["latency_ms_p50"])

                x = dataset(data_of(name))["x_test"][:200]
                inputs = self.folder / "inputs.npz"
                numpy.savez(inputs, x=x)
                run("run", new, "--data", inputs, "-o", self.folder / "outputs.npz", "--batch-size", 1, "--quiet")
                with numpy.load(self.folder / "outputs.npz") as found:
                    ours = found["logits"]
                before, after = outputs(old, x), outputs(new, x)
                # Where a value lies between two integers, the last digit of a float decides which it becomes.
                step = abs(after - before).max()
                self.assertLess(abs(ours - after).mean(), 0.2 * abs(after - before).mean())

                # Against the form that does not saturate without VNNI either.
                found, sizes = {"ours": divergence(before, after)}, {}
                for per_channel, word in [(True, "channels"), (False, "tensors")]:
                    path = self.folder / f"{word}.onnx"
                    quantize_dynamic(str(old), str(path), per_channel=per_channel, weight_type=QuantType.QInt8,
                                     reduce_range=True, op_types_to_quantize=["MatMul", "Gather", "Gemm"])
                    found[word], sizes[word] = divergence(before, outputs(path, x)), path.stat().st_size
                self.assertLess(new.stat().st_size, old.stat().st_size / 2)
                self.assertLess(new.stat().st_size, 1.05 * sizes["channels"])
                self.figure(f"{name}: {old.stat().st_size} -> {new.stat().st_size} bytes, moved by {step:.3f}; KL "
                            + ", ".join(f"{word} {value:.6f}" for word, value in found.items()))
                self.assertLess(found["ours"], 1.5 * found["channels"] + 1e-6)
                self.assertLess(found["ours"], found["tensors"])

    def test_no_pair_of_products_overflows_16_bits(self):
        """`vpmaddubsw` adds two neighbouring products of bytes in 16 bits; processors without VNNI have no other."""
        new, _ = self.compress("digits-vit", *ALONE, "--quantize", "dynamic_int8")
        for name, weight in arrays(new).items():
            if weight.dtype != numpy.int8:
                continue
            pairs = weight[:len(weight) // 2 * 2].astype(int).reshape(-1, 2, weight.shape[1])
            self.assertLess(255 * numpy.maximum(pairs, 0).sum(1).max(), 1 << 15)
            self.assertGreaterEqual(255 * numpy.minimum(pairs, 0).sum(1).min(), -(1 << 15))
            self.assertGreater(abs(weight.astype(int)).max(), 64)

    def test_auto_takes_integers_within_the_budget_and_floats_beyond_it(self):
        new, result = self.compress("digits-mlp", *ALONE, "--quantize", "auto", statuses=(0,))
        self.assertEqual(result["quantization"]["weights"], "int8")
        self.assertTrue(result["met_budget"])
        done = run("compress", MODELS["digits-mlp"], "--data", data_of("digits-mlp"), "-o", self.folder / "none.onnx",
                   *ALONE, "--quantize", "auto", "--max-disagreement", 0, statuses=(4,))
        self.assertIn("held-out disagreement", done.stdout + done.stderr)

    def test_integers_that_are_asked_for_are_written_beyond_the_budget_with_what_would_admit_them(self):
        new, result = self.compress(
            "digits-mlp", *ALONE, "--quantize", "dynamic_int8", "--max-disagreement", 0, statuses=(4,))
        self.assertFalse(result["met_budget"])
        self.assertGreater(result["admitting_budget"]["max_disagreement"], 0)
        self.assertTrue(any(array.dtype == numpy.int8 for array in arrays(new).values()))

    def test_collapse_and_integers_together_are_within_the_budget_and_smaller_than_either(self):
        flags = ["--finetune", "none", "--calibration-samples", 300, "--max-disagreement", 0.08, "--quiet"]
        both, result = self.compress("digits-vit", *flags, "--quantize", "dynamic_int8", statuses=(0,))
        self.assertTrue(result["met_budget"])
        self.assertTrue(any(layer["collapsed"] for layer in result["layers"]))
        size = both.stat().st_size
        alone, _ = self.compress("digits-vit", *ALONE, "--quantize", "dynamic_int8")
        self.assertLess(size, alone.stat().st_size)
        self.assertLess(size, MODELS["digits-vit"].stat().st_size / 4)
        for ending in ["md", "html"]:
            report = self.folder / f"report.{ending}"
            run("compress", MODELS["digits-vit"], "--data", data_of("digits-vit"), "-o", both, "--report", report, *flags,
                "--quantize", "dynamic_int8")
            self.assertIn("int8", report.read_text())
