"""Puts a server through faults and hostile clients, and says for each whether it stands them.

    python Benchmarks/server_faults.py PROGRAM [--only NAME ...] [--seconds 60]

Every fault has a server of its own, on a loopback port and in a folder that goes with it; the last lines are a table, and
the exit status is 1 when a server did not stand one of them. It wants numpy and onnx from PyPI.
"""

import argparse
import collections
import contextlib
import hashlib
import http.client
import itertools
import json
import multiprocessing
import os
import random
import re
import resource
import selectors
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Tests" / "EndToEnd"))

from kill_server import tiny_data, tiny_model  # noqa: E402
from server import ENDED, Answer, Server, multipart, stat_fields  # noqa: E402

MERGE = [("method", "merge"), ("threshold", 2)]
FOREVER = [("method", "ridge"), ("finetune", "self_distill"), ("steps", 10_000_000), ("threads", 1)]
TOO_LONG = 20
MIB = 1 << 20
FAULTS = {}


def fault(name):
    """Makes a function, of the program and the options, one of the faults; it returns its figures and what was wrong."""
    def add(function):
        FAULTS[name] = function
        return function
    return add


class Wrong(Exception):
    """What a server did that it must not do."""


# What the faults are made of


@contextlib.contextmanager
def service(program, environment=None):
    """A server that runs, in a folder that is removed with everything in it."""
    with tempfile.TemporaryDirectory(prefix="layercollapse-faults-") as folder:
        server = Server(Path(folder) / "data", program, environment)
        with contextlib.closing(server):
            try:
                server.start()
            except AssertionError:
                last = Path(server.log.name).read_text(errors="replace").strip().rpartition("\n")[2]
                raise Wrong(f"it did not start: {last}") from None
            yield server


@contextlib.contextmanager
def beside(target, *arguments):
    """A process that runs a function meanwhile; the event that the function is given says that it is under way."""
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=target, args=(*arguments, ready), daemon=True)
    process.start()
    try:
        if not ready.wait(60):
            raise Wrong(f"{target.__name__} did not get under way within 60 s")
        yield process
    finally:
        process.terminate()
        process.join(10)


class Client:
    """One connection, which is never opened again. An answer counts also when it comes before the request is sent."""

    def __init__(self, server, timeout=TOO_LONG):
        self.port = server.port
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, method, path, body=b"", *headers, host=None):
        """The headers are lines as they are sent."""
        host = f"127.0.0.1:{self.port}".encode() if host is None else host
        framing = [b"Content-Length: %d" % len(body)] if body else []
        lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: " + host, *framing, *headers, b"", body]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(b"\r\n".join(lines))
        return self.answer(method)

    def post(self, path, parts):
        body, content_type = multipart(parts)
        return self.ask("POST", path, body, f"Content-Type: {content_type}".encode())

    @property
    def is_silent(self):
        """Whether nothing has come, not even the end of the connection."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            return not selector.select(0)

    def answer(self, method="GET"):
        response = http.client.HTTPResponse(self.socket, method=method)
        response.begin()
        return Answer(response.status, response.headers, response.read())


def ask(server, *arguments, **names):
    """One request on a connection of its own."""
    with Client(server) as client:
        return client.ask(*arguments, **names)


def model_parts(options=(), data=False):
    parts = [("model", "tiny.onnx", tiny_model()), *options]
    return parts + [("data", "tiny.npz", tiny_data())] if data else parts


def post_job(server, parts):
    answer = server.post("/v1/jobs", parts, timeout=30)
    if answer.status != 202:
        raise Wrong(f"a job was answered with {brief(answer)}")
    return answer.json()["id"]


def merged_job(server, model=None):
    """The id of a job that has succeeded."""
    parts = model_parts(MERGE) if model is None else [("model", "given.onnx", model), *MERGE]
    job = post_job(server, parts)
    ended = server.wait(job)
    if ended["status"] != "succeeded":
        raise Wrong(f"a merge ended as {ended['status']}: {ended['error']}")
    return job


def brief(answer):
    """The status of an answer and its code."""
    code = re.search(rb'"code":\s*"(\w+)"', answer.body)
    return f"{answer.status} {code[1].decode()}" if code else str(answer.status)


def is_problem(answer):
    content = answer.headers.get("Content-Type", "")
    return content.startswith("application/problem+json") and bool(answer.json().get("code"))


def holds_within(seconds, condition, pause=0.05):
    """Whether the condition came true; requests that fail are asked again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if condition():
                return True
        time.sleep(pause)
    return False


def until(seconds, condition, otherwise):
    if not holds_within(seconds, condition):
        raise Wrong(otherwise)


def runs(server, job, phase=None):
    found = server.request("GET", f"/v1/jobs/{job}").json()
    return found["status"] == "running" and phase in (None, found["phase"])


def timed(call):
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def cpu_seconds(process):
    """Of a process's own threads."""
    fields = stat_fields(process)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else float("nan")


def anonymous_bytes(process):
    found = re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) * 1024 if found else 0


def ranges(numbers):
    """0, 1, 2 and 5 become `0-2, 5`."""
    groups = []
    for number in sorted(numbers):
        if groups and groups[-1][-1] == number - 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    return ", ".join(f"{group[0]}-{group[-1]}" if len(group) > 1 else f"{group[0]}" for group in groups)


