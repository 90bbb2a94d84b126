"""Side by side with PyTorch and ONNX Runtime, what bounds each network, where a compression spends its time, and how much
time and memory a large file takes.

    python Benchmarks/run.py PROGRAM [--only NAME,...] [--kind train,run,products,compress,file] [--peer eager,compile,onnxruntime]
        [--rounds N] [--threads N] [--optimizer sgd] [--results FILE.json]

Trains each network beside PyTorch (eager, and compiled where that works) and runs it beside ONNX Runtime: the same data,
batch, steps and threads, the sides in turn, so that both meet the same weather on the machine. Times leave out the first
step, and so what either side prepares. A program that writes a profile is asked for one, in a run of its own.

The peers run with the interpreter that runs this file. What is exported or compiled for them stays in .build/benchmarks.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from bounds import bounds_table, machine_line
from large_file import large_file
from measured import Failed, measured
from phases import phases
from products import products

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FIXTURES = ROOT / "Tests" / "EndToEnd" / "fixtures"
CACHE = ROOT / ".build" / "benchmarks"
KINDS = ["train", "run", "products", "compress", "file"]
PEERS = {"train": {"eager": "PyTorch", "compile": "torch.compile"}, "run": {"onnxruntime": "ONNX Runtime"}}
# Batches in a file of data: both sides go over them again and again.
BATCHES = 2


class Network:
    def __init__(self, batch, train, run):
        """Steps are those of one round, a few seconds."""
        self.batch, self.steps = batch, {"train": train, "run": run}


NETWORKS = {
    "digits-vgg": Network(64, train=500, run=2000), "digits-vit": Network(64, train=100, run=300),
    "digits-mixer": Network(64, train=100, run=300), "code-encoder": Network(64, train=30, run=100),
    "code-gpt": Network(64, train=30, run=100), "vgg16": Network(8, train=3, run=4),
    "vit-ti": Network(8, train=10, run=20), "bert-base": Network(8, train=3, run=6),
}


def main():
    options = parsed(sys.argv[1:])
    CACHE.mkdir(parents=True, exist_ok=True)
    results = {"threads": options.threads, "rounds": options.rounds, "optimizer": options.optimizer, "networks": []}
    with tempfile.TemporaryDirectory(prefix="layercollapse-bench-") as folder:
        bench = Bench(options, Path(folder))
        if {"train", "run"} & set(options.kind):
            results["machine"] = bench.machine
            print(machine_line(bench.machine))
        for kind in ["train", "run"]:
            if kind in options.kind:
                results["networks"] += bench.table(kind)
        if "products" in options.kind:
            results["products"] = products(bench)
        if "compress" in options.kind:
            results["compress"] = phases(bench)
        if "file" in options.kind:
            large_file(options.program, Path(folder))
    if options.results:
        options.results.write_text(json.dumps(results, indent=2) + "\n")


def parsed(arguments):
    def several(known):
        def words(text):
            unknown = set(text.split(",")) - set(known)
            if unknown:
                raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not among {' '.join(known)}")
            return text.split(",")
        return words

    peers = [peer for side in PEERS.values() for peer in side]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("--only", type=several(NETWORKS), help=" ".join(NETWORKS))
    parser.add_argument("--kind", type=several(KINDS), help=" ".join(KINDS))
    parser.add_argument("--peer", type=several(peers), default=peers, help=" ".join(peers))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--optimizer", choices=["adamw", "sgd"], default="adamw")
    parser.add_argument("--results", type=Path, help="where everything measured is written: FILE.json")
    options = parser.parse_args(arguments)
    options.program = str(options.program.resolve())
    options.kind = options.kind or (["train", "run"] if options.only else KINDS)
    options.only = options.only or list(NETWORKS)
    return options


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.machine = self.python("machine.py") if {"train", "run"} & set(options.kind) else None

    def prepare(self, name):
        prepare(name)

    def model(self, name):
        return model_of(name)

    def run(self, *arguments, accepted=(0,), **environment):
        """The program, measured."""
        return measured(self.options.program, *arguments, accepted=accepted, **environment)

    def script(self, script, *arguments):
        """The output of a script of this folder."""
        return measured(sys.executable, HERE / script, *arguments).output

    def table(self, kind):
        """Prints a line for each network and peer, and what bounds the network; returns what was measured."""
        sides = {key: name for key, name in PEERS[kind].items() if key in self.options.peer}
        how = f"training with {self.options.optimizer}" if kind == "train" else "inference"
        print(f"\n{how}, {self.options.threads} threads; medians of {self.options.rounds} alternating rounds; ratios are our "
              "speed over the peer's, and the peer's memory over ours\n")
        print(f"{'':<13} {'batch':>5} {'peer':<14} {'samples/s':>10} {'peer':>10} {'times faster':>13} {'(rounds)':>15} "
              f"{'peak MB':>8} {'peer':>8} {'times smaller':>14}")
        measurements, bounds = [], []
        for name in self.options.only:
            for row in self.network(kind, name, sides):
                measurements.append(row)
                print(text(row), flush=True)
            profile = self.profile(kind, name)
            if profile:
                measurements.append({"network": name, "kind": kind, "profile": profile["steps"]})
                bounds += ["", f"{name}, {kind}", *bounds_table(profile, self.machine)]
        if bounds:
            print("\n".join(bounds), flush=True)
        return measurements

    def network(self, kind, name, sides):
        """One row for each peer; all sides take turns."""
        prepare(name)
        ours, theirs, failures = [], {peer: [] for peer in sides}, {}
        for _ in range(self.options.rounds):
            ours.append(self.program(kind, name))
            for peer in sides:
                if peer in failures:
                    continue
                try:
                    theirs[peer].append(self.peer(peer, name))
                except Failed as failure:
                    failures[peer] = str(failure)
        rows = []
        for peer, title in sides.items():
            row = {"network": name, "kind": kind, "batch": NETWORKS[name].batch, "peer": title}
            if peer in failures:
                rows.append(row | {"failure": failures[peer]})
                continue
            rows.append(row | {"ours": ours, "theirs": theirs[peer], **{
                f"{word}_{number}": value for word, key in [("speed", "samples_per_second"), ("memory", "peak_memory_bytes")]
                for number, value in ratio(ours, theirs[peer], key, inverted=word == "memory").items()}})
        return rows

    def program(self, kind, name, **environment):
        timing, steps = self.folder / "timing.json", NETWORKS[name].steps[kind]
        if kind == "train":
            arguments = [
                "-o", self.folder / "trained.onnx", "--steps", steps, "--optimizer", self.options.optimizer,
                "--learning-rate", "1e-4", "--no-shuffle"]
        else:
            arguments = ["-o", self.folder / "outputs.npz", "--repeat", steps // BATCHES]
        measured(
            self.options.program, kind, model_of(name), "--data", data_of(name), "--timing", timing, "--force", "--quiet",
            "--batch-size", NETWORKS[name].batch, "--threads", self.options.threads, *arguments, **environment)
        return json.loads(timing.read_text())

    def profile(self, kind, name):
        """What the program says of its steps, or nothing."""
        file = self.folder / "profile.json"
        file.unlink(missing_ok=True)
        self.program(kind, name, LAYERCOLLAPSE_PROFILE=file)
        return json.loads(file.read_text()) if file.exists() else None

    def peer(self, peer, name):
        batch = ["--batch-size", NETWORKS[name].batch]
        if peer == "onnxruntime":
            return self.python(
                "run_in_onnxruntime.py", model_of(name), data_of(name), *batch, "--repeat",
                NETWORKS[name].steps["run"] // BATCHES)
        return self.python(
            "train_in_pytorch.py", name, data_of(name), *batch, "--steps", NETWORKS[name].steps["train"],
            "--optimizer", self.options.optimizer, *(["--compile"] if peer == "compile" else []))

    def python(self, script, *arguments):
        """What a script of this folder prints."""
        run = measured(
            sys.executable, HERE / script, *arguments, "--threads", self.options.threads,
            TORCHINDUCTOR_CACHE_DIR=CACHE / "inductor")
        return json.loads(run.output)


def ratio(ours, theirs, key, inverted):
    """Of the rounds, the median and the extremes of our number over theirs."""
    values = [here[key] / there[key] for here, there in zip(ours, theirs)]
    values = [1 / value for value in values] if inverted else values
    return {"ratio": statistics.median(values), "least": min(values), "most": max(values)}


def text(row):
    start = f"{row['network']:<13} {row['batch']:>5} {row['peer']:<14}"
    if "failure" in row:
        return f"{start} failed: {row['failure'].splitlines()[-1]}"

    def median(side, key):
        return statistics.median(run[key] for run in row[side])
    spread = f"({row['speed_least']:.2f} to {row['speed_most']:.2f})"
    return (f"{start} {median('ours', 'samples_per_second'):>10.1f} {median('theirs', 'samples_per_second'):>10.1f} "
            f"{row['speed_ratio']:>13.2f} {spread:>15} {median('ours', 'peak_memory_bytes') / 1e6:>8.0f} "
            f"{median('theirs', 'peak_memory_bytes') / 1e6:>8.0f} {row['memory_ratio']:>14.2f}")


def prepare(name):
    """Sees to it that the network and its data lie there."""
    if not model_of(name).exists():
        measured(sys.executable, HERE / "prepare.py", name, "--model", model_of(name))
    if name in NETWORKS and not data_of(name).exists():
        measured(
            sys.executable, HERE / "prepare.py", name, "--data", data_of(name), "--samples", BATCHES * NETWORKS[name].batch)


def model_of(name):
    if name == "digits-vgg":
        return ROOT / "Examples" / "digits" / "digits-vgg.onnx"
    fixture = FIXTURES / f"{name}.onnx"
    return fixture if fixture.exists() else CACHE / f"{name}.onnx"


def data_of(name):
    return CACHE / f"{name}.npz"


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        raise SystemExit(str(failure))
