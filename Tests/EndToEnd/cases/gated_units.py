"""Gated units in a residual stream, as LLaMA and ModernBERT have them, in three spellings: of two layers (SwiGLU), of a layer and
`Split`, of a layer and two `Slice` (GEGLU); then a head of two layers with a normalization between them.
Each unit has 64 channels, of which its last layer reads 24. Expected: without the others, which nothing misses, each has
16 * 24 * 3 + 16 (and 24 biases twice where it has some) parameters, and the answers are the same.
"""
from support import N, np, rng, save, tell, value, weight

x = rng.normal(size=(1000, 5, 16)).astype(np.float32)
nodes, weights, stream = [], {}, "x"


def last(unit, name):
    kept = rng.permutation(64)[:24]
    matrix = np.zeros((64, 16), np.float32)
    matrix[kept] = weight(24, 16)
    weights[f"down{unit}"] = matrix
    nodes.extend([N("MatMul", [name, f"down{unit}"], [f"y{unit}"]), N("Add", [stream, f"y{unit}"], [f"s{unit}"])])
    return f"s{unit}"


weights |= dict(gate0=weight(16, 64), up0=weight(16, 64))
nodes += [
    N("MatMul", ["x", "gate0"], ["g0"]), N("MatMul", ["x", "up0"], ["u0"]), N("Sigmoid", ["g0"], ["sigmoid"]),
    N("Mul", ["g0", "sigmoid"], ["silu"]), N("Mul", ["silu", "u0"], ["h0"]),
]
stream = last(0, "h0")
weights |= dict(both1=weight(16, 128), bias1=rng.normal(size=128).astype(np.float32), halves=np.array([64, 64]))
nodes += [
    N("MatMul", [stream, "both1"], ["m1"]), N("Add", ["m1", "bias1"], ["z1"]), N("Split", ["z1", "halves"], ["a1", "b1"], axis=2),
    N("Tanh", ["a1"], ["t1"]), N("Mul", ["t1", "b1"], ["h1"]),
]
stream = last(1, "h1")
weights |= dict(both2=weight(16, 128), zero=np.array([0]), middle=np.array([64]), end=np.array([128]), axis=np.array([2]),
                root=np.float32(np.sqrt(0.5)), half=np.float32(0.5), one=np.float32(1))
nodes += [
    N("MatMul", [stream, "both2"], ["z2"]), N("Slice", ["z2", "zero", "middle", "axis"], ["a2"]),
    N("Slice", ["z2", "middle", "end", "axis"], ["b2"]), N("Mul", ["a2", "root"], ["scaled"]), N("Erf", ["scaled"], ["erf"]),
    N("Add", ["erf", "one"], ["shifted"]), N("Mul", ["a2", "shifted"], ["product"]), N("Mul", ["product", "half"], ["gelu"]),
    N("Mul", ["gelu", "b2"], ["h2"]),
]
stream = last(2, "h2")
weights |= dict(first=weight(16, 48), scale=np.ones(48, np.float32), shift=np.zeros(48, np.float32), second=weight(48, 10))
nodes += [
    N("MatMul", [stream, "first"], ["f"]), N("LayerNormalization", ["f", "scale", "shift"], ["n"], axis=-1), N("Relu", ["n"], ["r"]),
    N("MatMul", ["r", "second"], ["logits"]),
]
save(nodes, [value("x", ["N", 5, 16])], [value("logits", ["N", 5, 10])], weights, dict(x=x))
unit, head = 3 * 16 * 64, 16 * 48 + 2 * 48 + 48 * 10
# The three numbers of the GELU are no weights.
tell(parameters=[3 * unit + 128 + head, 3 * (3 * 16 * 24 + 16) + 48 + head])
