"""A network in float16 from its input to its output, as half-precision converters write it without keep_io_types.
Expected: computed in float32, and written in float16: 4,978 -> 850 parameters.
"""
from support import N, T, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 24)).astype(np.float16)
# Biases of 3 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2, w3 = weight(24, 96), weight(96, 24), weight(24, 10)
b1, b2, b3 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32), np.zeros(10, np.float32)
weights = dict(w1=w1, b1=b1, w2=w2, b2=b2, w3=w3, b3=b3)
nodes = [
    N("Gemm", ["x", "w1", "b1"], ["z"]), N("Relu", ["z"], ["a"]), N("Gemm", ["a", "w2", "b2"], ["m"]), N("Tanh", ["m"], ["t"]),
    N("Gemm", ["t", "w3", "b3"], ["logits"]),
]
save(nodes, [value("x", ["N", 24], T.FLOAT16)], [value("logits", ["N", 10], T.FLOAT16)],
     {name: array.astype(np.float16) for name, array in weights.items()}, dict(x=x))
tell(logits=reference({"x": x})["logits"][0], parameters=[4978, 850])
