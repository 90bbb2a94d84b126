"""Blocks around Selu, Celu with an alpha, ThresholdedRelu, and Clip as Min and Max.
Expected: four candidates, named SELU, CELU, Threshold and Hardtanh.
"""
from support import N, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(400, 12)).astype(np.float32)
nodes, weights, last = [], dict(low=np.float32(-1), high=np.float32(2)), "x"
kinds = [("Selu", {}), ("Celu", dict(alpha=0.5)), ("ThresholdedRelu", dict(alpha=0.3)), ("Max", {})]
for index, (kind, attributes) in enumerate(kinds):
    first, second = weight(12, 40), weight(40, 12)
    weights |= {f"u{index}": first, f"d{index}": second}
    nodes += [N("MatMul", [last, f"u{index}"], [f"z{index}"])]
    nodes += [N(kind, [f"z{index}"] + ["low"] * (kind == "Max"), [f"m{index}"], **attributes)]
    nodes += [N("Min", [f"m{index}", "high"], [f"a{index}"])] if kind == "Max" else []
    hidden = f"a{index}" if kind == "Max" else f"m{index}"
    nodes += [N("MatMul", [hidden, f"d{index}"], [f"o{index}"]), N("Add", [f"o{index}", last], [f"x{index}"])]
    last = f"x{index}"
nodes[-1].output[0] = "y"
save(nodes, [value("x", ["N", 12])], [value("y", ["N", 12])], weights, dict(x=x))
tell(y=reference({"x": x})["y"][0], kinds=["SELU", "CELU", "Threshold", "Hardtanh"])
