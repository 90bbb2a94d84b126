"""PyTorch's side of the training benchmark: the same network from the same file, the same steps.

    python Benchmarks/train_digits_vgg.py MODEL.onnx DATA.npz --steps N --threads N

Prints what `layercollapse train --timing` writes. The first step is excluded, as it is there.
"""

import argparse
import json
import resource
import time

import numpy
import onnx
import torch
from torch import nn
from torch.nn import functional


class DigitsVGG(nn.Module):
    """The exported network: the BatchNorm of the convolutions was folded into them, that of the head was not."""

    def __init__(self):
        super().__init__()

        def stage(inputs, outputs):
            return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]

        self.features = nn.Sequential(*stage(1, 16), *stage(16, 32), *stage(32, 32))
        self.classifier = nn.Sequential(
            nn.Linear(128, 384), nn.ReLU(), nn.BatchNorm1d(384), nn.Dropout(0.3),
            nn.Linear(384, 384), nn.ReLU(), nn.Dropout(0.3), nn.Linear(384, 10),
        )

    def forward(self, images):
        return self.classifier(torch.flatten(self.features(images), 1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    network = DigitsVGG()
    tensors = onnx.load(options.model).graph.initializer
    weights = {tensor.name: torch.tensor(onnx.numpy_helper.to_array(tensor)) for tensor in tensors}
    missing = network.load_state_dict(weights, strict=False)
    assert not missing.unexpected_keys and missing.missing_keys in ([], ["classifier.2.num_batches_tracked"]), missing
    network.eval()  # BatchNorm on its running statistics and no dropout: the network as it was exported

    with numpy.load(options.data) as arrays:
        images, labels = torch.from_numpy(arrays["x_train"]), torch.from_numpy(arrays["y_train"])
    batches = len(images) // options.batch_size
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)
    started = 0.0
    for step in range(options.steps):
        if step == 1:
            started = time.perf_counter()
        first = step % batches * options.batch_size
        last = first + options.batch_size
        loss = functional.cross_entropy(network(images[first:last]), labels[first:last])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seconds = time.perf_counter() - started
    print(json.dumps({
        "samples_per_second": (options.steps - 1) * options.batch_size / seconds,
        "seconds": seconds,
        "steps": options.steps,
        "batch_size": options.batch_size,
        "threads": options.threads,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "version": torch.__version__,
    }))


if __name__ == "__main__":
    main()
