"""The front of the program beside its peers, at equal parameters, on the test split.

    python Benchmarks/peers.py PROGRAM [--networks NAME ...] [--kinds KIND ...] [--sizes N ...] [--seeds 0 1 2] [--out FILE.json]

| kind | what it is | trained |
|---|---|---|
| front | the points of a front of the program | no |
| ours | the program's point for a size (`--max-parameters`) | no |
| distilled | the same point after self-distillation, by default 300 steps | no labels |
| labelled | the same point after 300 steps with labels | labels |
| collapse | whole blocks alone, 1, 2, ... of them (`--replacements affine`) | no |
| onnxsim | width pruning and ridge on 2,000 samples; of a file of opset 20, since one of opset 17 is left as it is | no |
| pruned | Torch-Pruning, the best of four ways, 300 steps | labels |
| student | the shape of the program's point, from random weights, 1,500 steps of distillation | no labels |
| int8, ours-int8 | ONNX Runtime's dynamic int8 of the original, and of `ours` | no |
| width | the same share of channels everywhere, fitted in closed form: a prototype's figures, where there are any | no |

Every file is run by ONNX Runtime on the test split and compared with the original; latency is the median of seven rounds in
which all files take turns on one thread. The sizes are those at which onnxsim prunes a share of the channels. The program decides
by half of the test split, as it does for a user; the peers see training samples alone. Files are kept in `--folder` and made
only where they are missing, so that an interrupted run goes on; another program needs another folder. A figure with several seeds
is their mean, with half of their range behind ±. Needs numpy, onnx, onnxruntime, onnxsim==0.8.1, torch==2.13.0 and
torch-pruning==1.6.1 from PyPI.
"""

import argparse
import json
import logging
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy
import onnx
import onnxruntime

from fronts import NETWORKS, compress, measures, run_in_batches
from promises import ROOT, split

# The share of the hidden channels that onnxsim prunes, by the parameters that are left; none where it leaves more.
SIZES = {
    "digits-vit": {169802: 0.25, 136778: 0.5, 103754: 0.75, 87242: 0.875},
    "digits-mixer": {108618: 0.25, 73482: 0.5, 38346: 0.75, 20778: 0.875},
    "code-encoder": {179653: 0.25, 146629: 0.5, 113605: 0.75, 97093: 0.875},
    "code-gpt": {187648: 0.25, 154624: 0.5, 121600: 0.75, 105088: 0.875},
    "digits-vgg": {178890: 0.25, 140970: 0.5, 103050: 0.75, 84090: 0.875, 47000: None, 15500: None},
}
# Parameters, accuracy, cross-entropy, disagreement and KL of a prototype in PyTorch with one width for all blocks.
WIDTHS = {
    "digits-vit": [(169802, 77.7, None, 2.7, 0.0068), (136778, 76.7, None, 6.5, 0.042), (120266, 76.7, None, 8.4, 0.090),
                   (103754, 74.7, None, 11.5, 0.191)],
    "digits-mixer": [(108618, 84.1, None, 4.1, None), (73482, 81.3, None, 10.9, None), (55914, 78.3, None, 14.9, None),
                     (38346, 71.3, None, 25.1, None)],
    "code-encoder": [(146629, 85.2, None, 1.15, None), (113605, 85.2, None, 2.1, None)],
    "code-gpt": [(187648, 59.6, None, None, None), (154624, 55.0, None, None, None), (138112, 51.8, None, None, None),
                 (121600, 46.6, None, None, None)],
}
KINDS = ["front", "ours", "distilled", "labelled", "collapse", "onnxsim", "pruned", "student", "int8", "ours-int8"]
SEEDED = ["ours", "distilled", "labelled", "pruned", "student"]
OURS = {"none": ["ours", "front"], "distilled": ["ours", "front", "distilled"],
        "labelled": ["ours", "front", "distilled", "labelled"]}
# What each peer may be compared with: whatever of ours has seen no more than it has.
SEEN = {"collapse": "none", "onnxsim": "none", "width": "none", "student": "distilled", "pruned": "labelled"}
MEASURES = ["accuracy", "loss", "disagreement", "kl"]
ROUNDS, BATCHES = 7, (1, 16)


