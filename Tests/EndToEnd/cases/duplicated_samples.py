"""Calibration data of 20 different samples, each 100 times (oversampling, frames of a still video, tokens of one prompt;
numpy.zeros as a stand-in is the same with one). A tenth is held out: every held-out sample was fitted on.
Expected: duplicates are counted: the split keeps equal samples on one side, or a warning says that the held-out
samples are copies of fitted ones and that 20 distinct samples are too few for 24 features; no upper95 from 200
copies.
"""
from support import FOLDER, N, NAME, np, reference, rng, save, tell, value, weight

half = weight(24, 48)
w1, w2 = np.concatenate([half, -half], 1), weight(96, 10) * 3  # |u|: no affine map explains it
weights = dict(w1=w1, b1=np.zeros(96, np.float32), w2=w2, b2=np.zeros(10, np.float32))
nodes = [N("Gemm", ["x", "w1", "b1"], ["z"]), N("Relu", ["z"], ["a"]), N("Gemm", ["a", "w2", "b2"], ["logits"])]
some, fresh = rng.normal(size=(20, 24)).astype(np.float32), rng.normal(size=(1000, 24)).astype(np.float32)
save(nodes, [value("x", ["N", 24])], [value("logits", ["N", 10])], weights, dict(x=np.repeat(some, 100, 0)))
np.savez(f"{FOLDER}/{NAME}.fresh.npz", x=fresh)
tell(distinct_samples=20, fresh_answers_of_original=reference({"x": fresh})["logits"].argmax(1)[:20],
     rule="a certificate of at most 2 % is only given if the answers on NAME.fresh.npz differ on about as few")