def grouped(reasons):
    """`[(number, reason)]` with equal reasons in one line."""
    numbers = collections.defaultdict(list)
    for number, reason in reasons:
        numbers[reason].append(number)
    return [f"{ranges(found)}: {reason}" for reason, found in numbers.items()]


# Descriptors


def has_ended(server, seconds=0):
    """Whether the server's process is gone, or goes within so many seconds."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.process.wait(seconds)
    return server.process.poll() is not None


def still_open(idle):
    """Takes out the newest connection that has not been closed."""
    while idle:
        client = idle.pop()
        if client.is_silent:
            client.socket.settimeout(TOO_LONG)
            return client
    raise Wrong("no idle connection is left open")


def spare_or_503(server, what, call, may_close=False):
    """The status of an answer that a server without descriptors may give, 0 for the end of a connection that may end."""
    try:
        answer = call()
    except TimeoutError:
        raise Wrong(f"{what}: no answer within {TOO_LONG} s") from None
    except (OSError, http.client.HTTPException):
        if has_ended(server, seconds=2):
            raise Wrong(f"{what}: the server ended with {server.process.returncode}") from None
        if may_close:
            return 0
        raise Wrong(f"{what}: closed without an answer") from None
    if answer.status in (200, 202) or answer.status == 503 and is_problem(answer):
        return answer.status
    raise Wrong(f"{what}: {brief(answer)}")


def ask_while_short(server, left, idle, accepted):
    """Asks for what needs descriptors; the ids of jobs that were taken are added to `accepted`."""
    def on_new(call):
        with Client(server) as client:
            return call(client)

    def plan(client):
        return client.post("/v1/plan", model_parts())

    def job(client):
        answer = client.post("/v1/jobs", model_parts(MERGE))
        if answer.status == 202:
            accepted.append(answer.json()["id"])
        return answer

    def ready(client):
        return client.ask("GET", "/readyz")

    spare_or_503(server, "a plan on an idle connection", lambda: plan(still_open(idle)))
    spare_or_503(server, "a plan on a new connection", lambda: on_new(plan), may_close=True)
    spare_or_503(server, "a job on an idle connection", lambda: job(still_open(idle)))
    said = spare_or_503(server, "/readyz on an idle connection", lambda: ready(still_open(idle)))
    spare_or_503(server, "/readyz on a new connection", lambda: on_new(ready), may_close=left < 4)
    if said == 200 and spare_or_503(server, "a plan", lambda: plan(still_open(idle))) != 200:
        raise Wrong("/readyz said 200 and a plan got 503")


def recovers(server, seconds=5):
    """Fails unless everything works again within so many seconds."""
    deadline = time.monotonic() + seconds

    def left():
        return max(0.2, deadline - time.monotonic())

    def status(way, *arguments):
        with Client(server, left()) as client:
            return getattr(client, way)(*arguments).status

    if has_ended(server):
        raise Wrong(f"the server ended with {server.process.returncode}")
    until(left(), lambda: status("ask", "GET", "/readyz") == 200, f"afterwards: no 200 from /readyz within {seconds} s")
    until(left(), lambda: status("post", "/v1/plan", model_parts()) == 200, f"afterwards: no plan within {seconds} s")
    job = post_job(server, model_parts(MERGE))
    until(left(), lambda: server.request("GET", f"/v1/jobs/{job}").json()["status"] in ENDED,
          f"afterwards: a new job did not end within {seconds} s")
    ended = server.request("GET", f"/v1/jobs/{job}").json()
    if ended["status"] != "succeeded":
        raise Wrong(f"afterwards: a new job ended as {ended['status']}: {(ended['error'] or {}).get('code')}")


def kept(server, training, accepted):
    """Fails unless the jobs that were there, or were taken, did not suffer."""
    if training:
        found = server.request("GET", f"/v1/jobs/{training}").json()
        if found["status"] not in ("queued", "running") or found["attempt"] > 1:
            raise Wrong(f"the job from before is {found['status']} in attempt {found['attempt']}")
    for job in accepted:
        found = server.wait(job, seconds=20)
        if found["status"] != "succeeded" or found["attempt"] > 1:
            raise Wrong(f"the job taken meanwhile {found['status']} in attempt {found['attempt']}")


def reason_of(call, *arguments):
    """What was wrong, in a list; empty when nothing was."""
    try:
        call(*arguments)
        return []
    except Wrong as wrong:
        return [str(wrong)]
    except (OSError, http.client.HTTPException, AssertionError) as error:
        return [f"{call.__name__}: {error!r}"]


def with_descriptors_left(program, left, is_warm):
    """What a server does wrong while it may open only so many descriptors, and after it."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(service(program, {"LAYERCOLLAPSE_RUNNING_JOBS": "2"}))
        training = None
        if is_warm:
            server.post("/v1/plan", model_parts())
            merged_job(server)
            training = post_job(server, model_parts(FOREVER, data=True))
            until(30, lambda: runs(server, training), "the training did not begin")
        clients = [stack.enter_context(Client(server)) for _ in range(20)]
        for client in clients:
            client.ask("GET", "/livez")
        process, accepted = server.process.pid, []
        soft, hard = resource.prlimit(process, resource.RLIMIT_NOFILE)
        used = max(map(int, os.listdir(f"/proc/{process}/fd"))) + 1
        resource.prlimit(process, resource.RLIMIT_NOFILE, (used + left, hard))
        reasons = reason_of(ask_while_short, server, left, list(clients), accepted)
        if not has_ended(server):
            resource.prlimit(process, resource.RLIMIT_NOFILE, (soft, hard))
            reasons += reason_of(recovers, server) + reason_of(kept, server, training, accepted)
        return "; ".join(reasons)


