"""A recurrent network as PyTorch's LSTM and GRU have it by default: 12 steps on the first axis, an open batch on the second. A
wide head reads the last step; the states of all steps and the last one are outputs too.
Expected: the samples are those of the second axis, and the head collapses: 16 -> 256 -> 5, 5,637 -> 85 parameters.
"""
from support import N, np, reference, rng, save, tell, value, weight

wave = rng.normal(size=(12, 1500, 8)).astype(np.float32)
head = weight(16, 256), np.full(256, 3, np.float32), weight(256, 5), np.zeros(5, np.float32)
nodes = [
    N("LSTM", ["sequence", "w", "r", "b"], ["y", "last", ""], hidden_size=16), N("Squeeze", ["y", "direction"], ["states"]),
    N("Squeeze", ["last", "first"], ["state"]), N("Gemm", ["state", "w1", "b1"], ["z"]), N("Relu", ["z"], ["a"]),
    N("Gemm", ["a", "w2", "b2"], ["logits"]),
]
weights = dict(w=weight(1, 64, 8) / 2, r=weight(1, 64, 16) / 2, b=weight(1, 128), direction=np.array([1]), first=np.array([0]),
               w1=head[0], b1=head[1], w2=head[2], b2=head[3])
save(nodes, [value("sequence", [12, "batch", 8])],
     [value("logits", ["batch", 5]), value("states", [12, "batch", 16]), value("last", [1, "batch", 16])], weights,
     dict(sequence=wave))
tell(logits=reference({"sequence": wave})["logits"][0], parameters_of_the_head=[16 * 256 + 256 + 256 * 5 + 5, 16 * 5 + 5])
