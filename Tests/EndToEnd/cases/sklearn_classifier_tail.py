"""What sklearn-onnx writes for MLPClassifier: after the probabilities come ArgMax, ArrayFeatureExtractor (ai.onnx.ml),
Reshape and Cast to the label, with the class names as an int64 or string initializer. None of it has weights or lies
before a layer.
Expected: nodes behind the last layer that feed only outputs that are not measured stay as they are, byte for byte,
and are no obstacle; the label output of the compressed file agrees with the original's on at least 98 % of x. Shown
in the plan as "not run: ...".
"""
import json
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh

NAME, FOLDER = "sklearn_classifier_tail", sys.argv[1]
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
    N("MatMul", ["X", "w1"], ["m1"]), N("Add", ["m1", "b1"], ["z"]), N("Relu", ["z"], ["a"]),
    N("MatMul", ["a", "w2"], ["m2"]), N("Add", ["m2", "b2"], ["s"]), N("Softmax", ["s"], ["probabilities"], axis=1),
    N("ArgMax", ["probabilities"], ["place"], axis=1),
    N("ArrayFeatureExtractor", ["classes", "place"], ["picked"], domain="ai.onnx.ml"),
    N("Reshape", ["picked", "flat"], ["label"]),
]
classes = np.array([f"class {i}" for i in range(10)], dtype=object)
save(nodes, [value("X", [None, 24])], [value("label", [None], T.STRING), value("probabilities", [None, 10])],
     dict(w1=w1, b1=b1, w2=w2, b2=b2, classes=classes, flat=np.array([-1])), dict(X=x), domains=[("ai.onnx.ml", 1)])
out = reference({"X": x})
tell(label=out["label"][:10].tolist(), probabilities=out["probabilities"][0], parameters=[3370, 250])
