"""A network whose hidden value is an output too, as of one that is read as an embedding.
Expected: the first layer stays, and the second reads the input: 24 * 97 + 10 * 97 = 3,370 parameters become 24 * 97 + 10 * 25;
the output of the hidden value keeps its bits.
"""
from support import N, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 24)).astype(np.float32)
# Biases of 3 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2 = weight(24, 96), weight(96, 10)
b1, b2 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32)
nodes = [N("Gemm", ["x", "w1", "b1"], ["z"]), N("Relu", ["z"], ["hidden"]), N("Gemm", ["hidden", "w2", "b2"], ["logits"])]
save(nodes, [value("x", ["N", 24])], [value("logits", ["N", 10]), value("hidden", ["N", 96])],
     dict(w1=w1, b1=b1, w2=w2, b2=b2), dict(x=x))
tell(logits=reference({"x": x})["logits"][0], parameters=[3370, 24 * 96 + 96 + 250])
