"""A LoRA branch that was exported beside its layer, a product and a sum with constants behind a layer, and two layers with
nothing between, as a ConvNet head of a 1x1 convolution and a second one; no data are needed for any of it.
Expected: three exact merges, 1,024 + 2 * 256 + 1 + 32, 64 * 33 + 2 * 64 and 64 * 128 + 128 * 10 parameters become one layer
each, and the outputs stay within float rounding.
"""
from support import N, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(400, 6, 32)).astype(np.float32)
weights = dict(
    base=weight(32, 32), bias=rng.normal(size=32).astype(np.float32), a=weight(32, 8), b=weight(8, 32), s=np.float32(2),
    w1=weight(32, 64), b1=rng.normal(size=64).astype(np.float32), scale=rng.normal(size=64).astype(np.float32),
    shift=rng.normal(size=64).astype(np.float32), w2=weight(64, 128), w3=weight(128, 10))
nodes = [
    N("MatMul", ["x", "base"], ["m"]), N("Add", ["bias", "m"], ["l"]), N("MatMul", ["x", "a"], ["xa"]), N("MatMul", ["xa", "b"], ["xab"]),
    N("Mul", ["xab", "s"], ["branch"]), N("Add", ["l", "branch"], ["lora"]), N("Tanh", ["lora"], ["t"]),
    N("MatMul", ["t", "w1"], ["h"]), N("Add", ["h", "b1"], ["hb"]), N("Mul", ["hb", "scale"], ["hs"]), N("Add", ["hs", "shift"], ["z"]),
    N("Softmax", ["z"], ["p"], axis=-1),
    N("MatMul", ["p", "w2"], ["v"]), N("Dropout", ["v"], ["d"]), N("MatMul", ["d", "w3"], ["logits"]),
]
save(nodes, [value("x", ["N", 6, 32])], [value("logits", ["N", 6, 10])], weights, dict(x=x))
tell(logits=reference({"x": x})["logits"][0], after=32 * 33 + 64 * 33 + 64 * 10,
     kinds=["Linear-Linear-Linear-Scale-Sum (exact)", "Linear-Scale-Shift (exact)", "Linear-Linear (exact)"])
