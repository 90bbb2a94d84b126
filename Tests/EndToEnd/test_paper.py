"""The paper's method step by step, against the same steps taken in PyTorch (`layercollapse_*` of the reference)."""

import json

import numpy
import onnx

from program import (
    DATA, MODELS, Case, dataset, infer_in_onnx_runtime, initializers, read_json, reference, run, values_held,
)

MODEL = MODELS["digits-mlp"]
EXPECTED = reference("digits-mlp")
STEPS = len(EXPECTED["layercollapse_slopes"])


class DigitsMLP(Case):
    def compress(self, threshold):
        """The settings of the reference: both slopes from 0, SGD, loss + 5 (1 - a)^2 each, 78 steps in the file's order."""
        self.small, report = self.folder / "small.onnx", self.folder / "report.json"
        self.small.unlink(missing_ok=True)
        done = run(
            "compress", MODEL, "--data", DATA, "--method", "layercollapse", "--finetune", "labels", "--train", "all",
            "--penalty", 5, "--threshold", threshold, "--steps", STEPS, "--batch-size", 64, "--optimizer", "sgd",
            "--learning-rate", "1e-3", "--momentum", "0.9", "--weight-decay", "0", "--no-shuffle",
            "-o", self.small, "--report", report, "--events", statuses=(0, 4),
        )
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        metrics = [event["data"] for event in events if event["type"] == "metrics"]
        return done.returncode, read_json(report)["result"]["layers"], metrics

    def test_slopes_follow_the_reference_and_a_tight_threshold_refuses_both(self):
        status, layers, metrics = self.compress(threshold=0.05)
        slopes = numpy.array([
            [value for key, value in sorted(metric.items()) if key.startswith("slope.")] for metric in metrics
        ])
        self.assertEqual(slopes.shape, EXPECTED["layercollapse_slopes"].shape)
        distance = abs(slopes - EXPECTED["layercollapse_slopes"]).max()
        self.figure(f"{STEPS} steps: slopes differ by at most {distance:.1e} (allowed 1e-2)")
        self.assertLess(distance, 1e-2)
        self.assertEqual(status, 4)
        self.assertEqual([layer["collapsed"] for layer in layers], [False, False])
        self.figure("refused with slopes " + ", ".join(f"{layer['slope']:.3f}" for layer in layers))
        for layer, expected in zip(layers, EXPECTED["layercollapse_slopes"][-1]):
            self.assertAlmostEqual(layer["slope"], expected, delta=1e-2)
            self.assertRegex(layer["reason"], f"{layer['slope']:.3f}"[:4])

    def test_a_wider_threshold_merges_only_the_second(self):
        status, layers, _ = self.compress(threshold=0.1)
        self.assertEqual(status, 0)
        self.assertEqual([layer["collapsed"] for layer in layers], [False, True])
        self.figure(f"values in the initializers: {values_held(MODEL)} -> {values_held(self.small)}")

    def test_with_everything_merged_one_layer_remains_and_it_is_the_references(self):
        status, layers, _ = self.compress(threshold=1)
        self.assertEqual(status, 0)
        self.assertEqual([layer["collapsed"] for layer in layers], [True, True])
        arrays = initializers(self.small)
        weight = next(array for array in arrays.values() if array.ndim == 2)
        bias = next(array for array in arrays.values() if array.ndim == 1)
        expected = EXPECTED["layercollapse_merged_weight"]
        weight = weight if weight.shape == expected.shape else weight.T
        error = abs(weight - expected).max() / abs(expected).max()
        bias_error = abs(bias - EXPECTED["layercollapse_merged_bias"]).max()
        self.figure(f"merged weight {error:.1e} of its largest entry (allowed 1e-3), bias {bias_error:.1e}")
        self.assertEqual(len(arrays), 2)
        self.assertLess(error, 1e-3)
        self.assertLess(bias_error, 1e-3)


class RegularizedTraining(Case):
    """The same pull in a plain training: nothing merges until `compress --method merge` is asked to."""

    def test_the_file_runs_elsewhere_and_merges_to_the_references_layer(self):
        trained, merged = self.folder / "trained.onnx", self.folder / "merged.onnx"
        report = self.folder / "training.json"
        run("train", MODEL, "--data", DATA, "--regularize", "layercollapse", "--penalty", 5, "--steps", STEPS,
            "--batch-size", 64, "--optimizer", "sgd", "--learning-rate", "1e-3", "--momentum", "0.9", "--weight-decay", "0",
            "--no-shuffle", "--report", report, "--quiet", "-o", trained)
        kinds = [node.op_type for node in onnx.load(trained).graph.node]
        self.assertEqual([kinds.count("PRelu"), kinds.count("Relu")], [2, 0])
        told = read_json(report)
        arrays = dataset()
        labels = arrays["y_test"]
        logits = infer_in_onnx_runtime(trained, arrays["x_test"]).astype(numpy.float64)
        shifted = logits - logits.max(1, keepdims=True)
        chosen = shifted[numpy.arange(len(labels)), labels] - numpy.log(numpy.exp(shifted).sum(1))
        self.figure(f"held-out loss {told['held_out_loss']:.4f}, by ONNX Runtime {-chosen.mean():.4f}")
        self.assertAlmostEqual(told["held_out_loss"], -chosen.mean(), delta=1e-4)
        self.assertAlmostEqual(told["gap"], told["held_out_loss"] - told["training_loss"], delta=1e-9)
        for slope, expected in zip(told["slopes"], EXPECTED["layercollapse_slopes"][-1]):
            self.assertAlmostEqual(slope["after"], expected, delta=1e-2)
        run("compress", trained, "--method", "merge", "--threshold", 1, "-o", merged, "--quiet")
        self.assertEqual(values_held(merged), EXPECTED["layercollapse_merged_weight"].size + 10)

    def test_flags_of_a_pull_without_one_are_refused(self):
        refused = run("train", MODEL, "--data", DATA, "--penalty", 5, "-o", self.folder / "no.onnx", statuses=(2, 3))
        self.assertIn("add --regularize layercollapse", refused.stderr)
