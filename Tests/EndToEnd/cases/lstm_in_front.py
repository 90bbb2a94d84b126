"""An LSTM in front of a wide head (speech and sensor models, silero-vad, CRNN): the block to collapse lies behind it, no
gradient has to go through it.
Expected: the LSTM is run, and the head collapses: 16 -> 256 -> 5, 5,637 -> 85 parameters.
"""
from support import N, np, reference, rng, save, tell, value, weight

wave = rng.normal(size=(1500, 8, 12)).astype(np.float32)
head = weight(16, 256), np.full(256, 3, np.float32), weight(256, 5), np.zeros(5, np.float32)
nodes = [
    N("Transpose", ["sequence"], ["t"], perm=[1, 0, 2]), N("LSTM", ["t", "w", "r", "b"], ["y", "last", ""], hidden_size=16),
    N("Squeeze", ["last", "axis"], ["state"]), N("Gemm", ["state", "w1", "b1"], ["z"]), N("Relu", ["z"], ["a"]),
    N("Gemm", ["a", "w2", "b2"], ["logits"]),
]
weights = dict(w=weight(1, 64, 12) / 2, r=weight(1, 64, 16) / 2, b=weight(1, 128), axis=np.array([0]),
               w1=head[0], b1=head[1], w2=head[2], b2=head[3])
save(nodes, [value("sequence", ["N", 8, 12])], [value("logits", ["N", 5])], weights, dict(sequence=wave))
tell(logits=reference({"sequence": wave})["logits"][0], parameters_of_the_head=[16 * 256 + 256 + 256 * 5 + 5, 16 * 5 + 5])
