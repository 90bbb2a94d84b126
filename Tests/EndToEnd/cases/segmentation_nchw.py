"""A segmentation head, logits [N, 3, 8, 8] with the classes on axis 1, as every PyTorch export has them; two 1x1
convolutions to collapse. Biases keep class 0 ahead in every pixel, so per pixel nothing can change.
Expected: classes are on axis 1 of an output of rank 4 whose axis 1 is not a size of its image: disagreement per pixel
0.0; labels [N, 8, 8] (as torch.nn.functional.cross_entropy takes them) are accepted.
"""
import json
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh

NAME, FOLDER = "segmentation_nchw", sys.argv[1]
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


image = rng.normal(size=(1500, 1, 8, 8)).astype(np.float32)
k = (rng.normal(size=(16, 1, 3, 3)) / 3).astype(np.float32)
w1, w2 = (rng.normal(size=(64, 16, 1, 1)) / 4).astype(np.float32), (rng.normal(size=(3, 64, 1, 1)) / 8).astype(np.float32)
nodes = [
    N("Conv", ["image", "k", "kb"], ["c"], pads=[1, 1, 1, 1]), N("Relu", ["c"], ["d"]), N("Conv", ["d", "w1", "b1"], ["u"], name="up"),
    N("Relu", ["u"], ["v"]), N("Conv", ["v", "w2", "b2"], ["mask"], name="down"),
]
weights = dict(k=k, kb=weight(16), w1=w1, b1=weight(64), w2=w2, b2=np.array([30, 0, -30], np.float32))
label = np.zeros((1500, 8, 8), np.int64)
save(nodes, [value("image", ["N", 1, 8, 8])], [value("mask", ["N", 3, 8, 8])], weights, dict(image=image, y=label))
mask = reference({"image": image})["mask"]
tell(mask=mask[0, :, 0, 0], pixel_accuracy_of_original=float((mask.argmax(1) == label).mean()), disagreement_per_pixel=0.0,
     parameters_of_the_block=[16 * 64 + 64 + 64 * 3 + 3, 16 * 3 + 3])
