"""Images of bytes, channels last, with the preprocessing inside of the model (Cast, Transpose, scale and offset), as served
models have it.
Expected: read, the data taken as bytes; the block Linear-ReLU-Linear 48 -> 96 -> 10 collapses, 5,674 -> 490 parameters.
"""
from support import N, T, np, reference, rng, save, tell, value, weight

x = rng.integers(0, 256, size=(2000, 4, 4, 3), dtype=np.uint8)
# Biases of 5 keep nearly every unit of the ReLU open: the best affine map loses next to nothing.
w1, w2 = weight(48, 96), weight(96, 10)
b1, b2 = np.full(96, 5, np.float32), (-5 * w2.sum(0)).astype(np.float32)
# The mean and deviation of each channel, as of ImageNet.
mean = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
deviation = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)
nodes = [
    N("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]), N("Cast", ["planes"], ["bytes"], to=T.FLOAT),
    N("Div", ["bytes", "full"], ["share"]), N("Sub", ["share", "mean"], ["centred"]), N("Div", ["centred", "deviation"], ["scaled"]),
    N("Flatten", ["scaled"], ["x"]), N("Gemm", ["x", "w1", "b1"], ["z"]), N("Relu", ["z"], ["a"]),
    N("Gemm", ["a", "w2", "b2"], ["logits"]),
]
save(nodes, [value("image", ["N", 4, 4, 3], T.UINT8)], [value("logits", ["N", 10])],
     dict(full=np.float32(255), mean=mean, deviation=deviation, w1=w1, b1=b1, w2=w2, b2=b2), dict(image=x))
tell(logits=reference({"image": x})["logits"][0], parameters=[5674, 490])
