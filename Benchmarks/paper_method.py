"""The paper's method on the networks of the fixtures, beside the same runs in PyTorch.

    python Benchmarks/paper_method.py PROGRAM DATA_FOLDER [--only NAME] [any option of compress]

Needs numpy and onnxruntime. The written files are run by ONNX Runtime on the test split; the slopes are those of `--events`.
The reference: PyTorch, labels, 300 AdamW steps of 64 at a rate of 5e-4 along half a cosine, one seed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import onnxruntime

# The network, its data, the number of blocks, and the reference: accuracy in %, cross-entropy.
ROWS = [
    ("digits-vit", "digits16", 2, 76.6, 0.818),
    ("digits-vit", "digits16", 4, 72.7, 0.848),
    ("code-encoder", "code", 4, 83.2, 0.504),
    ("code-gpt", "code-lm", 2, 58.2, 1.634),
    ("code-gpt", "code-lm", 4, 50.3, 1.967),
    ("digits-mixer", "digits16", 4, 80.0, 0.730),
]
SETTINGS = ["--method", "layercollapse", "--finetune", "labels", "--steps", "300", "--optimizer", "adamw",
            "--learning-rate", "5e-4"]
# What a row may fall short by: points of accuracy, and a share of the cross-entropy.
POINTS, SHARE = 1.5, 0.05
# The steps whose slopes are shown, as shares of all.
SHOWN = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)


def compress(program, model, data, blocks, options, folder):
    """The written file, the report's layers, and the slopes of each trained layer over the steps."""
    output, report = folder / "small.onnx", folder / "report.json"
    done = subprocess.run(
        [program, "compress", model, "--data", data, "--max-layers", str(blocks), "-o", output, "--report", report,
         "--events", "--force", *SETTINGS, *options], capture_output=True, text=True)
    if done.returncode not in (0, 4):
        sys.exit(done.stderr)
    slopes = {}
    for line in done.stdout.splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        for key, value in event.get("data", {}).items() if event.get("type") == "metrics" else ():
            if key.startswith("slope."):
                slopes.setdefault(key.removeprefix("slope."), []).append(value)
    return output, json.loads(report.read_text())["result"]["layers"], slopes


def measured(model, inputs, labels):
    """Accuracy in % and cross-entropy, by ONNX Runtime."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    parts = [session.run(None, {name: inputs[start:start + 250]})[0] for start in range(0, len(inputs), 250)]
    logits = numpy.concatenate(parts).astype(numpy.float64)
    logits, labels = logits.reshape(-1, logits.shape[-1]), labels.reshape(-1)
    shifted = logits - logits.max(-1, keepdims=True)
    chosen = shifted[numpy.arange(len(labels)), labels] - numpy.log(numpy.exp(shifted).sum(-1))
    return 100 * (logits.argmax(-1) == labels).mean(), -chosen.mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only")
    arguments, options = parser.parse_known_args()
    misses = 0
    print("| Network | Blocks | Merged | Reference | Accuracy | Cross-entropy | |\n|---|---|---|---|---|---|---|")
    courses = []
    for name, data, blocks, accuracy, loss in ROWS:
        if arguments.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory() as folder, numpy.load(arguments.data / f"{data}.npz") as arrays:
            output, layers, slopes = compress(
                arguments.program, arguments.data / f"{name}.onnx", arguments.data / f"{data}.npz", blocks, options,
                Path(folder))
            found, entropy = measured(output, arrays["x_test"], arrays["y_test"])
        merged = sum(layer["collapsed"] for layer in layers)
        holds = found >= accuracy - POINTS and entropy <= loss * (1 + SHARE) and merged == blocks
        misses += not holds
        print(f"| {name} | {blocks} | {merged} | {accuracy:.1f} ({loss:.3f}) | {found:.1f} | {entropy:.3f} | "
              f"{'' if holds else 'falls short'} |", flush=True)
        courses += [(f"{name}, {blocks}", layer, course) for layer, course in slopes.items()]
    print("\nSlopes after the first step and after shares of all steps:")
    for row, layer, course in courses:
        points = [course[min(len(course) - 1, round(share * (len(course) - 1)))] for share in SHOWN]
        print(f"  {row}, {layer}: " + "  ".join(f"{share:.0%} {slope:.3f}" for share, slope in zip(SHOWN, points)))
    sys.exit(1 if misses else 0)


if __name__ == "__main__":
    main()