def short_of_descriptors(program, is_warm):
    found = [(left, with_descriptors_left(program, left, is_warm)) for left in range(21)]
    wrong = [(left, reason) for left, reason in found if reason]
    return f"{21 - len(wrong)} of 21 right", [f"left {reason}" for reason in grouped(wrong)]


@fault("descriptors-cold")
def descriptors_cold(program, options):
    return short_of_descriptors(program, is_warm=False)


@fault("descriptors-warm")
def descriptors_warm(program, options):
    return short_of_descriptors(program, is_warm=True)


@fault("descriptors-985")
def descriptors_985(program, options):
    """Connections take nearly all of 1024 descriptors, a limit that the server cannot raise."""
    with contextlib.ExitStack() as stack:
        limited = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="layercollapse-faults-"))) / "limited"
        limited.write_text(f"#!/bin/sh\nulimit -n 1024\nexec '{program}' \"$@\"\n")
        limited.chmod(0o700)
        server = stack.enter_context(service(str(limited)))
        clients = []
        with contextlib.suppress(OSError, http.client.HTTPException):
            while len(clients) < 985:
                client = stack.enter_context(Client(server, timeout=5))
                if client.ask("GET", "/livez").status != 200:
                    break
                clients.append(client)
        left = 1024 - len(os.listdir(f"/proc/{server.process.pid}/fd"))
        # A server may end idle connections to make room.
        idle = [client for client in clients if client.is_silent]
        figure = f"{len(clients)} connections, {len(idle)} of them still open, {left} descriptors left"

        def on_new():
            with Client(server) as client:
                return client.post("/v1/plan", model_parts())

        def on_idle():
            return still_open(idle).post("/v1/plan", model_parts())

        wrong = reason_of(spare_or_503, server, "a plan on a new connection", on_new, True)
        wrong += reason_of(spare_or_503, server, "a plan on an idle connection", on_idle)
        for client in clients:
            client.socket.close()
        return figure, wrong + reason_of(recovers, server)


# The data directory


@fault("database-damage")
def database_damage(program, options):
    """Two bytes of a page of the database are changed while no server runs, in a copy for each page and way to choose."""
    with tempfile.TemporaryDirectory(prefix="layercollapse-faults-") as folder:
        whole = Path(folder) / "whole"
        known = finished_directory(program, whole)
        database = whole / "queue.sqlite"
        page_bytes = int.from_bytes(database.read_bytes()[16:18], "big")
        page_bytes = 65536 if page_bytes == 1 else page_bytes
        pages = database.stat().st_size // page_bytes
        outcomes, wrong = collections.Counter(), []
        for page, places in itertools.product(range(pages), DAMAGED):
            damaged, name = Path(folder) / f"{page}-{places}", f"page {page + 1} {places}"
            subprocess.run(["cp", "-a", "--reflink=auto", whole, damaged], check=True)
            damage(damaged / database.name, page, page_bytes, places)
            reasons = reason_of(lambda: outcomes.update([started_on(program, damaged, known)]))
            left, expected = published_models(damaged), published_models(whole)
            reasons += [f"{left} of {expected} models are left"] if left < expected else []
            wrong += [f"{name}: {', '.join(reasons)}"] if reasons else []
            shutil.rmtree(damaged, ignore_errors=True)
        figure = (
            f"{pages} pages, {pages * len(DAMAGED)} copies: {outcomes['started']} started, "
            f"{outcomes['stopped']} stopped with a reason, {len(wrong)} wrong")
        return figure, wrong


# Which bytes are changed: any, such as are not zero, or those of the page's header and of the places of its cells.
DAMAGED = ("anywhere", "used", "start")


