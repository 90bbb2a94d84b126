"""A second output without a batch axis: CLIP's `logit_scale`, a loss, anchors.
Expected: only outputs that are measured need a batch axis; compress exits 0 (3,370 -> 250 parameters, the scale
counted or not), run writes the scalar once, shape []. If anything is refused, the message names the output.
"""
from support import N, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 24)).astype(np.float32)
# Biases of 3 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2 = weight(24, 96), weight(96, 10)
b1, b2 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32)
nodes = [
    N("Gemm", ["x", "w1", "b1"], ["z"]), N("Relu", ["z"], ["a"]), N("Gemm", ["a", "w2", "b2"], ["s"]),
    N("Exp", ["log_scale"], ["logit_scale"]), N("Mul", ["s", "logit_scale"], ["logits"]),
]
save(nodes, [value("x", ["N", 24])], [value("logits", ["N", 10]), value("logit_scale", [])],
     dict(w1=w1, b1=b1, w2=w2, b2=b2, log_scale=np.float32(1)), dict(x=x))
out = reference({"x": x})
tell(logits=out["logits"][0], logit_scale=out["logit_scale"], shape_of_logit_scale=[])
