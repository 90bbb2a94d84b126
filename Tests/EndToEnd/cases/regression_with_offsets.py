"""A regression of three quantities far apart (300 K, 101 kPa, 40 %), data without labels. Nothing in it says "logits",
but argmax is always the first and softmax is saturated, so KL and top-1 see no damage whatever happens.
Expected: the block is refused (no affine map explains it: R2 to the original 0), or the task is named and doubted: a
rank-2 output without labels, softmax, or a usual name of scores is compared by its variance as well. The certificate
must not say "disagreement 0.00 %".
"""
import json
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh

NAME, FOLDER = "regression_with_offsets", sys.argv[1]
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


x = rng.normal(size=(4000, 24)).astype(np.float32)
half = weight(24, 48)
w1, b1 = np.concatenate([half, -half], 1), np.zeros(96, np.float32)
w2 = np.abs(weight(96, 3)) * 3
w2[48:] = w2[:48]  # |u|: even in x
b2 = np.array([300, 101, 40], np.float32) - (np.maximum(x @ w1, 0) @ w2).mean(0)
nodes = [N("Gemm", ["x", "w1", "b1"], ["z"]), N("Relu", ["z"], ["a"]), N("Gemm", ["a", "w2", "b2"], ["forecast"])]
save(nodes, [value("x", ["N", 24])], [value("forecast", ["N", 3])], dict(w1=w1, b1=b1, w2=w2, b2=b2), dict(x=x))
out = reference({"x": x})["forecast"]
tell(forecast=out[:3], deviation=out.std(0), best_affine_r2=0.0,
     rule="R2 of the compressed model's forecast to the original's stays above 0.9 for every column, or nothing is collapsed")
