"""Feeds mutated copies of the models of `Tests/EndToEnd/cases` to the program, and prints what it makes of them.

    python Benchmarks/mutations.py PROGRAM [--count 100] [--seed 1]

Needs the PyPI packages numpy, onnx and onnxruntime. Each copy has one to three changes of sizes, types, names, attributes or the
order of nodes, or of single bytes. The program inspects it, and runs it on the data of the case if it is read. A run fails when it
ends by a signal, takes more than ten seconds, or ends with an error that is not one line of reason.
"""

import argparse
import collections
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import onnx

CASES = Path(__file__).resolve().parents[1] / "Tests/EndToEnd/cases"


def pick(choices, among):
    among = list(among)
    return choices.choice(among) if among else None


def change(model, choices):
    """Changes one thing of a model in place."""
    graph = model.graph
    kind = choices.randrange(9)
    node = pick(choices, graph.node)
    tensor = pick(choices, graph.initializer)
    value = pick(choices, [*graph.input, *graph.output])
    if kind == 0 and value and value.type.tensor_type.shape.dim:
        size = pick(choices, value.type.tensor_type.shape.dim)
        size.dim_value = choices.choice([-1, 0, 1, 2, 3, 7, 1 << 20, 1 << 40, (1 << 63) - 1])
    elif kind == 1 and tensor and tensor.dims:
        tensor.dims[choices.randrange(len(tensor.dims))] = choices.choice([-1, 0, 1, 2, 3, 1 << 40])
    elif kind == 2 and tensor:
        tensor.data_type = choices.randrange(24)
    elif kind == 3 and value:
        value.type.tensor_type.elem_type = choices.randrange(24)
    elif kind == 4 and node.input:
        names = [name for other in graph.node for name in [*other.input, *other.output]] + ["", "nobody"]
        node.input[choices.randrange(len(node.input))] = choices.choice(names)
    elif kind == 5 and node.output:
        names = [name for other in graph.node for name in other.output] + [""]
        node.output[choices.randrange(len(node.output))] = choices.choice(names)
    elif kind == 6:
        nodes = list(graph.node)
        choices.shuffle(nodes)
        del graph.node[:]
        graph.node.extend(nodes)
    elif kind == 7:
        node.op_type = choices.choice([other.op_type for other in graph.node] + ["Softmax", "LSTM", "Reshape", "Einsum", "If"])
    elif node.attribute:
        attribute = pick(choices, node.attribute)
        attribute.i = choices.choice([-(1 << 63), -1, 0, 1, 2, 1 << 40])
        if attribute.ints:
            attribute.ints[choices.randrange(len(attribute.ints))] = choices.choice([-(1 << 63), -1, 0, 1, 1 << 40])


def mutated(encoded, choices):
    if choices.random() < 0.2:
        changed = bytearray(encoded)
        for _ in range(choices.randrange(1, 4)):
            changed[choices.randrange(min(len(changed), 4096))] = choices.randrange(256)
        return bytes(changed)
    model = onnx.ModelProto.FromString(encoded)
    for _ in range(choices.randrange(1, 4)):
        change(model, choices)
    return model.SerializeToString()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    ends, faults, slowest, longest = collections.Counter(), [], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for script in sorted(CASES.glob("*.py")):
            subprocess.run([sys.executable, script, folder], check=True, stdout=subprocess.DEVNULL)
            choices = random.Random(f"{arguments.seed} {script.stem}")
            encoded = (folder / f"{script.stem}.onnx").read_bytes()
            for index in range(arguments.count):
                path = folder / "mutated.onnx"
                path.write_bytes(mutated(encoded, choices))
                for words in (["inspect", path], ["run", path, "--data", folder / f"{script.stem}.npz", "-o",
                                                  folder / "out.npz", "--force", "--quiet"]):
                    began = time.monotonic()
                    try:
                        done = subprocess.run([arguments.program, *words], capture_output=True, text=True, timeout=60)
                        status, said = done.returncode, done.stderr.strip()
                    except subprocess.TimeoutExpired:
                        status, said = "timeout", ""
                    seconds = time.monotonic() - began
                    longest = max(longest, seconds)
                    ends[f"{words[0]}: {status}"] += 1
                    if status == 0:
                        continue
                    slowest = max(slowest, seconds)
                    if status not in (1, 2, 3) or not said.startswith("error: ") or seconds > 10:
                        faults.append((script.stem, index, words[0], status, f"{seconds:.1f} s", said[:300]))
                        kept = Path(tempfile.gettempdir()) / f"mutation-{script.stem}-{index}.onnx"
                        kept.write_bytes(path.read_bytes())
                    if words[0] == "inspect":
                        break
    for end, number in sorted(ends.items()):
        print(f"{end}: {number}")
    print(f"longest answer {longest:.2f} s, longest refusal {slowest:.2f} s")
    for fault in faults:
        print("FAULT", *fault)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
