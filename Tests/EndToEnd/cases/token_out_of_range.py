"""Token ids beyond the vocabulary (the tokenizer of another model): one id 203 in sample 5, the embedding has 200 rows.
Expected: run, compress and plan refuse with the key, the sample, the id and the range (-200 to 199), as labels out of
range are; ONNX Runtime says "indices element out of data bounds, idx=203 must be within the inclusive range
[-200,199]".
"""
from support import N, T, np, reference, rng, save, tell, value, weight

ids = rng.integers(0, 200, (300, 12))
ids[5, 5] = 203
nodes = [
    N("Gather", ["table", "input_ids"], ["e"]), N("MatMul", ["e", "w1"], ["m1"]), N("Add", ["m1", "b1"], ["z"]), N("Relu", ["z"], ["a"]),
    N("MatMul", ["a", "w2"], ["logits"]),
]
weights = dict(table=weight(200, 32) * 14, w1=weight(32, 128), b1=np.full(128, 3, np.float32), w2=weight(128, 32))
save(nodes, [value("input_ids", ["N", "T"], T.INT64)], [value("logits", ["N", "T", 32])], weights, dict(input_ids=ids))
try:
    reference({"input_ids": ids})
    said = "nothing"
except Exception as error:
    said = str(error)
tell(onnx_runtime=said[-120:], sample=5, exit_code=3)
