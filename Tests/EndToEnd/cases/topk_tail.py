"""A classifier that ends in Softmax and TopK (values and places of the best three), the logits no output: a usual
deployment wrapper. The same goes for NonMaxSuppression behind a detector.
Expected: what stands behind the last layer and cannot be run is no obstacle to collapsing by the blocks' own outputs:
3,370 -> 250 parameters with the probabilities as what is measured, the tail left byte for byte; or TopK is run. The
three places of the compressed file agree with the original's in the first place on 98 % of x.
"""
from support import N, T, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 24)).astype(np.float32)
# Biases of 3 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2 = weight(24, 96), weight(96, 10)
b1, b2 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32)
nodes = [
    N("Gemm", ["x", "w1", "b1"], ["z"]), N("Relu", ["z"], ["a"]), N("Gemm", ["a", "w2", "b2"], ["s"]), N("Softmax", ["s"], ["p"], axis=1),
    N("TopK", ["p", "k"], ["values", "places"], axis=1),
]
save(nodes, [value("x", ["N", 24])], [value("values", ["N", 3]), value("places", ["N", 3], T.INT64)],
     dict(w1=w1, b1=b1, w2=w2, b2=b2, k=np.array([3])), dict(x=x))
out = reference({"x": x})
tell(values=out["values"][0], places=out["places"][:5], parameters=[3370, 250])
