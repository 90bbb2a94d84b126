"""Two heads on one input: `logits` (nearly linear) and `value` (an even function of x: no affine map explains any of
it).
Expected: by someone who posts such a model (actor and critic, class and box, multi-task): either `value` survives
(its R2 to the original stays above 0.9: its block is refused because of its own output), or a warning names the
outputs that were not measured. Certificate and summary must not stay silent about it.
"""
from support import N, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 24)).astype(np.float32)
w1, w2 = weight(24, 96), weight(96, 10)
b1, b2 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32)
# relu(u) + relu(-u) = |u|
half = weight(24, 48)
v1, c1 = np.concatenate([half, -half], 1), np.zeros(96, np.float32)
v2, c2 = np.full((96, 1), 0.2, np.float32), np.zeros(1, np.float32)
nodes = [
    N("Gemm", ["x", "w1", "b1"], ["z"], name="policy.fc1"), N("Relu", ["z"], ["a"]),
    N("Gemm", ["a", "w2", "b2"], ["logits"], name="policy.fc2"),
    N("Gemm", ["x", "v1", "c1"], ["q"], name="critic.fc1"), N("Relu", ["q"], ["r"]),
    N("Gemm", ["r", "v2", "c2"], ["value"], name="critic.fc2"),
]
save(nodes, [value("x", ["N", 24])], [value("logits", ["N", 10]), value("value", ["N", 1])],
     dict(w1=w1, b1=b1, w2=w2, b2=b2, v1=v1, c1=c1, v2=v2, c2=c2), dict(x=x))
out = reference({"x": x})
tell(logits=out["logits"][0], value=out["value"][:5, 0], deviation_of_value=float(out["value"].std()),
     rule="rmse of `value` between the models stays under a third of its deviation, or it is warned of")