class Network:
    """An example network with its data, and the folder of the files that were made from it."""

    def __init__(self, name, program, folder):
        self.name, self.program, self.folder = name, program, folder / name
        self.path, data = NETWORKS[name]
        with numpy.load(data) as arrays:
            self.train, self.test = split(arrays, "_train"), split(arrays, "_test")
        # What ONNX Runtime and PyTorch take.
        for part in (self.train, self.test):
            part["x"] = part["x"].astype("int64" if part["x"].dtype.kind in "iu" else "float32")
        self.folder.mkdir(parents=True, exist_ok=True)

    def file(self, kind, size, seed):
        return self.folder / f"{kind}-{size}-{seed}.onnx"

    def make(self, kind, size, seed):
        """Makes the file of a kind, and those that come with it, unless it is there."""
        output = self.file(kind, size, seed)
        if not output.exists():
            started = time.time()
            maker = self.make_ours if kind in ("distilled", "labelled") else getattr(self, "make_" + kind.replace("-", "_"))
            print(f"{output.stem}: {maker(kind, size, seed, output) or ''} {time.time() - started:.0f} s", flush=True)

    def make_ours(self, kind, size, seed, output):
        finetune = "labels" if kind == "labelled" else "self_distill"
        with tempfile.TemporaryDirectory() as folder:
            points, _ = compress(self.program, self.name, Path(folder), "--max-parameters", str(size), "--seed", str(seed),
                                 "--finetune", finetune, "--threads", "1")
            chosen = next(point for point in points if point["chosen"])
            shutil.copy(Path(folder) / "front" / chosen["file"], self.file("ours", size, seed))
            shutil.copy(Path(folder) / "small.onnx", self.file("labelled" if kind == "labelled" else "distilled", size, seed))

    def make_front(self, kind, size, seed, output, *more):
        with tempfile.TemporaryDirectory() as folder:
            points, _ = compress(self.program, self.name, Path(folder), "--seed", str(seed), "--finetune", "none",
                                 "--threads", "1", *more)
            for point in points:
                shutil.copy(Path(folder) / "front" / point["file"], self.file(kind, point["parameters"], seed))
            # predicted.py reads the points from here.
            (self.folder / f"{kind}-{seed}.json").write_text(json.dumps(points))
        output.touch()

    def make_collapse(self, kind, size, seed, output):
        self.make_front(kind, size, seed, output, "--replacements", "affine")

    def make_onnxsim(self, kind, size, seed, output):
        import onnxsim

        model = onnx.load(self.opset20())
        name, x = model.graph.input[0].name, self.train["x"]
        samples = [{name: x[start:start + 100]} for start in range(0, 2000, 100)]
        pruned = onnxsim.apply_structured_wanda_pruning(
            model, calibration_data=samples, sparsity=SIZES[self.name][size])
        onnx.save(onnxsim.apply_pruning_finetune(model, pruned, calibration_data=samples), output)

    def opset20(self):
        if self.name == "digits-vgg":
            return self.path
        from networks import trained
        from peers_in_pytorch import export, tensor

        path = self.folder / "opset20.onnx"
        export(trained(self.name, self.path), tensor(self.train["x"][:2]), path, opset=20)
        return path

    def make_pruned(self, kind, size, seed, output):
        from peers_in_pytorch import prune

        return prune(self.name, self.path, self.train["x"], self.train["y"], size, seed, output)

    def make_student(self, kind, size, seed, output):
        from peers_in_pytorch import student

        self.make("ours", size, 0)
        teacher = session(self.path)
        name = teacher.get_inputs()[0].name
        student(self.file("ours", size, 0), self.train["x"], lambda x: teacher.run(None, {name: x})[0], seed, output)

    def make_int8(self, kind, size, seed, output):
        quantize(self.path, output)

    def make_ours_int8(self, kind, size, seed, output):
        self.make("ours", size, seed)
        quantize(self.file("ours", size, seed), output)

    def rows(self):
        """The measures of every file that was made, and the latencies of those of the first seed."""
        before = run_in_batches(self.path, self.test)
        files = [("original", self.path)] + [(path.stem, path) for path in sorted(self.folder.glob("*-*-*.onnx"))
                                             if path.stat().st_size]
        rows = []
        for stem, path in files:
            *kind, size, seed = stem.split("-") if stem != "original" else ("original", 0, 0)
            rows.append({"network": self.name, "kind": "-".join(kind), "size": int(size), "seed": int(seed),
                         "parameters": parameters(path), "bytes": path.stat().st_size,
                         **measures(before, run_in_batches(path, self.test), self.test["y"])})
        timed = [index for index, row in enumerate(rows) if row["seed"] == 0]
        for index, found in zip(timed, latencies([files[index][1] for index in timed], self.test["x"])):
            rows[index]["microseconds"] = found
        return rows


def quantize(path, output):
    from onnxruntime.quantization import quantize_dynamic

    logging.disable(logging.WARNING)  # of what it would like to be done before
    quantize_dynamic(path, output, per_channel=True)


