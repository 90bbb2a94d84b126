"""Kills the service at random moments while uploads and jobs arrive, and then asks whether it kept its word.

    python Tests/EndToEnd/kill_server.py PROGRAM [--kills 50] [--seed 0]

After each `kill -9` the service starts again on the same data directory. At the end, through HTTP alone:
every upload answered with 201 is there with the same bytes, every job answered with 202 is there and has ended,
each has exactly one `done` event, and no child process outlived its server.
"""

import argparse
import hashlib
import http.client
import io
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy
import onnx

from server import ENDED, Server, children, gone_within, naming

UNFINISHED_AT_ONCE = 3


def tiny_model(sizes=(16, 64, 16, 4)):
    """Layers of the sizes with ReLU between them; by itself two candidates, a few kilobytes."""
    generator = numpy.random.default_rng(0)
    nodes, tensors, wire = [], [], "input"
    for index, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        weight = (generator.standard_normal((outputs, inputs)) / inputs**0.5).astype(numpy.float32)
        tensors.append(onnx.numpy_helper.from_array(weight, f"fc{index}.weight"))
        tensors.append(onnx.numpy_helper.from_array(numpy.zeros(outputs, numpy.float32), f"fc{index}.bias"))
        last = index == len(sizes) - 2
        result = "logits" if last else f"hidden{index}"
        nodes.append(onnx.helper.make_node("Gemm", [wire, f"fc{index}.weight", f"fc{index}.bias"], [result], transB=1))
        wire = result
        if not last:
            nodes.append(onnx.helper.make_node("Relu", [wire], [f"{wire}.relu"]))
            wire = f"{wire}.relu"
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", size])
        for name, size in (("input", sizes[0]), ("logits", sizes[-1]))
    ]
    graph = onnx.helper.make_graph(nodes, "tiny", values[:1], values[1:], tensors)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def tiny_data(samples=2000):
    generator = numpy.random.default_rng(1)
    inputs = generator.standard_normal((samples, 16)).astype(numpy.float32)
    return npz(input=inputs, y=inputs[:, :4].argmax(axis=1))


def npz(**arrays):
    file = io.BytesIO()
    numpy.savez(file, **arrays)
    return file.getvalue()


class Client(threading.Thread):
    """Uploads and posts jobs until told to stop; remembers only what the server acknowledged."""

    def __init__(self, server, seed):
        super().__init__(daemon=True)
        self.server, self.random = server, random.Random(seed)
        self.model, self.data = tiny_model(), tiny_data()
        self.files, self.jobs = {}, []
        self.refused, self.unexpected, self.cut_off = Counter(), [], 0
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            try:
                if self.random.random() < 0.5 and self.unfinished() < UNFINISHED_AT_ONCE:
                    self.post_job()
                else:
                    self.upload()
                time.sleep(self.random.uniform(0, 0.05))
            except (OSError, http.client.HTTPException):
                self.cut_off += 1
                time.sleep(0.01)

    def unfinished(self):
        recent = (self.server.request("GET", f"/v1/jobs/{job}").json() for job in self.jobs[-2 * UNFINISHED_AT_ONCE:])
        return sum(job["status"] not in ENDED for job in recent)

    def upload(self):
        rows = self.random.randrange(1, 8_000)
        content = npz(input=numpy.full((rows, 16), self.random.random(), numpy.float32))
        answer = self.server.post("/v1/files", [("purpose", "dataset"), ("file", "part.npz", content)])
        if answer.status == 201:
            self.files[answer.json()["id"]] = hashlib.sha256(content).hexdigest()
        else:
            self.note(answer)

    def post_job(self):
        # The network is random: without a wide budget none of its layers may go.
        options = [
            ("method", "ridge"), ("replacements", "affine"), ("finetune", "self_distill"), ("max_disagreement", 1),
            ("steps", self.random.randrange(50, 1500)),
        ]
        answer = self.server.post(
            "/v1/jobs", [("model", "tiny.onnx", self.model), ("data", "tiny.npz", self.data), *options]
        )
        if answer.status == 202:
            self.jobs.append(answer.json()["id"])
        else:
            self.note(answer)

    def note(self, answer):
        self.refused[answer.status] += 1
        if answer.status not in (429, 503):
            self.unexpected.append(f"{answer.status} {answer.body[:300]!r}")


def kill_again_and_again(program, kills, seed):
    """Returns the complaints, and a line of figures."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="layercollapse-") as folder:
        server = Server(Path(folder) / "data", program)
        try:
            return exercise(server, kills, seed, chance)
        finally:
            server.close()


def exercise(server, kills, seed, chance):
    complaints, during_jobs = [], 0
    server.start()
    client = Client(server, seed)
    client.start()
    for _ in range(kills):
        time.sleep(chance.uniform(0.05, 1.5))
        running = children(server.process.pid)
        during_jobs += bool(running)
        server.kill()
        if not gone_within(5, running + naming(server.data_directory)):
            complaints.append(f"children outlived their server: {running}")
        server.start()
    client.stopping.set()
    client.join()
    complaints += client.unexpected
    complaints += lost_files(server, client.files)
    outcomes, job_complaints = ends_of_jobs(server, client.jobs)
    complaints += job_complaints
    status = server.stop()
    if status != 0:
        complaints.append(f"the last server ended with {status} after SIGTERM")
    if not gone_within(5, naming(server.data_directory)):
        complaints.append("a job's process is still there at the end")
    return complaints, (
        f"{kills} kills ({during_jobs} while a job ran): {len(client.files)} uploads and {len(client.jobs)} jobs acknowledged, "
        f"{client.cut_off} requests cut off, refused {dict(client.refused)}, jobs ended {dict(outcomes)}"
    )


def lost_files(server, files):
    for file, digest in files.items():
        answer = server.request("GET", f"/v1/files/{file}/content")
        if answer.status != 200:
            yield f"upload {file} was acknowledged and is lost: {answer.status}"
        elif hashlib.sha256(answer.body).hexdigest() != digest:
            yield f"upload {file} came back changed"


def ends_of_jobs(server, jobs):
    outcomes, complaints = Counter(), []
    for job in jobs:
        answer = server.request("GET", f"/v1/jobs/{job}")
        if answer.status != 200:
            complaints.append(f"job {job} was acknowledged and is lost: {answer.status}")
            continue
        ended = server.wait(job)
        outcomes[ended["status"]] += 1
        done = sum(event["type"] == "done" for event in server.events(job))
        if done != 1:
            complaints.append(f"job {job} ({ended['status']}) has {done} done events")
        if ended["status"] != "succeeded":
            complaints.append(f"job {job} ended as {ended['status']}: {ended['error']}")
    return outcomes, complaints


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    started = time.monotonic()
    complaints, figures = kill_again_and_again(options.program, options.kills, options.seed)
    print(*complaints[:20], f"{len(complaints)} complaints; {figures}; {time.monotonic() - started:.0f} s", sep="\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
