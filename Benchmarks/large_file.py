"""How much time and memory a file of 553 MB takes: inspected, compressed, and sent through the server."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from measured import measured

HERE = Path(__file__).resolve().parent
VGG16_COLLAPSED = 39_803_688


def large_file(program, folder):
    model, small = folder / "vgg16.onnx", folder / "small.onnx"
    measured(sys.executable, HERE / "make_vgg16.py", model)
    print(f"VGG16, random weights, {model.stat().st_size / 1e6:.0f} MB")
    row("", "seconds", "peak, MB", "allowed")
    inspected = measured(program, "inspect", model)
    row("inspect", f"{inspected.seconds:.2f}", f"{inspected.peak_bytes / 1e6:.0f}", "1 s, 200 MB")
    merged = measured(program, "compress", model, "--method", "merge", "--threshold", 2, "-o", small, "--force", "--quiet")
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


def row(name, first, second, third):
    print(f"{name:<26} {first:>14} {second:>14}   {third}".rstrip(), flush=True)
