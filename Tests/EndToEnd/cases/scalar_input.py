"""An input without axes, such as a temperature, beside the samples: one number for all of them.
Expected: the number is read from its key; the block Linear-ReLU-Linear 24 -> 96 -> 10 collapses, 3,370 -> 250 parameters.
"""
from support import N, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 24)).astype(np.float32)
# Biases of 3 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2 = weight(24, 96), weight(96, 10)
b1, b2 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32)
nodes = [
    N("Gemm", ["x", "w1", "b1"], ["z"]), N("Relu", ["z"], ["a"]), N("Gemm", ["a", "w2", "b2"], ["m"]),
    N("Div", ["m", "temperature"], ["logits"]),
]
data = dict(x=x, temperature=np.array(0.7, np.float32))
save(nodes, [value("x", ["N", 24]), value("temperature", [])], [value("logits", ["N", 10])],
     dict(w1=w1, b1=b1, w2=w2, b2=b2), data)
tell(logits=reference(data)["logits"][0], parameters=[3370, 250])
