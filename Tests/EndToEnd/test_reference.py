"""Inference and training against PyTorch 2.15 on the same weights (`fixtures/*.reference.npz`)."""

import numpy

from program import DATA, MODELS, Case, dataset, infer, read_json, reference, run

OPTIMIZERS = {
    "sgd": ["--optimizer", "sgd", "--learning-rate", "1e-3", "--momentum", "0.9", "--weight-decay", "0"],
    "adamw": ["--optimizer", "adamw", "--learning-rate", "1e-4", "--weight-decay", "0.01"],
}


class Inference(Case):
    def test_logits_equal_those_of_pytorch(self):
        images = dataset()["x_test"][:64]
        for name, model in MODELS.items():
            with self.subTest(model=name):
                distance = abs(infer(model, images, self.folder) - reference(name)["logits_test64"]).max()
                self.figure(f"{name}: logits differ by at most {distance:.1e} (allowed 1e-4)")
                self.assertLess(distance, 1e-4)


class Training(Case):
    def test_twenty_steps_equal_those_of_pytorch(self):
        images = dataset()["x_test"][:64]
        for name, model in MODELS.items():
            for optimizer, flags in OPTIMIZERS.items():
                with self.subTest(model=name, optimizer=optimizer):
                    expected = reference(name)
                    trained, trace = self.folder / "trained.onnx", self.folder / "trace.json"
                    run(
                        "train", model, "--data", DATA, "-o", trained, "--trace", trace, *flags,
                        "--steps", 20, "--batch-size", 64, "--no-shuffle", "--loss", "cross_entropy",
                    )
                    losses = numpy.array(read_json(trace)["losses"])
                    self.assertEqual(losses.shape, expected[f"{optimizer}_losses"].shape)
                    error = abs(losses / expected[f"{optimizer}_losses"] - 1).max()
                    distance = abs(infer(trained, images, self.folder) - expected[f"{optimizer}_logits_test64"]).max()
                    self.figure(
                        f"{name}, {optimizer}: losses {error:.1e} relative (allowed 1e-3), "
                        f"logits after {distance:.1e} (allowed 1e-2)"
                    )
                    self.assertLess(error, 1e-3)
                    self.assertLess(distance, 1e-2)
