"""Token ids beyond the vocabulary (the tokenizer of another model): one id 203 in sample 5, the embedding has 200 rows.
Expected: run, compress and plan refuse with the key, the sample, the id and the range (-200 to 199), as labels out of
range are; ONNX Runtime says "indices element out of data bounds, idx=203 must be within the inclusive range
[-200,199]".
"""
import json
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh

NAME, FOLDER = "token_out_of_range", sys.argv[1]
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


ids = rng.integers(0, 200, (300, 12))
ids[5, 5] = 203
nodes = [
    N("Gather", ["table", "input_ids"], ["e"]), N("MatMul", ["e", "w1"], ["m1"]), N("Add", ["m1", "b1"], ["z"]), N("Relu", ["z"], ["a"]),
    N("MatMul", ["a", "w2"], ["logits"]),
]
weights = dict(table=weight(200, 32) * 14, w1=weight(32, 128), b1=np.full(128, 3, np.float32), w2=weight(128, 32))
save(nodes, [value("input_ids", ["N", "T"], T.INT64)], [value("logits", ["N", "T", 32])], weights, dict(input_ids=ids))
try:
    reference({"input_ids": ids})
    said = "nothing"
except Exception as error:
    said = str(error)
tell(onnx_runtime=said[-120:], sample=5, exit_code=3)
