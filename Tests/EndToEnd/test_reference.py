"""Inference and training against PyTorch 2.15 on the same weights (`fixtures/*.reference.npz`)."""

import numpy

from program import MODELS, Case, data_of, dataset, infer, read_json, reference, run

OPTIMIZERS = {
    "sgd": ["--optimizer", "sgd", "--learning-rate", "1e-3", "--momentum", "0.9", "--weight-decay", "0"],
    "adamw": ["--optimizer", "adamw", "--learning-rate", "1e-4", "--weight-decay", "0.01"],
}


def samples(name):
    """The test samples that the reference has logits of."""
    return dataset(data_of(name))["x_test"][: len(reference(name)["logits_test64"])]


class Inference(Case):
    def test_logits_equal_those_of_pytorch(self):
        for name, model in MODELS.items():
            with self.subTest(model=name):
                allowed = 1e-3 if "gpt" in name else 1e-4
                distance = abs(infer(model, samples(name), self.folder) - reference(name)["logits_test64"]).max()
                self.figure(f"{name}: logits differ by at most {distance:.1e} (allowed {allowed:.0e})")
                self.assertLess(distance, allowed)


class Training(Case):
    def test_twenty_steps_equal_those_of_pytorch(self):
        for name, model in MODELS.items():
            for optimizer, flags in OPTIMIZERS.items():
                with self.subTest(model=name, optimizer=optimizer):
                    expected = reference(name)
                    trained, trace = self.folder / "trained.onnx", self.folder / "trace.json"
                    run(
                        "train", model, "--data", data_of(name), "-o", trained, "--trace", trace, *flags,
                        "--steps", 20, "--batch-size", 64, "--no-shuffle", "--loss", "cross_entropy",
                    )
                    losses = numpy.array(read_json(trace)["losses"])
                    self.assertEqual(losses.shape, expected[f"{optimizer}_losses"].shape)
                    error = abs(losses / expected[f"{optimizer}_losses"] - 1).max()
                    distance = abs(
                        infer(trained, samples(name), self.folder) - expected[f"{optimizer}_logits_test64"]
                    ).max()
                    self.figure(
                        f"{name}, {optimizer}: losses {error:.1e} relative (allowed 1e-3), "
                        f"logits after {distance:.1e} (allowed 1e-2)"
                    )
                    self.assertLess(error, 1e-3)
                    self.assertLess(distance, 1e-2)
