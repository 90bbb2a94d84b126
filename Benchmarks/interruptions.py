"""Kills and finishes compressions at random moments of each phase, and checks what they leave.

    python Benchmarks/interruptions.py PROGRAM [--network digits-vit] [--count 10] [--seed 0] [-- OPTION=VALUE ...]

A job that was killed, and one that was killed again and again, has to end with the bytes of one that was left alone. A job that
gets SIGUSR1 has to succeed, and its certificate has to hold on samples that it never saw: the disagreement of the written
file with the original, by ONNX Runtime on the whole test split, is at most the bound, or the bound of an independent look
at the other half. Needs numpy, onnxruntime and scipy from PyPI.
"""

import argparse
import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
from scipy.stats import beta

from fronts import NETWORKS, run_in_batches
from promises import split

PHASES = ["validating", "baseline", "calibrating", "search", "finetuning", "verifying", "exporting"]


class Job:
    """A folder as the service lays it out, with the process that works on it."""

    def __init__(self, program, folder, model, data, options):
        self.program, self.folder = program, folder
        for name in ("model", "data", "validation", "output", "checkpoints", "tmp"):
            (folder / name).mkdir(parents=True)
        shutil.copy(model, folder / "model")
        shutil.copy(data, folder / "data")
        manifest = {"model_files": [model.name], "data_file": data.name, "options": options}
        (folder / "job.json").write_text(json.dumps(manifest))

    def start(self):
        self.times, self.began = {}, time.monotonic()
        self.output = (self.folder / "tmp" / "events").open("w+")
        self.process = subprocess.Popen(
            [self.program, "compress", str(self.folder)], stdin=subprocess.DEVNULL, stdout=self.output,
            stderr=subprocess.DEVNULL)

    def phases(self):
        lines = (self.folder / "tmp" / "events").read_text().split("\n")[:-1]
        events = [json.loads(line) for line in lines]
        return [event["data"]["phase"] for event in events if event["type"] == "phase"]

    def signal_in(self, phase, seconds, number):
        """Sends a signal so many seconds into a phase; false when the job has ended before."""
        self.start()
        while self.process.poll() is None and phase not in self.phases():
            time.sleep(0.003)
        time.sleep(seconds)
        if self.process.poll() is not None:
            return False
        self.process.send_signal(number)
        return True

    def wait(self):
        status = self.process.wait(timeout=3600)
        self.output.close()
        return status

    def digest(self):
        return hashlib.sha256((self.folder / "output" / "model.onnx").read_bytes()).hexdigest()

    def result(self):
        return json.loads((self.folder / "output" / "report.json").read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path)
    parser.add_argument("--network", default="digits-vit", choices=list(NETWORKS))
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("options", nargs="*", help="OPTION=VALUE")
    arguments = parser.parse_args()
    options = {"max_disagreement": 0.05, "threads": 1} | dict(word.split("=", 1) for word in arguments.options)
    model, data = NETWORKS[arguments.network]
    with numpy.load(data) as arrays:
        test = split(arrays, "_test")
    test.pop("y")
    before = run_in_batches(model, test)
    chance, failures = random.Random(arguments.seed), []
    folder = Path(tempfile.mkdtemp(prefix="interruptions-"))

    def job(name):
        return Job(arguments.program.resolve(), folder / name, model, data, options)

    alone = job("alone")
    alone.start()
    if alone.wait() != 0:
        sys.exit("the job that is left alone fails")
    lengths = {row["phase"]: row["seconds"] for row in alone.result()["phases"]}
    print(f"{arguments.network}: left alone {sum(lengths.values()):.1f} s, {alone.digest()[:12]}; "
          + ", ".join(f"{phase} {seconds:.2f} s" for phase, seconds in lengths.items()))
    phases = [phase for phase in PHASES if phase in lengths]

    again = job("again")
    for phase in phases:
        killed, same = 0, 0
        for number in range(arguments.count):
            once = job(f"killed-{phase}-{number}")
            for each in (once, again):
                killed += each.signal_in(phase, chance.uniform(0, lengths[phase]), signal.SIGKILL)
                each.wait()
            once.start()
            status = once.wait()
            same += status == 0 and once.digest() == alone.digest()
            shutil.rmtree(once.folder)
        print(f"killed in {phase}: {killed} kills, {same} of {arguments.count} ended with the same bytes")
        if same != arguments.count:
            failures.append(f"killed in {phase}")
    again.start()
    if again.wait() != 0 or again.digest() != alone.digest():
        failures.append("killed again and again")
    print(f"killed again and again: {again.digest()[:12]}")

    for phase in phases:
        early, held, sizes, rates, bounds = 0, 0, [], [], []
        for number in range(arguments.count):
            one = job(f"finished-{phase}-{number}")
            one.signal_in(phase, chance.uniform(0, lengths[phase]), signal.SIGUSR1)
            status = one.wait()
            if status not in (0, 4):
                failures.append(f"finished in {phase}: exit {status}")
                continue
            result = one.result()["result"]
            after = run_in_batches(one.folder / "output" / "model.onnx", test)
            different = int((before.argmax(-1) != after.argmax(-1)).sum())
            count = before.argmax(-1).size
            # The samples of the split are samples too: the bound holds when their own lower bound is not above it.
            lower = float(beta.ppf(0.05, different, count - different + 1)) if different else 0.0
            bound = result["disagreement"]["upper95"]
            early += result["ended_early"] == "finish"
            held += bound is not None and lower <= bound
            sizes.append(result["compressed"]["parameters"])
            rates.append(different / count)
            bounds.append(bound)
            shutil.rmtree(one.folder)
        print(f"finished in {phase}: {early} early, {held} of {arguments.count} certificates hold; parameters "
              f"{min(sizes)} to {max(sizes)}, disagreement {100 * min(rates):.2f} to {100 * max(rates):.2f} %, bounds "
              f"{100 * min(bounds):.2f} to {100 * max(bounds):.2f} %")
        if held != arguments.count:
            failures.append(f"finished in {phase}: a certificate does not hold")
    shutil.rmtree(folder)
    if failures:
        sys.exit("; ".join(failures))


if __name__ == "__main__":
    main()
