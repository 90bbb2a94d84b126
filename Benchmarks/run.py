"""Side by side with PyTorch, and how much time and memory a large model takes.

    python Benchmarks/run.py .build/release/layercollapse

Runs PyTorch with the interpreter that runs this file. Imports nothing large itself: Linux counts the memory of the process
that starts a program into that program's peak.
"""

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
DIGITS = HERE.parent / "Examples" / "digits"
FIXTURES = HERE.parent / "Tests" / "EndToEnd" / "fixtures"
ROUNDS, BATCH, THREADS = 5, 64, 2
# Steps a round, about two seconds each.
NETWORKS = {"digits-vgg": 500, "digits-vit": 100, "digits-mixer": 100, "code-encoder": 30, "code-gpt": 30}
VGG16_COLLAPSED = 39_803_688


def main():
    program = str(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory(prefix="layercollapse-bench-") as folder:
        training(program, Path(folder))
        large_model(program, Path(folder))


def training(program, folder):
    """Seconds per step; one round of each in turn, so that both meet the same weather on the machine."""
    print(f"training, batch {BATCH}, SGD with momentum, {THREADS} threads; median of {ROUNDS} alternating rounds; ratios are "
          "PyTorch's time and memory over ours")
    print(f"{'':<14} {'ms a step':>10} {'PyTorch':>10} {'times faster':>14} {'(rounds)':>16} {'peak MB':>9} {'PyTorch':>9}")
    for name, steps in NETWORKS.items():
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(step_times(program, name, steps, folder))
            theirs.append(json.loads(measured(
                sys.executable, HERE / "train_in_pytorch.py", name, data_of(name),
                "--steps", steps, "--batch-size", BATCH, "--threads", THREADS,
            ).output))
        ratios = [step_time(there) / step_time(here) for here, there in zip(ours, theirs)]
        times = [statistics.median(map(step_time, side)) * 1000 for side in (ours, theirs)]
        peaks = [statistics.median(run["peak_memory_bytes"] for run in side) / 1e6 for side in (ours, theirs)]
        spread = f"({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"{name:<14} {times[0]:>10.3f} {times[1]:>10.3f} {statistics.median(ratios):>14.2f} {spread:>16} "
              f"{peaks[0]:>9.0f} {peaks[1]:>9.0f}", flush=True)
    print()


def step_times(program, name, steps, folder):
    timing = folder / "timing.json"
    model = DIGITS / "digits-vgg.onnx" if name == "digits-vgg" else FIXTURES / f"{name}.onnx"
    measured(
        program, "train", model, "--data", data_of(name), "-o", folder / "trained.onnx", "--timing", timing,
        "--optimizer", "sgd", "--learning-rate", "1e-3", "--momentum", "0.9", "--weight-decay", "0",
        "--steps", steps, "--batch-size", BATCH, "--threads", THREADS, "--no-shuffle",
    )
    return json.loads(timing.read_text())


def data_of(name):
    if name.startswith("digits"):
        return DIGITS / "digits16.npz"
    return FIXTURES / ("code-lm.npz" if name == "code-gpt" else "code.npz")


def step_time(timing):
    return timing["batch_size"] / timing["samples_per_second"]


def large_model(program, folder):
    model, small = folder / "vgg16.onnx", folder / "small.onnx"
    measured(sys.executable, HERE / "make_vgg16.py", model)
    print(f"VGG16, random weights, {model.stat().st_size / 1e6:.0f} MB")
    row("", "seconds", "peak, MB", "allowed")
    inspected = measured(program, "inspect", model)
    row("inspect", f"{inspected.seconds:.2f}", f"{inspected.peak_bytes / 1e6:.0f}", "1 s, 200 MB")
    merged = measured(program, "compress", model, "--method", "merge", "--threshold", 2, "-o", small, "--quiet")
    row("compress --method merge", f"{merged.seconds:.2f}", f"{merged.peak_bytes / 1e6:.0f}", "20 s, 1500 MB")
    over_http(program, model, folder)
    values = int(measured(sys.executable, "-c", COUNT, small).output)
    print(f"parameters after: {values:,} (expected {VGG16_COLLAPSED:,})\n")


COUNT = """
import math, sys, onnx
print(sum(math.prod(tensor.dims) for tensor in onnx.load(sys.argv[1]).graph.initializer))
"""


def over_http(program, model, folder):
    """The server's own peak while 553 MB come in and 159 MB go out; the job runs in a process of its own."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    log = (folder / "server.log").open("wb")
    server = subprocess.Popen(
        [program, "serve", "--host", "127.0.0.1", "--port", str(port), "--data-directory", str(folder / "data")],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log,
    )
    try:
        curl("--retry", 30, "--retry-delay", 1, "--retry-connrefused", f"{address}/readyz")
        started = time.perf_counter()
        job = json.loads(curl(f"{address}/v1/jobs", "-F", f"model=@{model}", "-F", "method=merge", "-F", "threshold=2"))
        uploaded = time.perf_counter()
        while job["status"] not in ("succeeded", "failed", "cancelled"):
            job = json.loads(curl(f"{address}/v1/jobs/{job['id']}?wait=30"))
        if job["status"] != "succeeded":
            raise SystemExit(f"the job over HTTP ended as {job['status']}: {job['error']}")
        ended = time.perf_counter()
        curl(f"{address}/v1/jobs/{job['id']}/model", "-o", folder / "downloaded.onnx")
        downloaded = time.perf_counter()
        peak = int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{server.pid}/status").read_text())[1]) * 1024
    finally:
        server.terminate()
        server.wait()
        log.close()
        shutil.rmtree(folder / "data", ignore_errors=True)
    row("HTTP: upload", f"{uploaded - started:.2f}", "", "")
    row("HTTP: the job", f"{ended - uploaded:.2f}", "", "")
    row("HTTP: download", f"{downloaded - ended:.2f}", "", "")
    row("HTTP: the server itself", "", f"{peak / 1e6:.0f}", "100 MB")


def curl(*arguments):
    return measured("curl", "--silent", "--show-error", "--fail-with-body", *arguments).output


class Measured:
    def __init__(self, output, seconds, peak_bytes):
        self.output, self.seconds, self.peak_bytes = output, seconds, peak_bytes


def measured(*command):
    """Runs a command to its end: its output, wall-clock seconds and peak resident memory."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        output.seek(0)
        text = output.read().decode()
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\nended with {process.returncode}\n{text}")
    return Measured(text, seconds, usage.ru_maxrss * 1024)


def row(name, first, second, third):
    print(f"{name:<26} {first:>14} {second:>14}   {third}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
