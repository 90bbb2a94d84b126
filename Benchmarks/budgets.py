"""Whether budgets of random values are kept, or refused with the nearest point.

    python Benchmarks/budgets.py PROGRAM [--values 10] [--only NAME ...] [--kinds NAME ...]

Each kind of budget gets random values on three networks, without training. Limits on the size are counted anew: parameters and the
bytes on disk from the written file, multiply-adds from its report, the latency by `check` in a fresh process at the same batch.
Limits on quality are held against samples that no job saw: half of the test split, by ONNX Runtime. Needs numpy, onnx and
onnxruntime from PyPI.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy
import onnx

from fronts import measures, run_in_batches
from promises import NETWORKS, split

KINDS = ["compression_ratio", "max_parameters", "max_macs", "max_bytes", "max_latency_ms", "max_disagreement", "max_metric_drop"]


def drawn(kind, original, random):
    """A value between what is easy and what is out of reach."""
    share = random.uniform(0.05, 1.0)
    if kind == "compression_ratio":
        return round(1 / share, 4)
    if kind.startswith("max_latency"):
        return round(share * original["latency_ms_p50"], 4)
    whole = {"max_parameters": "parameters", "max_macs": "macs", "max_bytes": "bytes"}.get(kind)
    return max(1, int(share * original[whole])) if whole else round(float(10 ** random.uniform(-3, -0.7)), 5)


def parameters(path):
    return sum(int(numpy.prod(tensor.dims)) for tensor in onnx.load(str(path)).graph.initializer if tensor.data_type == 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path)
    parser.add_argument("--values", type=int, default=10)
    parser.add_argument("--only", nargs="*", default=["digits-vit", "digits-mixer", "code-encoder"])
    parser.add_argument("--kinds", nargs="*", default=KINDS)
    options = parser.parse_args()
    random = numpy.random.default_rng(0)
    totals = {}
    for name in options.only:
        model, path = NETWORKS[name]
        with numpy.load(path) as data:
            train, test = split(data, "_train"), split(data, "_test")
        order = numpy.random.default_rng(1).permutation(len(test["y"]))
        known, unseen = numpy.sort(order[::2]), numpy.sort(order[1::2])
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            given, small, report = folder / "given.npz", folder / "small.onnx", folder / "report.json"
            numpy.savez(given, **{f"{key}_train": value for key, value in train.items()},
                        **{f"{key}_test": value[known] for key, value in test.items()})
            inputs = {key: value[unseen] for key, value in test.items() if key != "y"}
            labels, before = test["y"][unseen], run_in_batches(model, inputs)
            base = measures(before, before, labels)

            def job(*budget):
                small.unlink(missing_ok=True)
                words = [options.program.resolve(), "compress", model, "--data", given, "--finetune", "none", "-o", small,
                         "--report", report, "--quiet", "--force", *map(str, budget)]
                status = subprocess.run(words, capture_output=True, text=True).returncode
                return status, json.loads(report.read_text())

            original = job("--max-parameters", 10 ** 9)[1]["result"]["original"]
            for kind in options.kinds:
                for _ in range(options.values):
                    value = drawn(kind, original, random)
                    status, found = job("--" + kind.replace("_", "-"), value)
                    result, row = found["result"], totals.setdefault((name, kind), [0, 0, 0, ""])
                    if status in (3, 4):
                        # Refused: with the nearest point and the value that would have admitted it, or with the reason.
                        row[1] += 1
                        told = result.get("admitting_budget") or status == 3
                        if not told:
                            row[2] += 1
                            row[3] += f" {value} refused without a word;"
                        continue
                    row[0] += 1
                    if kind == "compression_ratio":
                        is_kept, seen = original["parameters"] / parameters(small) >= value * 0.9999, parameters(small)
                    elif kind == "max_parameters":
                        is_kept, seen = parameters(small) <= value, parameters(small)
                    elif kind == "max_macs":
                        is_kept, seen = result["compressed"]["macs"] <= value, result["compressed"]["macs"]
                    elif kind == "max_bytes":
                        is_kept, seen = small.stat().st_size <= value, small.stat().st_size
                    elif kind == "max_latency_ms":
                        check = folder / "check.json"
                        subprocess.run(
                            [options.program.resolve(), "check", model, small, "--data", given, "--report", check, "--quiet",
                             "--force", "--batch-size", str(found["latency"]["batch_size"])], capture_output=True)
                        seen = json.loads(check.read_text())["result"]["new"]["latency_ms_p50"]
                        is_kept = seen <= 1.1 * value
                    else:
                        after = measures(before, run_in_batches(small, inputs), labels)
                        seen = (after["disagreement"] / 100 if kind == "max_disagreement"
                                else (base["accuracy"] - after["accuracy"]) / 100)
                        is_kept = seen <= value
                    if not is_kept:
                        row[2] += 1
                        row[3] += f" {value} -> {seen:.5g};"
    print(f"{'network':14} {'budget':18} {'kept':>5} {'refused':>8} {'broken':>7}")
    for (name, kind), (kept, refused, broken, words) in totals.items():
        print(f"{name:14} {kind:18} {kept - broken:5d} {refused:8d} {broken:7d}{words}")


if __name__ == "__main__":
    main()
