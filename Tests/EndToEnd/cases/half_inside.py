"""A network in float16 behind a Cast, with float32 inputs and outputs, as the float16 converters write it (keep_io_types), and
a GELU taken apart whose square root of two is rounded to float16.
Expected: the block Linear-GELU-Linear 24 -> 96 -> 10 collapses, 3,370 -> 250 parameters beside the 3 constants; the new layer
reads float16, though the Cast before the block goes with it.
"""
from support import N, T, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 24)).astype(np.float32)
# Biases of 5 keep nearly every unit of the GELU open: the best affine map loses next to nothing.
w1, w2 = weight(24, 96), weight(96, 10)
b1, b2 = np.full(96, 5, np.float32), (-5 * w2.sum(0)).astype(np.float32)
nodes = [
    N("Cast", ["x"], ["x_half"], to=T.FLOAT16), N("Gemm", ["x_half", "w1", "b1"], ["z"]), N("Div", ["z", "root"], ["d"]),
    N("Erf", ["d"], ["e"]), N("Add", ["e", "one"], ["f"]), N("Mul", ["z", "f"], ["g"]), N("Mul", ["g", "half"], ["a"]),
    N("Gemm", ["a", "w2", "b2"], ["logits_half"]), N("Cast", ["logits_half"], ["logits"], to=T.FLOAT),
]
weights = dict(w1=w1, b1=b1, w2=w2, b2=b2, root=np.sqrt(2), one=1, half=0.5)
save(nodes, [value("x", ["N", 24])], [value("logits", ["N", 10])],
     {name: np.asarray(array).astype(np.float16) for name, array in weights.items()}, dict(x=x))
tell(logits=reference({"x": x})["logits"][0], parameters=[3370, 250])
