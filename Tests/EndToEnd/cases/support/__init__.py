"""What the cases share: `python CASE.py FOLDER` writes `FOLDER/CASE.onnx` and `FOLDER/CASE.npz`, and prints the right values."""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh

NAME, FOLDER = Path(sys.argv[0]).stem, sys.argv[1]
rng = np.random.default_rng(0)
N = h.make_node


def weight(*sizes):
    return (rng.normal(size=sizes) / np.sqrt(sizes[0])).astype(np.float32)


def value(name, sizes, kind=T.FLOAT):
    return h.make_tensor_value_info(name, kind, sizes)


def save(nodes, inputs, outputs, weights, data, opset=17, ir=8, domains=(), external=False):
    tensors = [nh.from_array(np.asarray(array), name) for name, array in weights.items()]
    graph = h.make_graph(nodes, NAME, inputs, outputs, tensors)
    opsets = [h.make_opsetid("", opset)] + [h.make_opsetid(*domain) for domain in domains]
    model = h.make_model(graph, opset_imports=opsets, ir_version=ir)
    more = dict(save_as_external_data=True, location=f"{NAME}.onnx.data", size_threshold=0) if external else {}
    onnx.save(model, f"{FOLDER}/{NAME}.onnx", **more)
    np.savez(f"{FOLDER}/{NAME}.npz", **data)


def reference(feed):
    session = ort.InferenceSession(f"{FOLDER}/{NAME}.onnx", providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, feed)))


def tell(**expected):
    print(json.dumps(expected, indent=1, default=lambda a: np.asarray(a).tolist()))


def save_in(kind, external=False):
    """Writes a network of three layers in one float type, of which the first two collapse: 4,978 -> 850 parameters."""
    dtype = h.tensor_dtype_to_np_dtype(kind)
    x = rng.normal(size=(2000, 24)).astype(dtype)
    # Biases of 3 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
    w1, w2, w3 = weight(24, 96), weight(96, 24), weight(24, 10)
    b1, b2, b3 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32), np.zeros(10, np.float32)
    weights = dict(w1=w1, b1=b1, w2=w2, b2=b2, w3=w3, b3=b3)
    nodes = [
        N("Gemm", ["x", "w1", "b1"], ["z"]), N("Relu", ["z"], ["a"]), N("Gemm", ["a", "w2", "b2"], ["m"]), N("Tanh", ["m"], ["t"]),
        N("Gemm", ["t", "w3", "b3"], ["logits"]),
    ]
    save(nodes, [value("x", ["N", 24], kind)], [value("logits", ["N", 10], kind)],
         {name: array.astype(dtype) for name, array in weights.items()}, dict(x=x), external=external)
    tell(logits=reference({"x": x})["logits"][0], parameters=[4978, 850])
