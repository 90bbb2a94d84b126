"""Labels as Keras users keep them: one-hot float32 [N, 10] (to_categorical). And as pandas users keep them: class
numbers as float32 [N] (key y_float).
Expected: rows of one 1 and else 0 for an output of as many classes are classes: accuracy 100 -> about 100 %, cross-
entropy; whole numbers of floats for an output of 10 classes are cast with a note (--labels y_float).
"""
from support import N, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 24)).astype(np.float32)
# Biases of 3 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2 = weight(24, 96), weight(96, 10)
b1, b2 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32)
nodes = [N("Gemm", ["x", "w1", "b1"], ["z"]), N("Relu", ["z"], ["a"]), N("Gemm", ["a", "w2", "b2"], ["logits"])]
y = (np.maximum(x @ w1 + b1, 0) @ w2 + b2).argmax(1)
save(nodes, [value("x", ["N", 24])], [value("logits", ["N", 10])], dict(w1=w1, b1=b1, w2=w2, b2=b2),
     dict(x=x, y=np.eye(10, dtype=np.float32)[y], y_float=y.astype(np.float32)))
tell(metric_name="accuracy", metric_of_original=float((reference({"x": x})["logits"].argmax(1) == y).mean()))
