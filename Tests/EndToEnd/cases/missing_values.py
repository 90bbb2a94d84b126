"""Tabular data with missing values, and a model that handles them itself (IsNaN, Where: an imputer in the graph). ONNX
Runtime gives finite numbers.
Expected: run computes what ONNX Runtime does; compress goes by the values at the blocks, which are finite: 3,370 ->
250 parameters. A NaN is refused only where it reaches a block or an output, with the key and the sample.
"""
import json
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh

NAME, FOLDER = "missing_values", sys.argv[1]
rng = np.random.default_rng(0)
N = h.make_node


def weight(*sizes):
    return (rng.normal(size=sizes) / np.sqrt(sizes[0])).astype(np.float32)


def value(name, sizes, kind=T.FLOAT):
    return h.make_tensor_value_info(name, kind, sizes)


def save(nodes, inputs, outputs, weights, data, opset=17, ir=8, domains=()):
    tensors = [nh.from_array(np.asarray(array), name) for name, array in weights.items()]
    graph = h.make_graph(nodes, NAME, inputs, outputs, tensors)
    opsets = [h.make_opsetid("", opset)] + [h.make_opsetid(*domain) for domain in domains]
    model = h.make_model(graph, opset_imports=opsets, ir_version=ir)
    onnx.save(model, f"{FOLDER}/{NAME}.onnx")
    np.savez(f"{FOLDER}/{NAME}.npz", **data)


def reference(feed):
    session = ort.InferenceSession(f"{FOLDER}/{NAME}.onnx", providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, feed)))


def tell(**expected):
    print(json.dumps(expected, indent=1, default=lambda a: np.asarray(a).tolist()))


x = rng.normal(size=(2000, 24)).astype(np.float32)
# Biases of 3 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2 = weight(24, 96), weight(96, 10)
b1, b2 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32)
nodes = [
    N("IsNaN", ["x"], ["missing"]), N("Where", ["missing", "mean", "x"], ["known"]), N("Gemm", ["known", "w1", "b1"], ["z"]),
    N("Relu", ["z"], ["a"]), N("Gemm", ["a", "w2", "b2"], ["logits"]),
]
x[rng.random(x.shape) < 0.03] = np.nan
save(nodes, [value("x", ["N", 24])], [value("logits", ["N", 10])],
     dict(w1=w1, b1=b1, w2=w2, b2=b2, mean=np.zeros(24, np.float32)), dict(x=x))
out = reference({"x": x})["logits"]
tell(logits=out[0], finite=bool(np.isfinite(out).all()), parameters=[3370, 250])
