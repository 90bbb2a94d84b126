"""An LSTM in front of a wide head (speech and sensor models, silero-vad, CRNN): the block to collapse lies behind it, no
gradient has to go through it.
Expected: the LSTM is run, and the head collapses: 16 -> 256 -> 5, 5,637 -> 85 parameters.
"""
import json
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh

NAME, FOLDER = "lstm_in_front", sys.argv[1]
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


wave = rng.normal(size=(1500, 8, 12)).astype(np.float32)
head = weight(16, 256), np.full(256, 3, np.float32), weight(256, 5), np.zeros(5, np.float32)
nodes = [
    N("Transpose", ["sequence"], ["t"], perm=[1, 0, 2]), N("LSTM", ["t", "w", "r", "b"], ["y", "last", ""], hidden_size=16),
    N("Squeeze", ["last", "axis"], ["state"]), N("Gemm", ["state", "w1", "b1"], ["z"]), N("Relu", ["z"], ["a"]),
    N("Gemm", ["a", "w2", "b2"], ["logits"]),
]
weights = dict(w=weight(1, 64, 12) / 2, r=weight(1, 64, 16) / 2, b=weight(1, 128), axis=np.array([0]),
               w1=head[0], b1=head[1], w2=head[2], b2=head[3])
save(nodes, [value("sequence", ["N", 8, 12])], [value("logits", ["N", 5])], weights, dict(sequence=wave))
tell(logits=reference({"sequence": wave})["logits"][0], parameters_of_the_head=[16 * 256 + 256 + 256 * 5 + 5, 16 * 5 + 5])
