"""A regression of three quantities far apart (300 K, 101 kPa, 40 %), data without labels. Nothing in it says "logits",
but argmax is always the first and softmax is saturated, so KL and top-1 see no damage whatever happens.
Expected: the block is refused (no affine map explains it: R2 to the original 0), or the task is named and doubted: a
rank-2 output without labels, softmax, or a usual name of scores is compared by its variance as well. The certificate
must not say "disagreement 0.00 %".
"""
from support import N, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(4000, 24)).astype(np.float32)
half = weight(24, 48)
w1, b1 = np.concatenate([half, -half], 1), np.zeros(96, np.float32)
w2 = np.abs(weight(96, 3)) * 3
w2[48:] = w2[:48]  # |u|: even in x
b2 = np.array([300, 101, 40], np.float32) - (np.maximum(x @ w1, 0) @ w2).mean(0)
nodes = [N("Gemm", ["x", "w1", "b1"], ["z"]), N("Relu", ["z"], ["a"]), N("Gemm", ["a", "w2", "b2"], ["forecast"])]
save(nodes, [value("x", ["N", 24])], [value("forecast", ["N", 3])], dict(w1=w1, b1=b1, w2=w2, b2=b2), dict(x=x))
out = reference({"x": x})["forecast"]
tell(forecast=out[:3], deviation=out.std(0), best_affine_r2=0.0,
     rule="R2 of the compressed model's forecast to the original's stays above 0.9 for every column, or nothing is collapsed")
