"""A classifier whose first output is the predicted class (int64, ArgMax), then the logits: what sklearn-onnx, AutoML
tools and "deploy wrappers" write. Data have labels.
Expected: compress exits 0, 3,370 -> 250 parameters, accuracy of both models reported (from the logits), disagreement
at most 0.02. Also without labels (delete y), and with the logits not an output at all: never a crash; an int64 output
is compared by equality (bool, int32 first outputs crash alike).
"""
from support import N, T, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 24)).astype(np.float32)
# Biases of 3 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2 = weight(24, 96), weight(96, 10)
b1, b2 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32)
nodes = [
    N("Gemm", ["x", "w1", "b1"], ["z"]), N("Relu", ["z"], ["a"]), N("Gemm", ["a", "w2", "b2"], ["logits"]),
    N("ArgMax", ["logits"], ["label"], axis=1, keepdims=0),
]
y = (np.maximum(x @ w1 + b1, 0) @ w2 + b2).argmax(1)
save(nodes, [value("x", ["N", 24])], [value("label", ["N"], T.INT64), value("logits", ["N", 10])],
     dict(w1=w1, b1=b1, w2=w2, b2=b2), dict(x=x, y=y))
out = reference({"x": x})
tell(label=out["label"][:10], logits=out["logits"][0], accuracy_of_original=float((out["label"] == y).mean()),
     parameters=[3370, 250])
