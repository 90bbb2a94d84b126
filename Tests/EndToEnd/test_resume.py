"""Jobs whose process is killed at random moments end with the bytes of a job that was left alone, and jobs that are asked to
finish end with what they have."""

import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time

from program import DATA, MODELS, PROGRAM, Case
from server import Server, children

KILLS = 10
MODEL = MODELS["digits-vgg"]
# Every parameter learns, so that there is something to do, and something to keep.
RIDGE = {"method": "ridge", "finetune": "self_distill", "train": "all", "max_layers": 2, "steps": 2000, "threads": 1}
# The search of the front, with a budget at which some points are tuned.
FRONT = {"max_disagreement": 0.05, "steps": 400, "threads": 1}
# One training for each of two layers: the first one's end is kept while the second is under way.
SLOPES = {"method": "layercollapse", "optimizer": "adamw", "order": "from_end", "steps": 2500, "threads": 1}


class Job:
    """A folder as the service lays it out, and processes that work on it."""

    def __init__(self, folder, options, model=MODEL):
        self.folder, self.network = folder, model
        for name in ("model", "data", "validation", "output", "checkpoints", "tmp"):
            (folder / name).mkdir(parents=True)
        shutil.copy(model, folder / "model")
        shutil.copy(DATA, folder / "data")
        self.describe(options)

    def describe(self, options):
        manifest = {"model_files": [self.network.name], "data_file": DATA.name, "options": options}
        (self.folder / "job.json").write_text(json.dumps(manifest))

    def start(self, **arguments):
        with (self.folder / "tmp" / "events").open("w") as output:
            return subprocess.Popen(
                [PROGRAM, "compress", str(self.folder)], stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.DEVNULL, **arguments
            )

    def events(self):
        """What the last process told, but for a line that it did not end."""
        # Read at once: line by line, the rest of a line that was not ended yet would be taken for a line.
        lines = (self.folder / "tmp" / "events").read_text().split("\n")
        return [json.loads(line) for line in lines[:-1]]

    def finish(self, **arguments):
        """Runs a process to its end and returns what it told."""
        process = self.start(**arguments)
        status = process.wait(timeout=120)
        events = self.events()
        if status != 0:
            raise AssertionError(f"the job ended with {status}: {events[-1:]}")
        return events

    def kill_when(self, is_due, seconds):
        """Kills a process so many seconds after what it tells is due, and returns all that it told."""
        process = self.start()
        while process.poll() is None and not is_due(self.events()):
            time.sleep(0.01)
        time.sleep(seconds)
        if process.poll() is not None:
            raise AssertionError(f"the job ended before it could be killed: {self.events()[-1:]}")
        process.kill()
        process.wait()
        return self.events()

    def model(self):
        return (self.folder / "output" / "model.onnx").read_bytes()

    def checkpoints(self):
        return sorted(path.name for path in (self.folder / "checkpoints").iterdir())


def data_of(events, kind):
    return [event["data"] for event in events if event["type"] == kind]


def checkpoints_below(folder):
    """The checkpoints of a job of the service, whose attempts have folders of their own that come and go."""
    try:
        return list(folder.rglob("checkpoints/*.safetensors"))
    except FileNotFoundError:
        return []


def has_begun(phase):
    """What a process told is due when it has begun a phase."""
    return lambda events: any(event["type"] == "phase" and event["data"]["phase"] == phase for event in events)


