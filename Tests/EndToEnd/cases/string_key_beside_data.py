"""A data file with keys that the model does not ask for: names of the features (strings) and a dictionary (object
array). numpy.savez of a whole preprocessing state looks like that.
Expected: keys that are not used are not read: compress exits 0 with a note "key 'feature_names' is not used". An
object array that is asked for is refused as what it is: a pickle inside an .npz.
"""
from support import N, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 24)).astype(np.float32)
# Biases of 3 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2 = weight(24, 96), weight(96, 10)
b1, b2 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32)
nodes = [N("Gemm", ["x", "w1", "b1"], ["z"]), N("Relu", ["z"], ["a"]), N("Gemm", ["a", "w2", "b2"], ["logits"])]
save(nodes, [value("x", ["N", 24])], [value("logits", ["N", 10])], dict(w1=w1, b1=b1, w2=w2, b2=b2),
     dict(x=x, feature_names=np.array([f"f{i}" for i in range(24)]), scaler=np.array({"mean": 0.0}, dtype=object)))
tell(logits=reference({"x": x})["logits"][0], parameters=[3370, 250])
