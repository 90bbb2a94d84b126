"""Trains networks of the corpus beside PyTorch eager and prints how many times faster the program is.

    python Benchmarks/corpus_speed.py [--program PROGRAM] [--only NAME ...] [--rounds N] [--steps N] [--threads N]

Both train all parameters by AdamW on the same 8 samples with the same threads, in turn; the first step, and so what either
side prepares, is left out. BatchNorms are folded in PyTorch too, as the exporter folds them. The networks of vision are of
their usual size; those of language have four blocks of 256 and sequences of 128, so that there is something to compute.
"""

import argparse
import copy
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy
import torch

import corpus

BATCH = 8
# What the corpus has small, because it asks for operators and not for speed.
SIZES = dict(
    vocab_size=2000, hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1024,
    max_position_embeddings=160)
SEQUENCE = 128
# Their configurations name each size for themselves.
LEFT_OUT = {"GPT-2", "DistilBERT"}


def exported(name, path):
    torch.manual_seed(7)
    model, inputs = corpus.MODELS[name]()
    inputs = {key: value.repeat(BATCH // len(value), *[1] * (value.ndim - 1)) for key, value in inputs.items()}
    model = corpus.settle(model.eval(), inputs)
    corpus.export(model, inputs, "script", None, path)
    return model, inputs


def in_pytorch(model, inputs, labels, steps):
    """A function that takes so many steps and tells samples a second."""
    has_statistics = any(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) for module in model.modules())
    network = (corpus.with_folded_statistics(model) if has_statistics else copy.deepcopy(model)).eval()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-6)

    def step():
        optimizer.zero_grad()
        corpus.forget_biases(network)
        output = network(*inputs.values())
        if labels.dtype == torch.int64:
            loss = torch.nn.functional.cross_entropy(output.reshape(-1, output.shape[-1]), labels.reshape(-1))
        else:
            loss = torch.nn.functional.mse_loss(output, labels)
        loss.backward()
        optimizer.step()

    def take():
        started = time.monotonic()
        for _ in range(steps):
            step()
        return BATCH * steps / (time.monotonic() - started)

    step()
    return take


def ours(options, path, labels, folder):
    corpus.call(
        options.program, "train", path, "--data", folder / "train.npz", "-o", folder / "trained.onnx", "--force", "--quiet",
        "--timing", folder / "timing.json", "--optimizer", "adamw", "--learning-rate", "1e-6", "--steps", options.steps + 1,
        "--batch-size", BATCH, "--no-shuffle", "--labels", "y", "--threads", options.threads,
        "--loss", "cross_entropy" if labels.dtype == torch.int64 else "mse")
    return json.loads((folder / "timing.json").read_text())["samples_per_second"]


def compared(options, name, folder):
    path = folder / "model.onnx"
    model, inputs = exported(name, path)
    labels = corpus.labels_for(model, inputs)
    numpy.savez(folder / "train.npz", **{key: value.numpy() for key, value in inputs.items()}, y=labels.numpy())
    take = in_pytorch(model, inputs, labels, options.steps)
    pairs = [(ours(options, path, labels, folder), take()) for _ in range(options.rounds)]
    ratios = sorted(mine / theirs for mine, theirs in pairs)
    mine, theirs = (statistics.median(side) for side in zip(*pairs))
    return f"{mine:>9.1f} {theirs:>9.1f} {statistics.median(ratios):>7.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default=str(corpus.ROOT / ".build" / "release" / "layercollapse"))
    parser.add_argument("--only", nargs="*", default=[name for name in corpus.MODELS if name not in LEFT_OUT])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    corpus.SMALL.update(SIZES)
    corpus.SEQUENCE = SEQUENCE
    print(f"{'':<20} {'samples/s':>9} {'PyTorch':>9} {'faster':>7} (rounds)", flush=True)
    for name in options.only:
        with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
            try:
                print(f"{name:<20} {compared(options, name, Path(folder))}", flush=True)
            except Exception as error:  # The others are still worth telling.
                print(f"{name:<20} failed: {str(error).strip().splitlines()[0][:120]}", flush=True)


if __name__ == "__main__":
    main()
