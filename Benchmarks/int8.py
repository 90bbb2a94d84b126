"""Collapse, int8 and both: size, quality and speed of six networks in ONNX Runtime, beside its own quantizer.

    python Benchmarks/int8.py PROGRAM [--only NAME ...] [-- OPTION ...]

Each network is written as int8 alone (nothing is replaced), collapsed alone within the default budget, and both; beside them
stands ONNX Runtime's `quantize_dynamic`, per tensor as it is by default, and per channel. Every file is run on the test split
by ONNX Runtime, one sample a run, because dynamic quantization takes its range over a run. The latency is the median of a run
of one sample, and of 64 samples, on one thread; the files take turns. Options behind `--` go to all three compressions. Needs numpy, onnx and
onnxruntime from PyPI.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

from fronts import NETWORKS, measures, split

onnxruntime.set_default_logger_severity(3)
ONLY = ["digits-mlp", "digits-vit", "digits-mixer", "digits-vgg", "code-encoder", "code-gpt"]
KINDS = {
    "int8": ["--exclude", "*", "--finetune", "none", "--quantize", "dynamic_int8"],
    "collapse": [],
    "collapse + int8": ["--quantize", "dynamic_int8"],
    "auto": ["--quantize", "auto"],
}
TIMED = {1: 300, 64: 40}


class Session:
    def __init__(self, path, inputs):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.feeds = {}
        for value in self.session.get_inputs():
            array = inputs[value.name] if value.name in inputs else inputs["x"]
            self.feeds[value.name] = array.astype("int64" if "int64" in value.type else "float32")

    def run(self, start, count):
        return self.session.run(None, {name: array[start:start + count] for name, array in self.feeds.items()})[0]

    def outputs(self):
        return numpy.concatenate([self.run(start, 1) for start in range(len(next(iter(self.feeds.values()))))])


def latencies(sessions, count, rounds):
    times = {name: [] for name in sessions}
    for turn in range(rounds + 5):
        for name, session in sessions.items():
            start = time.perf_counter()
            session.run(0, count)
            if turn >= 5:
                times[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def files(program, model, path, folder, more):
    yield "original", model, ""
    for kind, flags in KINDS.items():
        new = folder / f"{kind.replace(' ', '')}.onnx"
        start = time.time()
        done = subprocess.run([program, "compress", model, "--data", path, "-o", new, "--quiet", *flags, *more],
                              capture_output=True, text=True)
        if done.returncode not in (0, 4):
            print(f"  {kind}: exit {done.returncode}: {(done.stdout + done.stderr).strip()}")
            continue
        yield kind, new, f"{time.time() - start:.0f} s" + (", over the budget" if done.returncode == 4 else "")
    for words, per_channel in [("ORT int8", False), ("ORT int8 per channel", True)]:
        new = folder / f"{words.replace(' ', '-')}.onnx"
        # Convolutions of signed integers are not implemented in ONNX Runtime for this processor.
        quantize_dynamic(str(model), str(new), per_channel=per_channel, weight_type=QuantType.QInt8,
                         op_types_to_quantize=["MatMul", "Gather", "Gemm"])
        yield words, new, ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--only", nargs="*", default=ONLY)
    own = sys.argv[1:sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]
    more = sys.argv[sys.argv.index("--") + 1:] if "--" in sys.argv else []
    options = parser.parse_args(own)
    for network in options.only:
        model, path = NETWORKS[network]
        with numpy.load(path) as data:
            test = split(data, "_test")
        labels = test.pop("y")
        if network == "code-gpt":
            test, labels = {key: value[:500] for key, value in test.items()}, labels[:500]
        print(f"\n{network}, {len(labels)} test samples")
        print("  file                     bytes  ratio  accuracy  disagreement       KL   ms, 1   ms, 64")
        with tempfile.TemporaryDirectory() as folder:
            rows = list(files(options.program.resolve(), model, path, Path(folder), more))
            sessions = {name: Session(file, test) for name, file, _ in rows}
            before = sessions["original"].outputs()
            times = {count: latencies(sessions, count, rounds) for count, rounds in TIMED.items()}
            whole = model.stat().st_size
            for name, file, note in rows:
                found, size = measures(before, sessions[name].outputs(), labels), file.stat().st_size
                print(f"  {name:21} {size:8d} {whole / size:6.2f} {found['accuracy']:9.2f} {found['disagreement']:11.2f} % "
                      f"{found['kl']:9.5f} {times[1][name]:7.3f} {times[64][name]:8.2f}  {note}", flush=True)


if __name__ == "__main__":
    main()
