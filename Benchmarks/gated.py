"""A LLaMA-shaped network: trained, exported, compressed without training, and measured by ONNX Runtime on the test split.

    python Benchmarks/gated.py PROGRAM [--steps 1500] [--folder DIR] [-- OPTION ...]

Four layers of 64 features with RMSNorm, rotary positions and SwiGLU units of 176 channels learn the next character of
`code-lm.npz`. Needs torch, numpy, onnx and onnxruntime from PyPI.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy
import torch
from torch import nn
from torch.nn import functional

from fronts import FIXTURES, measures, run_in_batches


class Norm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)


class GatedUnit(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gate_proj, self.up_proj = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, width, bias=False)

    def forward(self, x):
        return self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))


class Attention(nn.Module):
    def __init__(self, width, heads, length):
        super().__init__()
        self.heads, size = heads, width // heads
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (nn.Linear(width, width, bias=False) for _ in range(4))
        angles = torch.outer(torch.arange(length), 10000 ** -(torch.arange(0, size, 2) / size))
        self.register_buffer("cos", torch.cat([angles, angles], -1).cos())
        self.register_buffer("sin", torch.cat([angles, angles], -1).sin())

    def rotated(self, x):
        left, right = x.chunk(2, -1)
        return x * self.cos + torch.cat([-right, left], -1) * self.sin

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (layer(x).view(batch, length, self.heads, -1).transpose(1, 2)
                   for layer in (self.q_proj, self.k_proj, self.v_proj))
        mixed = functional.scaled_dot_product_attention(self.rotated(q), self.rotated(k), v, is_causal=True)
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, width))


class Layer(nn.Module):
    def __init__(self, width, hidden, heads, length):
        super().__init__()
        self.norm1, self.norm2 = Norm(width), Norm(width)
        self.self_attn, self.mlp = Attention(width, heads, length), GatedUnit(width, hidden)

    def forward(self, x):
        x = x + self.self_attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Llama(nn.Module):
    def __init__(self, entries=128, width=64, hidden=176, layers=4, heads=4, length=64):
        super().__init__()
        self.embed = nn.Embedding(entries, width)
        self.layers = nn.ModuleList(Layer(width, hidden, heads, length) for _ in range(layers))
        self.norm, self.head = Norm(width), nn.Linear(width, entries, bias=False)

    def forward(self, tokens):
        x = self.embed(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


def trained(data, steps, batch=64):
    torch.manual_seed(0)
    network, random = Llama(), numpy.random.default_rng(0)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for _ in range(steps):
        rows = random.integers(0, len(data["x_train"]), batch)
        x, y = (torch.from_numpy(data[key][rows]) for key in ("x_train", "y_train"))
        loss = functional.cross_entropy(network(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.mkdtemp()))
    arguments, more = parser.parse_known_args()
    data = numpy.load(FIXTURES / "code-lm.npz")
    model = arguments.folder / "llama.onnx"
    if not model.exists():
        torch.onnx.export(
            trained(data, arguments.steps), (torch.zeros(2, 64, dtype=torch.int64),), model, input_names=["x"],
            output_names=["logits"], dynamic_axes={"x": {0: "batch"}, "logits": {0: "batch"}}, opset_version=17,
            dynamo=False)
    subprocess.run(
        [arguments.program.resolve(), "compress", model, "--data", FIXTURES / "code-lm.npz", "--front",
         arguments.folder / "front", "-o", arguments.folder / "small.onnx", "--finetune", "none", "--force",
         *[word for word in more if word != "--"]], check=False)
    test = {"x": data["x_test"]}
    before = run_in_batches(model, test)
    front = json.loads((arguments.folder / "front" / "front.json").read_text())
    whole = sum(parameter.numel() for parameter in Llama().parameters())
    base = measures(before, before, data["y_test"])
    print(f"{whole:,} parameters: accuracy {base['accuracy']:.2f} %, cross-entropy {base['loss']:.4f}")
    for point in sorted(front["data"], key=lambda point: -point["parameters"]):
        found = measures(before, run_in_batches(arguments.folder / "front" / point["file"], test), data["y_test"])
        print(f"{point['parameters']:8,}  {100 * point['parameters'] / whole:5.1f} %  accuracy {found['accuracy']:.2f} %  "
              f"cross-entropy {found['loss']:.4f}  disagreement {found['disagreement']:.2f} %  KL {found['kl']:.4f}")


if __name__ == "__main__":
    main()
