"""A model as paddle2onnx, tf2onnx and the model zoo have them: opset 11, IR 7, batch -1 as a size, weights as Constant
nodes. All three models inside the wheel rapidocr-onnxruntime are of opset 11 or 12.
Expected: opsets 7 to 12 are read where the operators mean the same (here: all), -1 and 0 are an open batch as ONNX
Runtime has it; 3,370 -> 250 parameters, opset 11 kept.
"""
from support import N, nh, np, reference, rng, save, tell, value, weight

x = rng.normal(size=(2000, 24)).astype(np.float32)
# Biases of 3 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2 = weight(24, 96), weight(96, 10)
b1, b2 = np.full(96, 3, np.float32), (-3 * w2.sum(0)).astype(np.float32)
weights = dict(w1=w1, b1=b1, w2=w2, b2=b2)
nodes = [N("Constant", [], [name], value=nh.from_array(array)) for name, array in weights.items()]
nodes += [
    N("MatMul", ["x", "w1"], ["m1"]), N("Add", ["m1", "b1"], ["z"]), N("Relu", ["z"], ["a"]),
    N("MatMul", ["a", "w2"], ["m2"]), N("Add", ["m2", "b2"], ["s"]), N("Softmax", ["s"], ["save_infer_model/scale_0.tmp_0"], axis=1),
]
save(nodes, [value("x", [-1, 24])], [value("save_infer_model/scale_0.tmp_0", [-1, 10])], {}, dict(x=x), opset=11, ir=7)
tell(probabilities=reference({"x": x})["save_infer_model/scale_0.tmp_0"][0], parameters=[3370, 250], opset=11)
