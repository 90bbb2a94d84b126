"""Dense layers of Keras on three axes, as tf2onnx writes them: Reshape to rows, MatMul, Reshape back, and the bias as Add; the
activation behind the bias, or between the reshapes.
Expected: the block 24 -> 96 -> 10 is found through the reshapes, with the bias of the first layer between: 3,370 -> 260
parameters (the bias of the second stays behind the reshape), 98 % of the answers the same.
"""
from support import N, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 3, 24)).astype(np.float32)
# Biases of 3 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2 = weight(24, 96), weight(96, 10)
b1, b2 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32)
nodes = [
    N("Reshape", ["x", "rows_in"], ["r1"]), N("MatMul", ["r1", "w1"], ["m1"]), N("Reshape", ["m1", "hidden"], ["h1"]),
    N("Add", ["h1", "b1"], ["z"]), N("Relu", ["z"], ["a"]),
    N("Reshape", ["a", "rows_hidden"], ["r2"]), N("MatMul", ["r2", "w2"], ["m2"]), N("Reshape", ["m2", "out"], ["h2"]),
    N("Add", ["h2", "b2"], ["logits"]),
]
save(nodes, [value("x", [None, 3, 24])], [value("logits", [None, 3, 10])],
     dict(w1=w1, b1=b1, w2=w2, b2=b2, rows_in=np.array([-1, 24]), hidden=np.array([-1, 3, 96]),
          rows_hidden=np.array([-1, 96]), out=np.array([-1, 3, 10])), dict(x=x))
tell(logits=reference({"x": x})["logits"][0], parameters=[3370, 260], disagreement_at_most=0.02)
