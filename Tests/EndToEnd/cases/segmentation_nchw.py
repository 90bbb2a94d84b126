"""A segmentation head, logits [N, 3, 8, 8] with the classes on axis 1, as every PyTorch export has them; two 1x1
convolutions to collapse. Biases keep class 0 ahead in every pixel, so per pixel nothing can change.
Expected: classes are on axis 1 of an output of rank 4 whose axis 1 is not a size of its image: disagreement per pixel
0.0; labels [N, 8, 8] (as torch.nn.functional.cross_entropy takes them) are accepted.
"""
from support import N, np, reference, rng, save, tell, value, weight

image = rng.normal(size=(1500, 1, 8, 8)).astype(np.float32)
k = (rng.normal(size=(16, 1, 3, 3)) / 3).astype(np.float32)
w1, w2 = (rng.normal(size=(64, 16, 1, 1)) / 4).astype(np.float32), (rng.normal(size=(3, 64, 1, 1)) / 8).astype(np.float32)
nodes = [
    N("Conv", ["image", "k", "kb"], ["c"], pads=[1, 1, 1, 1]), N("Relu", ["c"], ["d"]), N("Conv", ["d", "w1", "b1"], ["u"], name="up"),
    N("Relu", ["u"], ["v"]), N("Conv", ["v", "w2", "b2"], ["mask"], name="down"),
]
weights = dict(k=k, kb=weight(16), w1=w1, b1=weight(64), w2=w2, b2=np.array([30, 0, -30], np.float32))
label = np.zeros((1500, 8, 8), np.int64)
save(nodes, [value("image", ["N", 1, 8, 8])], [value("mask", ["N", 3, 8, 8])], weights, dict(image=image, y=label))
mask = reference({"image": image})["mask"]
tell(mask=mask[0, :, 0, 0], pixel_accuracy_of_original=float((mask.argmax(1) == label).mean()), disagreement_per_pixel=0.0,
     parameters_of_the_block=[16 * 64 + 64 + 64 * 3 + 3, 16 * 3 + 3])
