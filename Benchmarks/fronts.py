"""The front of each example network, measured by ONNX Runtime on the test split.

    python Benchmarks/fronts.py PROGRAM [--only NAME ...] [--finetune none|self_distill] [--seeds 0] [-- OPTION ...]

Each network is compressed with `--front`; every point is run on the test split and compared with the original: parameters,
top-1 accuracy, cross-entropy, disagreement and mean KL. Beside them stands what a prototype in numpy reached at about the
same size (no labels; no training unless said), and the ratio of the damage that the table of sites predicts to the measured
one. Needs numpy and onnxruntime from PyPI.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy

from promises import NETWORKS, ROOT, logits, split

FIXTURES = ROOT / "Tests" / "EndToEnd" / "fixtures"
NETWORKS = dict(NETWORKS)
NETWORKS["code-gpt"] = (FIXTURES / "code-gpt.onnx", FIXTURES / "code-lm.npz")
# Share of the parameters at most, and what to reach there: disagreement in percent, KL, accuracy in percent.
GOALS = {
    "digits-vit": [(0.700, {"disagreement": 2.0, "kl": 0.0042}), (0.573, {"disagreement": 4.6, "kl": 0.023}),
                   (0.501, {"disagreement": 7.7, "accuracy": 76.1})],
    "code-encoder": [(0.544, {"disagreement": 2.1, "accuracy": 84.9}), (0.476, {"disagreement": 2.6, "accuracy": 84.6})],
    "code-gpt": [(0.911, {"kl": 0.024}), (0.729, {"kl": 0.25}), (0.617, {"kl": 0.28, "accuracy": 56.9})],
    "digits-mixer": [(0.654, {"disagreement": 3.5, "accuracy": 83.1}), (0.361, {"disagreement": 9.1, "accuracy": 81.5})],
}


def log_softmax(values):
    rows = values.astype("float64").reshape(-1, values.shape[-1])
    rows = rows - rows.max(1, keepdims=True)
    return rows - numpy.log(numpy.exp(rows).sum(1, keepdims=True))


def measures(before, after, labels):
    p, q, y = log_softmax(before), log_softmax(after), labels.reshape(-1)
    return {"accuracy": 100 * float((q.argmax(1) == y).mean()), "loss": float(-q[numpy.arange(len(y)), y].mean()),
            "disagreement": 100 * float((p.argmax(1) != q.argmax(1)).mean()),
            "kl": float((numpy.exp(p) * (p - q)).sum(1).mean())}


def run_in_batches(path, inputs, size=500):
    count = len(next(iter(inputs.values())))
    return numpy.concatenate(
        [logits(path, {key: value[i:i + size] for key, value in inputs.items()}) for i in range(0, count, size)])


def compress(program, name, folder, *more):
    """A job on an example network: its points, as `front.json` lists them, and its report. `folder` gets `front`, with a file for
    each point, and `small.onnx`."""
    model, data = NETWORKS[name]
    done = subprocess.run(
        [program.resolve(), "compress", model, "--data", data, "--front", folder / "front", "-o", folder / "small.onnx",
         "--report", folder / "report.json", "--quiet", *more], capture_output=True, text=True)
    if done.returncode not in (0, 4):
        sys.exit(f"{name}: exit {done.returncode}: {done.stdout}{done.stderr}")
    return json.loads((folder / "front" / "front.json").read_text())["data"], json.loads((folder / "report.json").read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path)
    parser.add_argument("--only", nargs="*", default=list(NETWORKS))
    parser.add_argument("--finetune", default="none")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    own = sys.argv[1:sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]
    more = sys.argv[sys.argv.index("--") + 1:] if "--" in sys.argv else []
    options = parser.parse_args(own)
    for name in options.only:
        model, path = NETWORKS[name]
        with numpy.load(path) as data:
            test = split(data, "_test")
        labels = test.pop("y")
        before = run_in_batches(model, test)
        for seed in options.seeds:
            with tempfile.TemporaryDirectory() as folder:
                folder = Path(folder)
                start = time.time()
                front, report = compress(
                    options.program, name, folder, "--seed", str(seed), "--finetune", options.finetune, *more)
                seconds = time.time() - start
                whole = report["result"]["original"]["parameters"]
                print(f"\n{name}, seed {seed}: {whole} parameters, {seconds:.1f} s, chosen "
                      f"{report['result']['compressed']['parameters']}; original "
                      + words(measures(before, before, labels)))
                found = []
                for point in front:
                    result = measures(before, run_in_batches(folder / "front" / point["file"], test), labels)
                    found.append((point["parameters"] / whole, result))
                    predicted = point.get("predicted_damage")
                    ratio = f"  predicted / measured {predicted / max(point['divergence'], 1e-9):.2f}" if predicted else ""
                    print(f"  {point['parameters']:8d} {100 * point['parameters'] / whole:5.1f} %  {words(result)}{ratio}")
                for share, goal in GOALS.get(name, []):
                    fitting = [entry for entry in found if entry[0] <= share + 0.0005]
                    nearest = max(fitting, key=lambda entry: entry[0], default=None)
                    print(f"  goal at {100 * share:.1f} %: {goal}; reached "
                          + (f"at {100 * nearest[0]:.1f} %: {words(nearest[1])}" if nearest else "nothing"))


def words(result):
    return (f"accuracy {result['accuracy']:.2f} (CE {result['loss']:.3f})  disagreement {result['disagreement']:.2f} %  "
            f"KL {result['kl']:.4f}")


if __name__ == "__main__":
    main()
