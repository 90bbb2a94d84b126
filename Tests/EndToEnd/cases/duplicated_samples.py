"""Calibration data of 20 different samples, each 100 times (oversampling, frames of a still video, tokens of one prompt;
numpy.zeros as a stand-in is the same with one). A tenth is held out: every held-out sample was fitted on.
Expected: duplicates are counted: the split keeps equal samples on one side, or a warning says that the held-out
samples are copies of fitted ones and that 20 distinct samples are too few for 24 features; no upper95 from 200
copies.
"""
import json
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh

NAME, FOLDER = "duplicated_samples", sys.argv[1]
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


half = weight(24, 48)
w1, w2 = np.concatenate([half, -half], 1), weight(96, 10) * 3  # |u|: no affine map explains it
weights = dict(w1=w1, b1=np.zeros(96, np.float32), w2=w2, b2=np.zeros(10, np.float32))
nodes = [N("Gemm", ["x", "w1", "b1"], ["z"]), N("Relu", ["z"], ["a"]), N("Gemm", ["a", "w2", "b2"], ["logits"])]
some, fresh = rng.normal(size=(20, 24)).astype(np.float32), rng.normal(size=(1000, 24)).astype(np.float32)
save(nodes, [value("x", ["N", 24])], [value("logits", ["N", 10])], weights, dict(x=np.repeat(some, 100, 0)))
np.savez(f"{FOLDER}/{NAME}.fresh.npz", x=fresh)
tell(distinct_samples=20, fresh_answers_of_original=reference({"x": fresh})["logits"].argmax(1)[:20],
     rule="a certificate of at most 2 % is only given if the answers on NAME.fresh.npz differ on about as few")