class Front(Case):
    """The search of the front, which keeps each site and each point."""

    def test_a_front_killed_in_each_phase(self):
        alone = Job(self.folder / "alone", FRONT, MODELS["digits-vit"])
        told = alone.finish()
        phases = {row["phase"] for row in data_of(told, "phase")}
        self.assertLessEqual({"calibrating", "search", "finetuning"}, phases)
        chance = random.Random(3)
        job = Job(self.folder / "killed", FRONT, MODELS["digits-vit"])
        for phase in ("calibrating", "search", "finetuning", "verifying"):
            for _ in range(2):
                try:
                    job.kill_when(has_begun(phase), chance.uniform(0, 0.8))
                except AssertionError:
                    break
        kept = [name.split(".")[0] for name in job.checkpoints()]
        events = job.finish()
        self.figure(f"kept at the last kill: {kept}")
        self.assertEqual(job.model(), alone.model())
        first, last = (json.loads((each.folder / "output" / "report.json").read_text()) for each in (alone, job))
        for report in (first, last):
            for point in report["result"]["pareto"]:
                # Measured, and so never the same twice.
                self.assertGreater(point.pop("latency_ms_p50"), 0)
        for member in ("pareto", "layers", "disagreement", "outputs"):
            self.assertEqual(last["result"][member], first["result"][member])
        self.assertEqual(data_of(events, "warning"), data_of(told, "warning"))

    def test_a_front_asked_to_finish(self):
        chance = random.Random(4)
        for number, phase in enumerate(["baseline", "calibrating", "search", "search", "finetuning", "finetuning"]):
            # A training that is not over before it is asked.
            options = FRONT | {"steps": 1_000_000}
            job = Job(self.folder / f"finished-{number}", options, MODELS["digits-vit"])
            process = job.start()
            while process.poll() is None and not has_begun(phase)(job.events()):
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.5))
            process.send_signal(signal.SIGUSR1)
            self.assertEqual(process.wait(timeout=120), 0, job.events()[-1:])
            result = json.loads((job.folder / "output" / "report.json").read_text())["result"]
            self.figure(f"{phase}: {len(result['pareto'])} points, {result['compressed']['parameters']} parameters")
            self.assertEqual(result["ended_early"], "finish")
            self.assertGreater(result["disagreement"]["upper95"], 0)
            self.assertGreater(len(result["pareto"]), 0)
            self.assertEqual(result["digests"]["model"], f"sha256:{hashlib.sha256(job.model()).hexdigest()}")

    def test_a_deadline_ends_the_search_and_not_the_job(self):
        options = FRONT | {"steps": 1_000_000, "deadline_seconds": 12}
        job = Job(self.folder / "deadline", options, MODELS["digits-vit"])
        started = time.monotonic()
        job.finish()
        seconds = time.monotonic() - started
        result = json.loads((job.folder / "output" / "report.json").read_text())["result"]
        self.figure(f"ended after {seconds:.1f} of 12 s")
        self.assertEqual(result["ended_early"], "deadline")
        self.assertGreater(result["disagreement"]["upper95"], 0)


