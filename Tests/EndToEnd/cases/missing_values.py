"""Tabular data with missing values, and a model that handles them itself (IsNaN, Where: an imputer in the graph). ONNX
Runtime gives finite numbers.
Expected: run computes what ONNX Runtime does; compress goes by the values at the blocks, which are finite: 3,370 ->
250 parameters. A NaN is refused only where it reaches a block or an output, with the key and the sample.
"""
from support import N, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 24)).astype(np.float32)
# Biases of 3 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2 = weight(24, 96), weight(96, 10)
b1, b2 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32)
nodes = [
    N("IsNaN", ["x"], ["missing"]), N("Where", ["missing", "mean", "x"], ["known"]), N("Gemm", ["known", "w1", "b1"], ["z"]),
    N("Relu", ["z"], ["a"]), N("Gemm", ["a", "w2", "b2"], ["logits"]),
]
x[rng.random(x.shape) < 0.03] = np.nan
save(nodes, [value("x", ["N", 24])], [value("logits", ["N", 10])],
     dict(w1=w1, b1=b1, w2=w2, b2=b2, mean=np.zeros(24, np.float32)), dict(x=x))
out = reference({"x": x})["logits"]
tell(logits=out[0], finite=bool(np.isfinite(out).all()), parameters=[3370, 250])
