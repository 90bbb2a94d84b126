"""One set of weights for all layers, as ALBERT has it: the block x + MLP(x) three times, then a head.
Expected: the three uses are one block, which one layer with one weight replaces in all three places: Linear-ReLU-Linear
16 -> 64 -> 16 and a head of 10, 2,298 -> 442 parameters.
"""
from support import N, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 5, 16)).astype(np.float32)
# Biases of 6 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2, w3 = weight(16, 64), weight(64, 16) / 8, weight(16, 10)
b1, b2, b3 = np.full(64, 6, np.float32), (-6 * w2.sum(0)).astype(np.float32), np.zeros(10, np.float32)
nodes, stream = [], "x"
for layer in range(3):
    nodes += [
        N("MatMul", [stream, "w1"], [f"m{layer}"]), N("Add", [f"m{layer}", "b1"], [f"z{layer}"]),
        N("Relu", [f"z{layer}"], [f"a{layer}"]), N("MatMul", [f"a{layer}", "w2"], [f"n{layer}"]),
        N("Add", [f"n{layer}", "b2"], [f"y{layer}"]), N("Add", [stream, f"y{layer}"], [f"s{layer}"]),
    ]
    stream = f"s{layer}"
nodes += [N("ReduceMean", [stream], ["pooled"], axes=[1], keepdims=0), N("Gemm", ["pooled", "w3", "b3"], ["logits"])]
save(nodes, [value("x", ["N", 5, 16])], [value("logits", ["N", 10])],
     dict(w1=w1, b1=b1, w2=w2, b2=b2, w3=w3, b3=b3), dict(x=x))
tell(logits=reference({"x": x})["logits"][0], parameters=[2298, 442])