def finished_directory(program, folder):
    """Makes a data directory with three finished jobs; returns id -> status and digest of the model."""
    server = Server(folder, program)
    with contextlib.closing(server):
        server.start()
        for _ in range(3):
            merged_job(server)
        known = jobs_of(server)
        server.stop()
    # What a server leaves in the log would hide the damage.
    with contextlib.closing(sqlite3.connect(folder / "queue.sqlite")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return known


def jobs_of(server):
    answer = server.request("GET", "/v1/jobs")
    if answer.status != 200:
        raise Wrong(f"the list of jobs is answered with {brief(answer)}")
    known = {}
    for job in answer.json()["data"]:
        model = server.request("GET", f"/v1/jobs/{job['id']}/model")
        digest = hashlib.sha256(model.body).hexdigest() if model.status == 200 else brief(model)
        known[job["id"]] = (job["status"], digest)
    return known


def damage(database, page, page_bytes, places):
    chance = random.Random(f"{page} {places}")
    content = bytearray(database.read_bytes())
    page = range(page * page_bytes, (page + 1) * page_bytes)
    used = [place for place in page if content[place]]
    # The first page begins with the file's own header.
    start = [place for place in used if place - page.start < (124 if page.start == 0 else 24)]
    chosen = {"anywhere": page, "used": used, "start": start}[places]
    for place in chance.sample(chosen if len(chosen) > 1 else page, 2):
        content[place] ^= chance.randrange(1, 256)
    database.write_bytes(content)


def started_on(program, folder, known):
    """Whether a server starts on the directory and has everything, or says why it does not."""
    server = Server(folder, program)
    with contextlib.closing(server):
        seconds, failed = timed(lambda: reason_of(server.start))
        said = Path(server.log.name).read_bytes().strip()
        status = server.process.poll()
        if status is not None:
            if status <= 0 or seconds > 10 or not said:
                raise Wrong(f"it ended with {status} after {seconds:.0f} s, saying {len(said)} bytes")
            return "stopped"
        if failed:
            raise Wrong("it neither got ready nor ended")
        try:
            found = jobs_of(server)
        except (OSError, http.client.HTTPException) as error:
            raise Wrong(f"it started, and then {error!r}") from None
        if found != known:
            missing = len(known.keys() - found.keys())
            raise Wrong(f"it started, {missing} jobs are missing" if missing else "it started, a job changed")
        return "started"


def published_models(folder):
    return sum("output" in path.parts for path in Path(folder).rglob("model.onnx"))


@fault("modes")
def modes(program, options):
    """What the service writes is its owner's alone."""
    with service(program) as server:
        server.post("/v1/plan", model_parts())
        server.post("/v1/files", [("purpose", "dataset"), ("file", "tiny.npz", tiny_data(100))])
        merged_job(server)
        top = server.data_directory
        folders = [top, *(path for path in top.rglob("*") if path.is_dir())]
        expected = [(path, 0o700) for path in folders] + [(path, 0o600) for path in top.glob("queue.sqlite*")]
        found = [(path.relative_to(top), path.stat().st_mode & 0o777, mode) for path, mode in expected]
        wrong = collections.Counter(
            f"{'data directory' if str(path) == '.' else path.parts[0]} {mode:o}, not {right:o}"
            for path, mode, right in found if mode != right)
        return f"{len(found)} looked at", [f"{count} x {name}" for name, count in wrong.items()]


# The log


class Reader(threading.Thread):
    """The other end of the log: it reads, unless it is told to stop for a while."""

    def __init__(self, descriptor):
        super().__init__(daemon=True)
        self.descriptor, self.content = descriptor, bytearray()
        self.reads = threading.Event()
        self.reads.set()
        self.start()

    def run(self):
        while self.reads.wait() and (more := os.read(self.descriptor, 1 << 16)):
            self.content += more

    def lines(self):
        for line in bytes(self.content).split(b"\n"):
            with contextlib.suppress(ValueError):
                yield json.loads(line)


def light_load(server, path, seconds):
    """Four clients ask on a connection each, with pauses; returns the seconds of each answer, and failures."""
    deadline = time.monotonic() + seconds

    def one():
        taken, failures, client = [], 0, None
        while time.monotonic() < deadline:
            started = time.perf_counter()
            try:
                client = client or Client(server, timeout=5)
                failures += client.ask("GET", path).status != 200
            except (OSError, http.client.HTTPException):
                failures, client = failures + 1, None
            taken.append(time.perf_counter() - started)
            time.sleep(0.005)
        return taken, failures

    with ThreadPoolExecutor(4) as clients:
        results = [result.result() for result in [clients.submit(one) for _ in range(4)]]
    return [value for taken, _ in results for value in taken], sum(failures for _, failures in results)


@fault("log-stopped")
def log_stopped(program, options):
    """Nobody reads the server's standard output for a while."""
    with tempfile.TemporaryDirectory(prefix="layercollapse-faults-") as folder:
        server = Server(Path(folder) / "data", program)
        server.log.close()
        reading, writing = os.pipe()
        server.log = os.fdopen(writing, "wb")
        reader = Reader(reading)
        try:
            server.start()
            path = f"/v1/jobs/{merged_job(server)}"
            before, failed_before = light_load(server, path, 10)
            reader.reads.clear()
            during, failed = light_load(server, path, options.seconds)
            reader.reads.set()

            def is_told():
                server.request("GET", "/livez", timeout=2)
                return any(
                    isinstance(line, dict) and isinstance(line.get("dropped"), int) and line["dropped"] > 0
                    for line in reader.lines())

            told = holds_within(5, is_told)
        finally:
            reader.reads.set()
            server.close()
            reader.join(10)
            os.close(reading)
    figures = [(percentile(taken, 0.5) * 1e3, percentile(taken, 0.99) * 1e3) for taken in (before, during)]
    (_, limit), (_, reached) = figures
    wrong = []
    if failed_before or failed:
        wrong.append(f"{failed_before} requests failed before, {failed} while stopped")
    if not reached <= 2 * limit + 5:
        wrong.append("slower while stopped")
    if not told:
        wrong.append("no line says how many were dropped")
    times = ", ".join(
        f"{name} p50 {half:.1f} p99 {most:.1f} ms" for name, (half, most) in zip(("read", "stopped"), figures))
    return f"{times}, {len(before) + len(during)} requests", wrong


# Forms and labels


class FormSender:
    """A form of long text fields that does not end, with its length announced or in chunks."""

    NAMES = ("metadata", "include", "exclude")

    def __init__(self, server, is_chunked):
        self.client, self.is_chunked = Client(server, timeout=3), is_chunked
        framing = "Transfer-Encoding: chunked" if is_chunked else "Content-Length: 10000000"
        self.client.socket.sendall((
            f"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            f"Content-Type: multipart/form-data; boundary=b\r\n{framing}\r\n\r\n").encode())

    def send(self, number):
        """Whether the server still takes fields."""
        head = f'--b\r\nContent-Disposition: form-data; name="{self.NAMES[number % 3]}"\r\n\r\n'
        field = head.encode() + b"x" * 60_000 + b"\r\n"
        try:
            self.client.socket.sendall(b"%x\r\n%s\r\n" % (len(field), field) if self.is_chunked else field)
        except OSError:
            return False
        return self.client.is_silent


@fault("hoarding-forms")
def hoarding_forms(program, options):
    """Forty forms are filled with as much text as the server takes, and never end."""
    with service(program) as server:
        server.post("/v1/plan", model_parts())
        probe, taken = FormSender(server, False), 0
        while taken < 166 and probe.send(taken):
            taken += 1
            time.sleep(0.02)
        probe.client.socket.close()
        held = max(1, taken - 1)
        start = anonymous_bytes(server.process.pid)
        senders = [FormSender(server, is_chunked) for is_chunked in (False, True) for _ in range(20)]

        def fill(sender):
            return sum(1 for _ in itertools.takewhile(sender.send, range(held)))

        with ThreadPoolExecutor(len(senders)) as threads:
            filling = [threads.submit(fill, sender) for sender in senders]
            peak, deadline = start, time.monotonic() + 30
            while time.monotonic() < deadline and not all(each.done() for each in filling):
                peak = max(peak, anonymous_bytes(server.process.pid))
                time.sleep(0.02)
            fields = sum(each.result() for each in filling)
        for _ in range(60):
            peak = max(peak, anonymous_bytes(server.process.pid))
            time.sleep(0.05)
        answered = sum(not sender.client.is_silent for sender in senders)
        for sender in senders:
            sender.client.socket.close()
        growth = (peak - start) / MIB
        figure = f"{held} fields a form, {fields} taken, {answered} forms answered, growth {growth:.0f} MiB"
        return figure, ["40 MiB or more"] if growth >= 40 else []


@fault("labels")
def labels(program, options):
    """Labels of a job: as many and as long as they may be, and more."""
    with service(program) as server:
        model = server.post("/v1/files", [("purpose", "model"), ("file", "tiny.onnx", tiny_model())]).json()["id"]
        full = {f"{number:02}".ljust(64, "k"): "v" * 512 for number in range(16)}
        cases = [
            ("65,000", {f"l{number}": "" for number in range(65_000)}, range(400, 500)),
            ("17", {f"l{number}": "" for number in range(17)}, [422]),
            ("a key of 65", {"k" * 65: ""}, [422]),
            ("a value of 513", {"k": "v" * 513}, [422]),
            ("16 of 64 and 512", full, [202]),
        ]
        found, wrong = [], []
        for name, metadata, right in cases:
            body = json.dumps(
                {"model": model, "method": "merge", "threshold": 2, "metadata": metadata}, separators=(",", ":"))
            seconds, answer = timed(
                lambda: server.request("POST", "/v1/jobs", body, {"Content-Type": "application/json"}))
            found.append(f"{name}: {answer.status} in {seconds:.2f} s")
            if answer.status not in right:
                wrong.append(f"{name} got {brief(answer)}")
        return ", ".join(found), wrong


@fault("filename")
def filename(program, options):
    """A combining accent after a slash makes one character of both."""
    with service(program) as server:
        found, wrong = [], []
        for name in ("a/\u0301", "a/\u0301.onnx"):
            answer = server.post("/v1/jobs", [("model", name, tiny_model()), *MERGE])
            status = brief(answer)
            if answer.status == 202:
                ended = server.wait(answer.json()["id"])
                status = f"{ended['status']} {(ended['error'] or {}).get('code', '')}".strip()
            found.append(f"{name!a}: {status}")
            if not (400 <= answer.status < 500 or status == "succeeded"):
                wrong.append(f"{name!a} got {status}")
        return ", ".join(found), wrong


# Many events, many watchers, many downloads


@fault("many-events")
def many_events(program, options):
    """A job with a long history is told about as fast as one with a short one."""
    with service(program) as server:
        jobs = short, long = merged_job(server), merged_job(server)
        server.stop()
        with contextlib.closing(sqlite3.connect(server.data_directory / "queue.sqlite")) as database, database:
            for job, count in ((short, 5), (long, 99_000)):
                add_events(database, job, count)
        server.start()
        rates = {job: [] for job in jobs}
        for _ in range(5):
            for job in jobs:
                rates[job].append(requests_a_second(server, f"/v1/jobs/{job}", 1))
        few, many = (statistics.median(rates[job]) for job in jobs)
        figure = f"{few:.0f} requests a second with few events, {many:.0f} with 99,000: {many / few:.2f}"
        return figure, [] if many / few >= 0.9 else ["below 0.9"]


def add_events(database, job, count):
    """Metrics and lines of a log, and five warnings among them."""
    last = database.execute("SELECT max(id) FROM events WHERE job_id = ?", (job,)).fetchone()[0]

    def rows():
        for number in range(count):
            if number % (count // 5) == 0:
                kind, level, data = "warning", "warning", {"code": "made_up"}
            else:
                kind, level = ("metrics", "info") if number % 2 else ("log", "info")
                data = {"step": number, "train_loss": 0.5, "phase": "finetuning"}
            text = json.dumps(data).encode()
            yield job, last + 1 + number, int(time.time()), level, kind, f"{kind} of a test", text

    database.executemany(
        "INSERT INTO events (job_id, id, created_at, level, type, message, data) VALUES (?, ?, ?, ?, ?, ?, ?)", rows())
    database.execute("UPDATE jobs SET last_event_id = ? WHERE id = ?", (last + count, job))


def requests_a_second(server, path, seconds):
    with Client(server) as client:
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            answer = client.ask("GET", path)
            if answer.status != 200:
                raise Wrong(f"{path} got {brief(answer)}")
            count += 1
        return count / (time.perf_counter() - started)


def watch(port, path, count, ready):
    """Reads streams of events and forgets them; it ends with its process, or after ten minutes."""
    selector, buffer = selectors.DefaultSelector(), bytearray(1 << 16)
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\n\r\n".encode()
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(request)
        selector.register(connection, selectors.EVENT_READ)
    silent, deadline = set(selector.get_map()), time.monotonic() + 600
    while time.monotonic() < deadline and selector.get_map():
        for key, _ in selector.select(1):
            if key.fileobj.recv_into(buffer) == 0:
                selector.unregister(key.fileobj)
            silent.discard(key.fd)
        if not silent:
            ready.set()


def step_seen(server, job):
    """A moment at which the number of steps is seen to change, and the number."""
    def step():
        found = server.request("GET", f"/v1/jobs/{job}").json()
        if found["status"] != "running":
            raise Wrong(f"the training is {found['status']}: {found['error']}")
        return found["progress"]["step"]

    first, deadline = step(), time.monotonic() + 30
    while time.monotonic() < deadline:
        if (found := step()) != first:
            return time.monotonic(), found
        time.sleep(0.01)
    raise Wrong("the training did not go on for 30 s")


def steps_a_second(server, job, seconds):
    """The pace of a training, and the share of a core that the server takes meanwhile."""
    start, first = step_seen(server, job)
    used = cpu_seconds(server.process.pid)
    time.sleep(seconds)
    end, last = step_seen(server, job)
    return (last - first) / (end - start), (cpu_seconds(server.process.pid) - used) / (end - start)


@fault("watchers")
def watchers(program, options):
    """A training keeps its pace while three hundred follow it."""
    with service(program) as server:
        model = tiny_model((16, 512, 512, 512, 4))
        files = [("model", "tiny.onnx", model), ("data", "tiny.npz", tiny_data())]
        job = post_job(server, [*files, *FOREVER, ("train", "all"), ("max_layers", 1)])
        until(60, lambda: runs(server, job, "finetuning"), "the training did not begin")
        time.sleep(2)
        alone, watched, servers, clients = [steps_a_second(server, job, 10)[0]], [], [], []
        for _ in range(3):
            with beside(watch, server.port, f"/v1/jobs/{job}/events", 300) as process:
                time.sleep(1)
                used, start = cpu_seconds(process.pid), time.monotonic()
                pace, share = steps_a_second(server, job, 10)
                clients.append((cpu_seconds(process.pid) - used) / (time.monotonic() - start))
            watched.append(pace)
            servers.append(share)
            alone.append(steps_a_second(server, job, 10)[0])
        # Each beside the rounds before and after it.
        ratio = statistics.median(
            pace / ((before + after) / 2) for pace, (before, after) in zip(watched, itertools.pairwise(alone)))
        figure = (
            f"{statistics.median(alone):.0f} steps a second alone, {statistics.median(watched):.0f} watched: {ratio:.2f} "
            f"(CPU: server {statistics.median(servers):.0%}, clients {statistics.median(clients):.0%})")
        return figure, [] if ratio >= 0.95 else ["below 0.95"]


def download_again_and_again(port, path, ready):
    """Downloads at full speed; it ends with its process, or after ten minutes."""
    buffer, deadline = bytearray(1 << 20), time.monotonic() + 600
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
    while time.monotonic() < deadline:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(request)
            while connection.recv_into(buffer):
                ready.set()


def kernel_bytes():
    """Memory of all TCP sockets of this machine."""
    return int(re.search(r"TCP:.* mem (\d+)", Path("/proc/net/sockstat").read_text())[1]) * os.sysconf("SC_PAGE_SIZE")


@fault("unread-downloads")
def unread_downloads(program, options):
    """Two hundred clients ask for a large model and read nothing of it."""
    with service(program) as server:
        job = merged_job(server, tiny_model((3200, 2000, 3200)))
        path = f"/v1/jobs/{job}/model"
        size = int(server.request("HEAD", path).headers["Content-Length"])
        start = kernel_bytes()
        with contextlib.ExitStack() as stack:
            for _ in range(200):
                client = stack.enter_context(Client(server))
                client.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
            time.sleep(5)
            growth = (kernel_bytes() - start) / 1e6
            with beside(download_again_and_again, server.port, path):
                latencies = [timed(lambda: ask(server, "GET", "/livez"))[0] * 1e3 for _ in range(50)]
    wrong = [f"{growth:.0f} MB in the kernel"] if growth >= 80 else []
    wrong += [f"/livez took {max(latencies):.0f} ms"] if max(latencies) >= 50 else []
    return (
        f"a model of {size / 1e6:.0f} MB, {growth:.1f} MB in the kernel, /livez at most {max(latencies):.1f} ms, "
        f"median {statistics.median(latencies):.1f} ms"), wrong


# Slow clients, and the end


class SlowUploads(threading.Thread):
    """Uploads of 10 MB, each at so many bytes a second, until they are answered, closed or told to stop."""

    TICK = 0.1

    def __init__(self, server, count, rate):
        super().__init__(daemon=True)
        head = (
            f"POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 10000000\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
            '--b\r\nContent-Disposition: form-data; name="file"; filename="slow.npz"\r\n\r\n').encode()
        self.piece = b"x" * int(rate * self.TICK)
        self.ends, self.stopping = [], threading.Event()
        self.clients = {Client(server, timeout=5) for _ in range(count)}
        for client in self.clients:
            client.socket.sendall(head)
        self.start()

    def run(self):
        while self.clients and not self.stopping.wait(self.TICK):
            with selectors.DefaultSelector() as selector:
                for client in self.clients:
                    selector.register(client.socket, selectors.EVENT_READ, client)
                for key, _ in selector.select(0):
                    self.end(key.data)
            for client in list(self.clients):
                with contextlib.suppress(OSError):  # what was answered meanwhile is read at the next turn
                    client.socket.sendall(self.piece)
        for client in self.clients:
            client.socket.close()

    def end(self, client):
        self.clients.remove(client)
        try:
            answer = client.answer("POST")
            is_closing = answer.headers.get("Connection", "").lower() == "close"
            kind = "" if is_problem(answer) else ", no problem+json"
            self.ends.append(brief(answer) + kind + ("" if is_closing else ", not closing"))
        except (OSError, http.client.HTTPException):
            self.ends.append("no answer")
        client.socket.close()


@fault("sigterm")
def sigterm(program, options):
    """A server is told to stop while ten clients send slowly."""
    with service(program) as server:
        uploads = SlowUploads(server, 10, 20_000)
        time.sleep(2)
        started, status = time.monotonic(), None
        server.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = server.process.wait(45)
        seconds = time.monotonic() - started
        uploads.join(5)
        uploads.stopping.set()
        uploads.join(5)
        ends = collections.Counter(uploads.ends)
        unclean = [f"{count} uploads: {end}" for end, count in ends.items() if not re.fullmatch(r"503 \w+", end)]
        if len(uploads.ends) < 10:
            unclean.append(f"{10 - len(uploads.ends)} uploads never ended")
        late = [f"ended with {status} after {seconds:.1f} s"] if status != 0 or seconds >= 8 else []
        answers = ", ".join(f"{count} x {end}" for end, count in ends.items())
        return f"{seconds:.1f} s, status {status}, answers: {answers}", late + unclean


def at_once(server, path, right, wrong):
    """Asks on a new connection; an answer that is not right, or takes more than a second, is wrong."""
    try:
        seconds, answer = timed(lambda: ask(server, "GET", path))
        found = f"{brief(answer)} in {seconds * 1e3:.0f} ms"
        if seconds > 1 or right and answer.status != right:
            wrong.append(f"{path} got {found}")
    except (OSError, http.client.HTTPException) as error:
        found = repr(error)
        wrong.append(f"{path}: {found}")
    return f"{path} {found}"


@fault("slow-bodies")
def slow_bodies(program, options):
    """Slow or idle clients have all of the connections that there are, and a new one comes."""
    wrong, limit = [], {"LAYERCOLLAPSE_CONNECTION_LIMIT": "50"}
    with service(program, limit) as server:
        uploads = SlowUploads(server, 50, 450)
        try:
            time.sleep(2)
            found = [at_once(server, "/livez", 200, wrong), at_once(server, "/readyz", None, wrong)]
            started = time.monotonic()
            is_let_in = holds_within(40, lambda: ask(server, "GET", "/v1/jobs").status == 200, pause=0.5)
            seconds = time.monotonic() - started
        finally:
            uploads.stopping.set()
            uploads.join(10)
        found.append(f"/v1/jobs {'200' if is_let_in else 'no 200'} in {seconds:.1f} s")
        wrong += [] if is_let_in else ["/v1/jobs got no 200 within 40 s"]
    with service(program, limit) as server, contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(Client(server)).ask("GET", "/livez")
        idle_wrong = []
        found.append("beside idle ones " + at_once(server, "/v1/jobs", 200, idle_wrong))
        wrong += [f"beside idle ones {reason}" for reason in idle_wrong]
    return ", ".join(found), wrong


# What a request says of itself


def statuses(server, cases):
    """Asks each on a connection of its own: its name, the statuses that are right, and the request."""
    found, wrong = [], []
    for name, right, arguments, names in cases:
        try:
            status = ask(server, *arguments, **names).status
        except (OSError, http.client.HTTPException) as error:
            status = f"no answer ({type(error).__name__})"
        found.append(f"{name} {status}")
        if status not in right:
            wrong.append(f"{name}: {status}")
    return ", ".join(found), wrong


@fault("wrong-host")
def wrong_host(program, options):
    """A page of another site reaches the server by a name of its own, or sends forms."""
    with service(program) as server:
        body, content_type = multipart(model_parts(MERGE))
        content = f"Content-Type: {content_type}".encode()
        own = f"127.0.0.1:{server.port}".encode()

        not_forbidden = [status for status in range(200, 600) if status != 403]

        def post(*headers):
            return ("POST", "/v1/jobs", body, content, *headers)

        cases = [
            ("GET evil.example", [421], ("GET", "/v1/jobs"), {"host": b"evil.example"}),
            ("POST evil.example", [421], post(), {"host": b"evil.example"}),
        ]
        for host in ("localhost", "127.0.0.1", "[::1]"):
            cases.append((f"GET {host}", [200], ("GET", "/v1/jobs"), {"host": f"{host}:{server.port}".encode()}))
        for origin, right in ((b"http://evil.example", [403]), (b"null", [403]), (b"http://" + own, not_forbidden)):
            name = f"POST from {origin.decode().removesuffix(f':{server.port}')}"
            cases.append((name, right, post(b"Origin: " + origin), {}))
        return statuses(server, cases)


@fault("kelvin")
def kelvin(program, options):
    """Header values that are ASCII only to those who compare them as Unicode does."""
    with service(program) as server:
        url = f"127.0.0.1:{server.port}".encode()
        chunks = b"Transfer-Encoding: chun\xe2\x84\xaaed"
        cases = [
            ("Transfer-Encoding", [400], ("POST", "/v1/files", b"", chunks), {}),
            ("Connection", [400], ("GET", "/livez", b"", b"Connection: \xe2\x84\xaaeep-alive"), {}),
            ("Expect", [400], ("POST", "/v1/files", b"x", b"Expect: 100-continue\xcc\x81"), {}),
            ("Host", [400], ("GET", "/livez"), {"host": b"loc\xc3\xa4lhost" + url[9:]}),
            ("Content-Length", [400], ("POST", "/v1/files", b"", "Content-Length: \u0663".encode()), {}),
        ]
        return statuses(server, cases)


@fault("range")
def malformed_range(program, options):
    """A range that cannot be read is no range."""
    with service(program) as server:
        path = f"/v1/jobs/{merged_job(server)}/model"
        whole = ask(server, "GET", path).body
        answer = ask(server, "GET", path, b"", b"Range: bytes=1 2-20")
        is_right = answer.status == 200 and answer.body == whole
        return f"{answer.status}, {len(answer.body)} of {len(whole)} bytes", [] if is_right else ["not the whole"]


@fault("sighup")
def sighup(program, options):
    """The terminal that started a server goes away."""
    with contextlib.ExitStack() as stack:
        # A server inherits whether the signal is ignored, as `nohup` has it.
        stack.callback(signal.signal, signal.SIGHUP, signal.signal(signal.SIGHUP, signal.SIG_DFL))
        server = stack.enter_context(service(program))
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        status = server.process.poll()
        is_live = status is None and ask(server, "GET", "/livez").status == 200
        return "it goes on" if is_live else f"ended with {status}", [] if is_live else ["it ended"]


# The whole


def judge(name, program, options):
    """One fault: prints its line, and returns its figures and whether the server stood it."""
    try:
        figure, wrong = FAULTS[name](program, options)
    except Exception as error:  # what one fault breaks is no reason to leave out the others
        figure, wrong = "not measured", [f"{type(error).__name__}: {error}"]
    text = "; ".join([figure, *wrong]).replace("\n", " ").replace("|", "/")
    verdict = "FAULT" if wrong else "ok"
    print(f"{name}: {text}: {verdict}", flush=True)
    return text, verdict


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=list(FAULTS), metavar="NAME", help=", ".join(FAULTS))
    parser.add_argument("--seconds", type=float, default=60, help="how long nobody reads the log")
    options = parser.parse_args()
    program = str(Path(options.program).resolve())
    os.umask(0o022)
    os.chdir("/")  # away from settings that a server would read where it is started
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    results = {name: judge(name, program, options) for name in options.only}
    print("\n| fault | figures | verdict |\n|---|---|---|")
    for name, (text, verdict) in results.items():
        print(f"| {name} | {text} | {verdict} |")
    return 1 if any(verdict == "FAULT" for _, verdict in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
