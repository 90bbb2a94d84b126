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
ROUNDS, STEPS, BATCH, THREADS = 5, 500, 64, 2
VGG16_COLLAPSED = 39_803_688


def main():
    program = str(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory(prefix="layercollapse-bench-") as folder:
        training(program, Path(folder))
        large_model(program, Path(folder))


def training(program, folder):
    """Seconds per step; one round of each in turn, so that both meet the same weather on the machine."""
    model, data = DIGITS / "digits-vgg.onnx", DIGITS / "digits16.npz"
    timing, ours, theirs = folder / "timing.json", [], []
    for _ in range(ROUNDS):
        measured(
            program, "train", model, "--data", data, "-o", folder / "trained.onnx", "--timing", timing,
            "--optimizer", "sgd", "--learning-rate", "1e-3", "--momentum", "0.9", "--weight-decay", "0",
            "--steps", STEPS, "--batch-size", BATCH, "--threads", THREADS, "--no-shuffle",
        )
        ours.append(json.loads(timing.read_text()))
        theirs.append(json.loads(measured(
            sys.executable, HERE / "train_digits_vgg.py", model, data,
            "--steps", STEPS, "--batch-size", BATCH, "--threads", THREADS,
        ).output))
    ratios = [ours_now / theirs_now for ours_now, theirs_now in zip(map(step_time, ours), map(step_time, theirs))]
    print(f"digits-vgg, training, batch {BATCH}, SGD with momentum, {THREADS} threads; "
          f"median of {ROUNDS} alternating rounds of {STEPS} steps")
    row("", "layercollapse", f"PyTorch {theirs[0]['version'].split('+')[0]}", "ratio")
    row("milliseconds per step", *(f"{statistics.median(map(step_time, side)) * 1000:.3f}" for side in (ours, theirs)),
        f"{statistics.median(ratios):.2f}  (rounds {min(ratios):.2f} to {max(ratios):.2f})")
    peaks = [statistics.median(run["peak_memory_bytes"] for run in side) for side in (ours, theirs)]
    row("peak memory, MB", *(f"{peak / 1e6:.0f}" for peak in peaks), f"{peaks[0] / peaks[1]:.2f}")
    print()


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
