"""The feed-forward block of a transformer as onnxruntime.transformers.optimizer (optimum O2, sentence-transformers
model_O2.onnx and model_O3.onnx) leaves it: MatMul, com.microsoft.BiasGelu, MatMul,
com.microsoft.SkipLayerNormalization with the second bias as its fifth input.
Expected: Linear-GELU-Linear 32 -> 128 -> 32 is found: the bias inside BiasGelu goes with the first layer, the one
inside SkipLayerNormalization stays where it is; 8,352 -> about 1,056 parameters. At least a line under "not
collapsible" that says why not.
"""
from support import N, np, reference, rng, save, tell, value, weight

tokens = rng.normal(size=(400, 6, 32)).astype(np.float32)
w1, w2 = weight(32, 128), weight(128, 32) / 4
nodes = [
    N("MatMul", ["tokens", "w1"], ["m1"], name="layer.0.intermediate.dense"), N("BiasGelu", ["m1", "b1"], ["a"], domain="com.microsoft"),
    N("MatMul", ["a", "w2"], ["m2"], name="layer.0.output.dense"),
    N("SkipLayerNormalization", ["m2", "tokens", "g", "s", "b2"], ["last_hidden_state"], domain="com.microsoft", epsilon=1e-12),
]
# Biases of 3: the Gelu is nearly the identity.
weights = dict(w1=w1, b1=np.full(128, 3, np.float32), w2=w2, b2=weight(32), g=np.ones(32, np.float32), s=np.zeros(32, np.float32))
save(nodes, [value("tokens", ["N", "T", 32])], [value("last_hidden_state", ["N", "T", 32])], weights, dict(tokens=tokens),
     domains=[("com.microsoft", 1)])
tell(last_hidden_state=reference({"tokens": tokens})["last_hidden_state"][0, 0, :5], block=[32, 128, 32])
