"""The feed-forward block of a transformer as onnxruntime.transformers.optimizer (optimum O2, sentence-transformers
model_O2.onnx and model_O3.onnx) leaves it: MatMul, com.microsoft.BiasGelu, MatMul,
com.microsoft.SkipLayerNormalization with the second bias as its fifth input.
Expected: Linear-GELU-Linear 32 -> 128 -> 32 is found: the bias inside BiasGelu goes with the first layer, the one
inside SkipLayerNormalization stays where it is; 8,352 -> about 1,056 parameters. At least a line under "not
collapsible" that says why not.
"""
import json
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh

NAME, FOLDER = "ort_optimized_transformer", sys.argv[1]
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


tokens = rng.normal(size=(400, 6, 32)).astype(np.float32)
w1, w2 = weight(32, 128), weight(128, 32) / 4
nodes = [
    N("MatMul", ["tokens", "w1"], ["m1"], name="layer.0.intermediate.dense"), N("BiasGelu", ["m1", "b1"], ["a"], domain="com.microsoft"),
    N("MatMul", ["a", "w2"], ["m2"], name="layer.0.output.dense"),
    N("SkipLayerNormalization", ["m2", "tokens", "g", "s", "b2"], ["last_hidden_state"], domain="com.microsoft", epsilon=1e-12),
]
# Biases of 3: the Gelu is nearly the identity.
weights = dict(w1=w1, b1=np.full(128, 3, np.float32), w2=w2, b2=weight(32), g=np.ones(32, np.float32), s=np.zeros(32, np.float32))
save(nodes, [value("tokens", ["N", "T", 32])], [value("last_hidden_state", ["N", "T", 32])], weights, dict(tokens=tokens),
     domains=[("com.microsoft", 1)])
tell(last_hidden_state=reference({"tokens": tokens})["last_hidden_state"][0, 0, :5], block=[32, 128, 32])
