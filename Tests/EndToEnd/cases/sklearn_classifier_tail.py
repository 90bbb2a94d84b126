"""What sklearn-onnx writes for MLPClassifier: after the probabilities come ArgMax, ArrayFeatureExtractor (ai.onnx.ml),
Reshape and Cast to the label, with the class names as an int64 or string initializer. None of it has weights or lies
before a layer.
Expected: nodes behind the last layer that feed only outputs that are not measured stay as they are, byte for byte,
and are no obstacle; the label output of the compressed file agrees with the original's on at least 98 % of x. Shown
in the plan as "not run: ...".
"""
from support import N, T, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 24)).astype(np.float32)
# Biases of 3 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2 = weight(24, 96), weight(96, 10)
b1, b2 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32)
nodes = [
    N("MatMul", ["X", "w1"], ["m1"]), N("Add", ["m1", "b1"], ["z"]), N("Relu", ["z"], ["a"]),
    N("MatMul", ["a", "w2"], ["m2"]), N("Add", ["m2", "b2"], ["s"]), N("Softmax", ["s"], ["probabilities"], axis=1),
    N("ArgMax", ["probabilities"], ["place"], axis=1),
    N("ArrayFeatureExtractor", ["classes", "place"], ["picked"], domain="ai.onnx.ml"),
    N("Reshape", ["picked", "flat"], ["label"]),
]
classes = np.array([f"class {i}" for i in range(10)], dtype=object)
save(nodes, [value("X", [None, 24])], [value("label", [None], T.STRING), value("probabilities", [None, 10])],
     dict(w1=w1, b1=b1, w2=w2, b2=b2, classes=classes, flat=np.array([-1])), dict(X=x), domains=[("ai.onnx.ml", 1)])
out = reference({"X": x})
tell(label=out["label"][:10].tolist(), probabilities=out["probabilities"][0], parameters=[3370, 250])
