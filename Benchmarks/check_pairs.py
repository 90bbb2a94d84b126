"""Runs `check` on pairs of files as other tools make them, beside what numpy makes of ONNX Runtime's outputs.

    python Benchmarks/check_pairs.py PROGRAM [--model MODEL.onnx --data DATA.npz] [--folder FOLDER]

Needs onnx==1.23.2, onnxruntime==1.32.0, onnx-ir==1.1.0, onnxsim==0.8.1 and numpy from PyPI. By default the network is the vision
transformer of Tests/EndToEnd/fixtures on the digits of Examples. The pairs: ONNX Runtime's int4 (MatMulNBits) with and without
zero points, its int8 (quantize_dynamic), its static QDQ, onnxsim's simplified file and its pruned ones, and a wrong export in which
ReLU stands for GELU. Each line has the exit status of `check` at its default limit, the share of answers that change by `check`, by
ONNX Runtime without its optimizer, and with it, and the mean KL of the first two. The optimizer puts products of integers in place of
QDQ, and without VNNI ONNX Runtime's products of 8 bits saturate, which `check` does not. Dynamic quantization takes its ranges over a run, so that ONNX Runtime gets samples one by
one, as `check` does. The script exits non-zero when a share differs by more than 0.5 points, or a status is not the one that follows
from `check`'s own bound.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import onnx
import onnxruntime
import onnxsim
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

onnxruntime.set_default_logger_severity(3)
ROOT = Path(__file__).resolve().parents[1]


class Calibration(CalibrationDataReader):
    def __init__(self, name, samples):
        self.samples = iter([{name: samples[start:start + 16]} for start in range(0, len(samples), 16)])

    def get_next(self):
        return next(self.samples, None)


def int4(old, new, symmetric):
    quantizer = MatMulNBitsQuantizer(onnx.load(old), block_size=32, is_symmetric=symmetric)
    quantizer.process()
    quantizer.model.save_model_to_file(str(new))


def wrong_export(old, new):
    """x / 2 (1 + erf(x / sqrt 2)) becomes max(x, 0)."""
    model = onnx.load(old)
    makers = {output: node for node in model.graph.node for output in node.output}
    readers = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for erf in [node for node in model.graph.node if node.op_type == "Erf"]:
        x = makers[erf.input[0]].input[0]
        node = erf
        for _ in range(3):
            [node] = readers[node.output[0]]
        relu = onnx.helper.make_node("Relu", [x], [node.output[0]], name=node.name + "/Relu")
        place = list(model.graph.node).index(node)
        model.graph.node.remove(node)
        model.graph.node.insert(place, relu)
    onnx.save(model, new)


def pairs(old, folder, samples):
    def path(name):
        return str(folder / f"{name}.onnx")

    name = onnxruntime.InferenceSession(old, providers=["CPUExecutionProvider"]).get_inputs()[0].name
    int4(old, path("ort-int4"), symmetric=True)
    yield "ORT int4", path("ort-int4")
    int4(old, path("ort-int4-zeros"), symmetric=False)
    yield "ORT int4, zero points", path("ort-int4-zeros")
    quantize_dynamic(old, path("ort-int8"), weight_type=QuantType.QInt8)
    yield "ORT dynamic int8", path("ort-int8")
    quantize_static(old, path("ort-qdq"), Calibration(name, samples), quant_format=QuantFormat.QDQ, per_channel=True)
    yield "ORT static QDQ", path("ort-qdq")
    onnx.save(onnxsim.simplify(old)[0], path("onnxsim"))
    yield "onnxsim", path("onnxsim")
    for share in (0.3, 0.7):
        onnx.save(onnxsim.apply_magnitude_pruning(old, sparsity=share), path(f"onnxsim-{share}"))
        yield f"onnxsim, {share:.0%} pruned", path(f"onnxsim-{share}")
    wrong_export(old, path("relu"))
    yield "ReLU for GELU", path("relu")


def outputs(path, x, is_optimized=False):
    options = onnxruntime.SessionOptions()
    if not is_optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    is_dynamic = any(node.op_type == "DynamicQuantizeLinear" for node in onnx.load(path).graph.node)
    size = 1 if is_dynamic else 64
    return numpy.concatenate([session.run(None, {name: x[start:start + size]})[0] for start in range(0, len(x), size)])


def log_softmax(logits):
    logits = logits.astype(numpy.float64) - logits.max(-1, keepdims=True)
    return logits - numpy.log(numpy.exp(logits).sum(-1, keepdims=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--model", default=str(ROOT / "Tests/EndToEnd/fixtures/digits-vit.onnx"))
    parser.add_argument("--data", default=str(ROOT / "Examples/digits/digits16.npz"))
    parser.add_argument("--folder")
    options = parser.parse_args()
    folder = Path(options.folder or tempfile.mkdtemp(prefix="check-pairs-"))
    folder.mkdir(parents=True, exist_ok=True)
    with numpy.load(options.data) as arrays:
        x, training = arrays["x_test"], arrays["x_train"]
    before = outputs(options.model, x)
    failures = 0
    print(f"{'pair':28} status  changed: check    ORT optimized   at most   KL: check      ORT   slowdown")
    for name, path in [("itself", options.model), *pairs(options.model, folder, training[:128])]:
        report = folder / "report.json"
        done = subprocess.run(
            [options.program, "check", options.model, path, "--data", options.data, "--report", str(report), "--quiet"],
            capture_output=True, text=True)
        if done.returncode not in (0, 5):
            print(f"{name:28} {done.returncode:6}  {done.stderr.strip().splitlines()[0][:150]}")
            failures += 1
            continue
        found = json.loads(report.read_text())["result"]
        after = outputs(path, x)
        rate, optimized = ((before.argmax(-1) != logits.argmax(-1)).mean() for logits in (after, outputs(path, x, True)))
        left, right = log_softmax(before), log_softmax(after)
        kl = (numpy.exp(left) * (left - right)).sum(-1).mean()
        ours = found["disagreement"]
        print(
            f"{name:28} {done.returncode:6}  {ours['rate']:14.2%} {rate:6.2%} {optimized:9.2%} {ours['upper95']:9.2%} {found['divergence']:11.5f} "
            f"{kl:8.5f} {found['latency']['slowdown']:9.2f}x")
        failures += abs(ours["rate"] - rate) > 0.005 or (done.returncode == 0) != (ours["upper95"] <= 0.02)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