def parameters(path):
    """The numbers of a file's arrays, but for indices and scales of integers."""
    return sum(int(numpy.prod(tensor.dims)) for tensor in onnx.load(path).graph.initializer
               if tensor.dims and tensor.data_type != onnx.TensorProto.INT64
               and not tensor.name.endswith(("_scale", "_zero_point")))


def session(path):
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])


def latencies(paths, x):
    """For each file the microseconds of a run, by the size of the batch."""
    sessions = [session(path) for path in paths]
    found = [{} for _ in paths]
    for batch in BATCHES:
        feeds = [{each.get_inputs()[0].name: x[:batch]} for each in sessions]
        times = [[] for _ in paths]
        for turn in range(ROUNDS + 1):  # The first is to warm up.
            for each, feed, list in zip(sessions, feeds, times):
                started, runs = time.perf_counter(), 0
                while (passed := time.perf_counter() - started) < 0.02 or runs < 3:
                    each.run(None, feed)
                    runs += 1
                list.append(1e6 * passed / runs)
        for entry, list in zip(found, times):
            entry[str(batch)] = statistics.median(list[1:])
    return found


def grouped(rows):
    """A row for each file but for its seed: means, and half of the range in `spread`."""
    groups = {}
    for row in rows:
        groups.setdefault((row["kind"], row["size"]), []).append(row)
    merged = []
    for group in groups.values():
        means = {key: statistics.mean(row[key] for row in group) for key in ["parameters", "bytes", *MEASURES]}
        spread = {key: (max(row[key] for row in group) - min(row[key] for row in group)) / 2 for key in MEASURES}
        merged.append({**group[0], **means, "spread": spread, "seeds": len(group)})
    for parameters, *figures in WIDTHS.get(rows[0]["network"], []):
        merged.append({"kind": "width", "parameters": parameters, "seeds": 0, **dict(zip(MEASURES, figures))})
    return sorted(merged, key=lambda row: (-row["parameters"], row["kind"]))


def table(name, rows):
    print(f"\n{name}\n{'parameters':>10}  {'kind':10} {'bytes':>8}  {'accuracy':>13}  {'CE':>13}  {'disagreement':>13}  "
          f"{'KL':>15}  {'us, batch 1':>11}  {'batch 16':>8}")
    for row in rows:
        figures = [figure(row, key, places).rjust(width)
                   for key, places, width in zip(MEASURES, (2, 3, 2, 4), (13, 13, 13, 15))]
        times = row.get("microseconds", {})
        print(f"{row['parameters']:10.0f}  {row['kind']:10} {row.get('bytes', 0):8.0f}  {'  '.join(figures)}  "
              f"{times.get('1', 0):11.0f}  {times.get('16', 0):8.0f}")


def figure(row, key, places):
    if row[key] is None:
        return "-"
    return f"{row[key]:.{places}f}" + (f" ±{row['spread'][key]:.{places}f}" if row["seeds"] > 1 else "")


def losses(rows):
    """Each measure of a peer in which no network of ours, that is no larger and has seen no more, is as good."""
    for peer in rows:
        kinds = OURS.get(SEEN.get(peer["kind"]), [])
        ours = [row for row in rows if row["kind"] in kinds and row["parameters"] <= 1.001 * peer["parameters"]]
        # A network that was trained with labels is not meant to agree with the original.
        for key in MEASURES[:2] if peer["kind"] == "pruned" else MEASURES:
            better = max if key == "accuracy" else min
            if ours and peer[key] is not None:
                best = better(ours, key=lambda row: row[key])
                if better(best[key], peer[key]) != best[key]:
                    yield (f"  {key} of {peer['kind']} at {peer['parameters']:.0f}: {peer[key]:.4g}; ours {best[key]:.4g} "
                           f"({best['kind']} at {best['parameters']:.0f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--networks", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=KINDS)
    parser.add_argument("--sizes", nargs="+", type=int, help="those of the networks by default")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--folder", type=Path, default=ROOT / ".build" / "peers")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    every = []
    for name in options.networks:
        network = Network(name, options.program, options.folder)
        for kind in options.kinds:
            sizes = [0] if kind in ("front", "collapse", "int8") else [
                size for size in SIZES[name] if not options.sizes or size in options.sizes]
            for seed in options.seeds if kind in SEEDED else [0]:
                for size in sizes:
                    if kind != "onnxsim" or SIZES[name][size]:
                        network.make(kind, size, seed)
        rows = network.rows()
        every += rows
        shown = grouped(rows)
        table(name, shown)
        lost = list(losses(shown))
        print("A peer is better in\n" + "\n".join(lost) if lost else "No peer is better in any measure.")
        if options.out:
            options.out.write_text(json.dumps(every, indent=1) + "\n")


if __name__ == "__main__":
    main()
