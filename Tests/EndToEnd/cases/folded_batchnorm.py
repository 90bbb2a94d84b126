"""A BatchNorm that an optimizer has folded to Mul and Add before the activation, another one behind it, and the ReLU as Max
with zero.
Expected: the constants are merged with the layers, and the block Linear-ReLU-Linear 24 -> 96 -> 10 is found: 3,754 -> 250
parameters.
"""
from support import N, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 24)).astype(np.float32)
w1, w2 = weight(24, 96), weight(96, 10)
b1, scale, shift = np.zeros(96, np.float32), rng.uniform(0.5, 1, 96).astype(np.float32), np.full(96, 3, np.float32)
# What the shifts add is taken away again by the last bias.
b2 = (-(3 * scale + shift) @ w2).astype(np.float32)
nodes = [
    N("Gemm", ["x", "w1", "b1"], ["g"]), N("Mul", ["g", "scale"], ["s"]), N("Add", ["s", "shift"], ["z"]),
    N("Max", ["z", "zero"], ["a"]), N("Mul", ["scale2", "a"], ["t"]), N("Add", ["t", "shift2"], ["u"]),
    N("Gemm", ["u", "w2", "b2"], ["logits"]),
]
save(nodes, [value("x", ["N", 24])], [value("logits", ["N", 10])],
     dict(w1=w1, b1=b1, w2=w2, b2=b2, scale=scale, shift=shift, scale2=scale, shift2=shift, zero=np.float32(0)), dict(x=x))
tell(logits=reference({"x": x})["logits"][0], parameters=[3754, 250])
