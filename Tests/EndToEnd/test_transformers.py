"""Networks of several inputs and outputs, with open and with fixed sizes (`make_bert.py`), against PyTorch and numpy."""

import json

import numpy

from program import FIXTURES, MODELS, Case, data_of, dataset, read_json, run

OPEN, FIXED, DATA = FIXTURES / "bert.onnx", FIXTURES / "bert-batch4.onnx", FIXTURES / "bert.npz"
INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
OPTIMIZERS = {
    "sgd": ["--optimizer", "sgd", "--learning-rate", "1e-2", "--momentum", "0.9", "--weight-decay", "0"],
    "adamw": ["--optimizer", "adamw", "--learning-rate", "1e-3", "--weight-decay", "0.01"],
}


def log_softmax(values):
    shifted = values - values.max(-1, keepdims=True)
    return shifted - numpy.log(numpy.exp(shifted).sum(-1, keepdims=True))


class Transformer(Case):
    reference = dict(numpy.load(FIXTURES / "bert.reference.npz"))

    def outputs(self, model, data=DATA):
        answer = self.folder / "outputs.npz"
        run("run", model, "--data", data, "-o", answer, "--batch-size", 16)
        return dict(numpy.load(answer))

    def losses(self, model, data, *flags):
        trace = self.folder / "trace.json"
        run("train", model, "--data", data, "-o", self.folder / "trained.onnx", "--trace", trace, *flags)
        return numpy.array(read_json(trace)["losses"])

    def test_both_outputs_are_those_of_pytorch(self):
        for model in [OPEN, FIXED]:
            found = self.outputs(model)
            self.assertEqual(set(found), {"logits", "last_hidden_state"})
            for name, values in found.items():
                distance = abs(values - self.reference[name]).max()
                self.figure(f"{model.stem}, {name}: differs by at most {distance:.1e} (allowed 1e-4)")
                self.assertEqual(values.shape, self.reference[name].shape)
                self.assertLess(distance, 1e-4)

    def test_a_shorter_sequence_is_the_same_network(self):
        short = self.folder / "short.npz"
        numpy.savez(short, **{name: dataset(DATA)[f"{name}_test"][:, :7].astype(numpy.int64) for name in INPUTS})
        # Without its padding a sentence is the same sentence.
        rows = dataset(DATA)["attention_mask_test"].sum(1) <= 7
        self.assertGreater(rows.sum(), 5)
        distance = abs(self.outputs(OPEN, short)["logits"] - self.reference["logits"])[rows].max()
        self.assertLess(distance, 1e-4)

    def test_ten_steps_equal_those_of_pytorch_with_an_open_and_with_a_fixed_batch(self):
        for optimizer, flags in OPTIMIZERS.items():
            with self.subTest(optimizer=optimizer):
                flags = [*flags, "--steps", 10, "--batch-size", 16, "--no-shuffle"]
                found = [self.losses(model, DATA, *flags) for model in [OPEN, FIXED]]
                error = abs(found[0] / self.reference[f"{optimizer}_losses"] - 1).max()
                distance = abs(found[0] - found[1]).max()
                self.figure(
                    f"bert, {optimizer}: losses {error:.1e} relative (allowed 1e-3); batch 4 x4 and 16 differ by "
                    f"{distance:.1e} (allowed 1e-4)"
                )
                self.assertLess(error, 1e-3)
                self.assertLess(distance, 1e-4)

    def test_a_fixed_batch_is_told(self):
        done = run(
            "train", FIXED, "--data", DATA, "-o", self.folder / "told.onnx", "--batch-size", 16, "--steps", 1,
            "--loss", "cross_entropy",
        )
        self.assertIn("warning: batch is fixed at 4; using gradient accumulation x4", done.stderr)

    def test_compression_keeps_inputs_and_outputs(self):
        for model in [OPEN, FIXED]:
            with self.subTest(model=model.stem):
                small, report = self.folder / "small.onnx", self.folder / "report.json"
                done = run(
                    "compress", model, "--data", DATA, "-o", small, "--report", report, "--outputs", "logits",
                    "--outputs", "last_hidden_state", "--max-layers", 1, "--steps", 20, "--batch-size", 16, "--events",
                )
                found = self.outputs(small)
                for name in ["logits", "last_hidden_state"]:
                    self.assertEqual(found[name].shape, self.reference[name].shape)
                events = [json.loads(line) for line in done.stdout.splitlines()]
                losses = [event["data"]["train_loss"] for event in events if event["type"] == "metrics"]
                self.assertEqual(len(losses), 20)
                self.assertTrue(numpy.isfinite(losses).all())
                before, after = (read_json(report)["result"][key]["parameters"] for key in ["original", "compressed"])
                self.figure(f"{model.stem}: {before} -> {after} parameters, loss {losses[0]:.4f} -> {losses[-1]:.4f}")
                self.assertLess(after, before)

    def test_an_output_that_is_not_there_is_a_mistake_of_use(self):
        done = run(
            "compress", OPEN, "--data", DATA, "-o", self.folder / "none.onnx", "--outputs", "logit", statuses=[2])
        self.assertIn("the model has no output 'logit' of numbers: it has logits, last_hidden_state", done.stderr)

    def test_a_language_model_learns_the_token_that_follows(self):
        tokens = dataset(FIXTURES / "code-lm.npz")["x_train"][:32]
        data, answer = self.folder / "tokens.npz", self.folder / "logits.npz"
        numpy.savez(data, x=tokens)
        found = self.losses(
            MODELS["code-gpt"], data, "--loss", "causal_lm", "--steps", 1, "--batch-size", 32, "--no-shuffle")
        run("run", MODELS["code-gpt"], "--data", data, "-o", answer)
        logits = log_softmax(next(iter(numpy.load(answer).values())).astype(numpy.float64))
        expected = -numpy.take_along_axis(logits[:, :-1], tokens[:, 1:, None], -1).mean()
        self.figure(f"code-gpt: loss {found[0]:.6f}, by numpy {expected:.6f}")
        self.assertLess(abs(found[0] / expected - 1), 1e-4)


class Memory(Case):
    def test_the_peak_is_about_what_the_plan_says(self):
        for model, data in [(MODELS["digits-vgg"], data_of("digits-vgg")), (OPEN, DATA)]:
            with self.subTest(model=model.stem):
                report = self.folder / "report.json"
                plan = json.loads(run("inspect", model, "--data", data, "--json").stdout)
                run(
                    "compress", model, "--data", data, "-o", self.folder / "small.onnx", "--report", report,
                    "--steps", 5, "--max-disagreement", 1,
                )
                peak, said = read_json(report)["peak_memory_bytes"], plan["estimate"]["peak_memory_bytes"]
                self.figure(f"{model.stem}: {said / 1e6:.0f} MB estimated, {peak / 1e6:.0f} MB at most (allowed 25 %)")
                self.assertLess(abs(said / peak - 1), 0.25)
