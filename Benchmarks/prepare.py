"""Writes what a network of the benchmarks needs: its ONNX file, exported by PyTorch, and batches of random samples.

    python Benchmarks/prepare.py NAME --model OUT.onnx
    python Benchmarks/prepare.py NAME --data OUT.npz --samples N [--test-samples N]

The weights are random: how long a step takes does not depend on them.
"""

import argparse
import os
import warnings
from pathlib import Path

import numpy

WORDS, SEQUENCES = 30522, {"bert-base": 128, "minilm-shape": 64}


def samples(name, count):
    """Inputs by their names in the ONNX file, and labels under `y`."""
    random = numpy.random.default_rng(7)

    def image(*shape):
        return {"input": random.standard_normal((count, *shape), dtype=numpy.float32)}

    def labels(classes, *shape):
        return {"y": random.integers(0, classes, (count, *shape))}

    match name:
        case "digits-vgg" | "digits-vit" | "digits-mixer":
            return image(1, 16, 16) | labels(10)
        case "code-encoder":
            return {"input_ids": random.integers(0, 128, (count, 64))} | labels(5)
        case "code-gpt":
            return {"input_ids": random.integers(0, 128, (count, 64))} | labels(128, 64)
        case "vgg16" | "vit-ti":
            return image(3, 224, 224) | labels(1000)
        case "bert-base" | "minilm-shape":
            # Sentences of different lengths, padded: what a mask is for.
            lengths = random.integers(SEQUENCES[name] // 2, SEQUENCES[name] + 1, (count, 1))
            mask = (numpy.arange(SEQUENCES[name]) < lengths).astype(numpy.int64)
            return {"input_ids": random.integers(1, WORDS, mask.shape) * mask, "attention_mask": mask} | labels(2)
    raise SystemExit(f"there is no network {name}")


def export(name, path):
    import torch

    from networks import network

    inputs = {key: torch.from_numpy(array) for key, array in samples(name, 2).items() if key != "y"}
    axes = {key: {0: "batch"} for key in [*inputs, "logits"]}
    with torch.no_grad():
        torch.onnx.export(
            network(name).eval(), tuple(inputs.values()), str(path), input_names=list(inputs), output_names=["logits"],
            dynamic_axes=axes, opset_version=17, dynamo=False)


def main():
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--test-samples", type=int, default=0, help="more samples, as a split of their own")
    options = parser.parse_args()
    # What was interrupted must not look like a whole file.
    if options.model:
        part = options.model.with_suffix(".part")
        export(options.name, part)
        os.replace(part, options.model)
    if options.data:
        part = options.data.with_suffix(".part.npz")
        arrays = samples(options.name, options.samples + options.test_samples)
        if options.test_samples:
            arrays = {f"{key}_{split}": array[start:end] for key, array in arrays.items() for split, start, end in
                      [("train", 0, options.samples), ("test", options.samples, len(array))]}
        numpy.savez(part, **arrays)
        os.replace(part, options.data)


if __name__ == "__main__":
    main()
