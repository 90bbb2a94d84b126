"""Weights stored as float16 and cast to float32 before use, inputs and outputs float32: the smallest thing that half-
precision savers write. Its last node stands first in the file, as ONNX Runtime's own float16 converter leaves them
(keep_io_types=True): ONNX Runtime sorts nodes itself.
Expected: float16 initializers behind a Cast are read (as constants that are folded) and the merged layer is written
as float16 with the same Cast, or as float32; 3,370 -> 250 parameters. Nodes out of order are sorted, or the message
says that the file is not sorted and how to mend it.
"""
from support import N, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 24)).astype(np.float32)
# Biases of 3 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2 = weight(24, 96), weight(96, 10)
b1, b2 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32)
weights = dict(w1=w1, b1=b1, w2=w2, b2=b2)
nodes = [N("Cast", [name + "h"], [name], to=1) for name in weights]
nodes += [
    N("MatMul", ["x", "w1"], ["m1"]), N("Add", ["m1", "b1"], ["z"]), N("Relu", ["z"], ["a"]), N("MatMul", ["a", "w2"], ["m2"]),
]
nodes.insert(0, N("Add", ["m2", "b2"], ["logits"]))
save(nodes, [value("x", ["N", 24])], [value("logits", ["N", 10])],
     {name + "h": array.astype(np.float16) for name, array in weights.items()}, dict(x=x))
tell(logits=reference({"x": x})["logits"][0], parameters=[3370, 250])
