"""Biases of shape [1, h] in Add, as sklearn-onnx writes every MLPClassifier and MLPRegressor and as JAX and Flax exports
write Dense ([1, 1, h] too).
Expected: the same block as with biases of shape [h]: Linear-ReLU-Linear 24 -> 96 -> 10, 3,370 -> 250 parameters.
"""
from support import N, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 24)).astype(np.float32)
# Biases of 3 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2 = weight(24, 96), weight(96, 10)
b1, b2 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32)
nodes = [
    N("Cast", ["X"], ["x"], to=1), N("MatMul", ["x", "w1"], ["m1"]), N("Add", ["m1", "b1"], ["z"]), N("Relu", ["z"], ["a"]),
    N("MatMul", ["a", "w2"], ["m2"]), N("Add", ["m2", "b2"], ["logits"]),
]
save(nodes, [value("X", [None, 24])], [value("logits", [None, 10])],
     dict(w1=w1, b1=b1[None], w2=w2, b2=b2[None]), dict(X=x))
tell(logits=reference({"X": x})["logits"][0], parameters=[3370, 250], disagreement_at_most=0.02)
