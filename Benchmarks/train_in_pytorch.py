"""PyTorch's side of the training benchmark: a network of the same shape, the same data, the same steps.

    python Benchmarks/train_in_pytorch.py NAME DATA.npz --steps N --batch-size N --threads N [--optimizer sgd] [--compile]

Prints what `layercollapse train --timing` writes. The first step is excluded, as it is there: with `--compile` it is the one
that compiles. AdamW is PyTorch's fused one, its fastest.
"""

import argparse
import json
import resource
import time

import numpy
import torch
from torch.nn import functional

from networks import network


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("data")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--optimizer", choices=["adamw", "sgd"], default="adamw")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    model = network(options.name)
    model.eval()  # BatchNorm on its running statistics and no dropout: the network as it was exported
    with numpy.load(options.data) as arrays:
        inputs = [torch.from_numpy(arrays[key]) for key in arrays.files if key != "y"]
        labels = torch.from_numpy(arrays["y"])
    batches = len(labels) // options.batch_size
    if options.optimizer == "sgd":
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    else:
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    forward = torch.compile(model) if options.compile else model
    started = 0.0
    for step in range(options.steps):
        if step == 1:
            started = time.perf_counter()
        rows = slice(step % batches * options.batch_size, (step % batches + 1) * options.batch_size)
        logits = forward(*(samples[rows] for samples in inputs))
        loss = functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels[rows].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seconds = time.perf_counter() - started
    print(json.dumps({
        "samples_per_second": (options.steps - 1) * options.batch_size / seconds, "seconds": seconds,
        "steps": options.steps - 1, "batch_size": options.batch_size, "threads": options.threads,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "version": torch.__version__,
    }))


if __name__ == "__main__":
    main()