class Resumed(Case):
    def left_alone(self, options):
        """The model's bytes, and what was told."""
        job = Job(self.folder / f"alone-{self._testMethodName}", options)
        events = job.finish()
        self.assertEqual(job.checkpoints(), [])
        return job.model(), events

    def test_a_job_killed_at_random_moments(self):
        whole, told = self.left_alone(SLOPES)
        place = {json.dumps(row): number for number, row in enumerate(data_of(told, "metrics"))}
        job, chance = Job(self.folder / "killed", SLOPES), random.Random(1)
        in_training, seen = 0, []

        def has_reached(step):
            return lambda events: any(place[json.dumps(row)] >= step for row in data_of(events, "metrics")[-1:])

        for kill in range(KILLS):
            if kill % 5 == 2:
                # Whatever it does then: it reads, fits, or has just gone on.
                events = job.kill_when(lambda events: True, chance.uniform(0, 0.5))
            else:
                step = len(place) * chance.uniform(kill, kill + 1) / (KILLS + 1)
                events = job.kill_when(has_reached(step), chance.uniform(0, 0.02))
            in_training += bool(data_of(events, "metrics"))
            seen += data_of(events, "metrics")
        left = job.checkpoints()
        events = job.finish()
        steps = data_of(events, "metrics")
        self.figure(
            f"{KILLS} kills, {in_training} of them in training; the last process took {len(steps)} of {len(data_of(told, 'metrics'))} "
            f"told steps; checkpoints {[name.split('.')[0] for name in left]}"
        )
        self.assertEqual(job.model(), whole)
        self.assertGreaterEqual(in_training, 8)
        self.assertLess(len(steps), len(data_of(told, "metrics")) * 0.9)
        # Every step that any of the processes told had the same numbers.
        self.assertEqual({json.dumps(row) for row in seen + steps}, {json.dumps(row) for row in data_of(told, "metrics")})
        self.assertEqual(data_of(events, "warning"), [])
        self.assertEqual(job.checkpoints(), [])

    def test_a_job_of_the_service_whose_process_is_killed_more_often_than_it_is_tried(self):
        whole, told = self.left_alone(RIDGE)
        server = Server(self.folder / "data", environment={"LAYERCOLLAPSE_THREADS": "1"}).start()
        self.addCleanup(server.close)
        parts = [("model", MODEL.name, MODEL.read_bytes()), ("data", DATA.name, DATA.read_bytes())]
        answer = server.post("/v1/jobs", parts + list(RIDGE.items()))
        self.assertEqual(answer.status, 202, answer.body)
        job = answer.json()["id"]
        folder = server.data_directory / "jobs" / job

        def files():
            return {path.name for path in checkpoints_below(folder)}

        chance, known = random.Random(2), set()
        for _ in range(KILLS):
            deadline = time.monotonic() + 100
            while files() <= known and time.monotonic() < deadline:
                time.sleep(0.005)
            self.assertFalse(files() <= known, "there was no further checkpoint")
            time.sleep(chance.uniform(0, 0.15))
            for process, _ in children(server.process.pid):
                os.kill(process, signal.SIGKILL)
            known |= files()
        ended = server.wait(job)
        self.assertEqual(ended["status"], "succeeded", ended["error"])
        self.assertEqual(server.request("GET", f"/v1/jobs/{job}/model").body, whole)
        events = server.events(job)
        goes_on = [event for event in events if "goes on from its last checkpoint" in event["message"]]
        self.figure(f"{KILLS} kills, all in training; {len(goes_on)} attempts went on, counted {ended['attempt']}")
        self.assertEqual(len(goes_on), KILLS)
        self.assertEqual(ended["attempt"], 1)
        rows = server.request("GET", f"/v1/jobs/{job}/metrics").json()["data"]
        self.assertEqual([row["step"] for row in rows], [row["step"] for row in data_of(told, "metrics")])
        self.assertEqual([row["train_loss"] for row in rows], [row["train_loss"] for row in data_of(told, "metrics")])
        fractions = [event["data"]["fraction"] for event in events if event["type"] == "progress"]
        self.assertEqual(fractions[-1], 1)
        # What a process did after its last checkpoint, about a second at most, is taken back.
        self.assertLess(max(one - next for one, next in zip(fractions, fractions[1:])), 0.2)
        self.assertEqual(checkpoints_below(folder), [])

    def test_a_cancelled_job_leaves_no_checkpoint(self):
        server = Server(self.folder / "cancelled").start()
        self.addCleanup(server.close)
        parts = [("model", MODEL.name, MODEL.read_bytes()), ("data", DATA.name, DATA.read_bytes())]
        job = server.post("/v1/jobs", parts + list((RIDGE | {"steps": 10_000_000}).items())).json()["id"]
        folder = server.data_directory / "jobs" / job
        deadline = time.monotonic() + 100
        while not checkpoints_below(folder) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertNotEqual(checkpoints_below(folder), [])
        server.request("POST", f"/v1/jobs/{job}/cancel")
        self.assertEqual(server.wait(job)["status"], "cancelled")
        deadline = time.monotonic() + 5
        while checkpoints_below(folder) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(checkpoints_below(folder), [])

    def test_a_disk_that_takes_no_checkpoint_does_not_end_the_job(self):
        options = RIDGE | {"steps": 300}
        whole, _ = self.left_alone(options)
        job = Job(self.folder / "full", options)
        # More than the model and the reports, less than the parameters with their moments.
        limit = 120_000
        events = job.finish(
            restore_signals=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        )
        warnings = [event["message"] for event in events if event["type"] == "warning" and "checkpoint" in event["message"]]
        self.figure(*warnings)
        self.assertEqual(len(warnings), 1)
        self.assertIn("a checkpoint could not be written: File too large", warnings[0])
        self.assertEqual(job.model(), whole)
