"""How the checks call the program under test, and where their files are."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy
import onnx
import onnxruntime

PROGRAM = os.environ["LAYERCOLLAPSE"]
HERE = Path(__file__).resolve().parent
FIXTURES = HERE / "fixtures"
DIGITS = HERE.parents[1] / "Examples" / "digits"
# Of two exporters: TorchScript at opset 17, and dynamo at opset 20.
NAMES = [
    "digits-mlp", "digits-vgg", "digits-vit", "digits-vit-dynamo", "digits-mixer", "code-encoder",
    "code-encoder-dynamo", "code-gpt", "code-gpt-dynamo",
]
MODELS = {name: FIXTURES / f"{name}.onnx" for name in NAMES} | {"digits-vgg": DIGITS / "digits-vgg.onnx"}
DATA = DIGITS / "digits16.npz"


def data_of(name):
    """The samples that a network was trained on."""
    return DATA if name.startswith("digits") else FIXTURES / ("code-lm.npz" if "gpt" in name else "code.npz")


class Case(unittest.TestCase):
    """A test with a folder of its own and a way to print the figures that it compared."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="layercollapse-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)

    def figure(self, text):
        print(f"\n    {text} ... ", end="", flush=True)


def run(*arguments, statuses=(0,)):
    """Runs the program and returns what it did; any exit status not listed is an error that shows its output."""
    # Tests write the same file again.
    force = ["--force"] if arguments[0] in ("compress", "run", "train") else []
    done = subprocess.run(
        [PROGRAM, *map(str, arguments), *force], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
    )
    if done.returncode not in statuses:
        raise AssertionError(
            f"layercollapse {' '.join(map(str, arguments))}\nended with {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done


def infer(model, inputs, folder):
    """The program's own outputs: `inputs` `[batch, ...]` -> the only output of the model."""
    data, answer = folder / "inputs.npz", folder / "outputs.npz"
    numpy.savez(data, x=inputs)
    run("run", model, "--data", data, "-o", answer)
    with numpy.load(answer) as outputs:
        return outputs["logits"]


def infer_in_onnx_runtime(model, inputs):
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: inputs})[0]


def dataset(path=DATA):
    with numpy.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


def reference(name):
    with numpy.load(FIXTURES / f"{name.removesuffix('-dynamo')}.reference.npz") as arrays:
        return {key: arrays[key] for key in arrays.files}


def initializers(model):
    """Name -> array, of everything that the file holds."""
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(str(model)).graph.initializer}


def values_held(model):
    return sum(array.size for array in initializers(model).values())


def parameters(model):
    """The number of floats in a file."""
    return sum(int(numpy.prod(tensor.dims)) for tensor in onnx.load(model).graph.initializer
               if tensor.data_type == onnx.TensorProto.FLOAT)


def accuracy(logits, labels):
    return float((logits.argmax(axis=1) == labels).mean())


def read_json(path):
    return json.loads(Path(path).read_text())
