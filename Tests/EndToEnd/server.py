"""A service of our own on a loopback port, and an HTTP client that is as plain as curl."""

import http.client
import json
import os
import socket
import subprocess
import time
import uuid
from pathlib import Path

PROGRAM = os.environ.get("LAYERCOLLAPSE", "")
ENDED = ("succeeded", "failed", "cancelled")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Server:
    """`serve` on one data directory; it can be killed and started again on the same one."""

    def __init__(self, data_directory, program=PROGRAM, environment=None):
        self.data_directory, self.program = Path(data_directory), program
        self.environment = {**os.environ, **(environment or {})}
        self.log = (self.data_directory.parent / f"{self.data_directory.name}.log").open("ab")
        self.port = free_port()
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [self.program, "serve", "--host", "127.0.0.1", "--port", str(self.port),
             "--data-directory", str(self.data_directory)],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=self.environment,
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the service ended with {self.process.returncode}: see {self.log.name}")
            try:
                if self.request("GET", "/readyz", timeout=2).status == 200:
                    return self
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.02)
        raise AssertionError(f"the service was not ready within 30 s: see {self.log.name}")

    def stop(self):
        """SIGTERM; returns the exit status."""
        self.process.terminate()
        return self.process.wait(timeout=60)

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=60)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.log.close()

    def request(self, method, path, body=None, headers=None, timeout=90):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def post(self, path, parts, timeout=90):
        """`parts`: (field, value) or (field, file name, bytes)."""
        body, content_type = multipart(parts)
        return self.request("POST", path, body, {"Content-Type": content_type}, timeout)

    def wait(self, job, until=lambda job: job["status"] in ENDED, seconds=120):
        """Follows a job by `?wait` until the condition holds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.request("GET", f"/v1/jobs/{job}?wait=5").json()
            if until(found):
                return found
        raise AssertionError(f"{job} did not get there within {seconds} s: {found}")

    def events(self, job):
        """All events of a job, oldest first."""
        events, after = [], ""
        while True:
            page = self.request("GET", f"/v1/jobs/{job}/events?limit=100{after}").json()
            events += page["data"]
            if not page["has_more"]:
                return events
            after = f"&after={page['last_id']}"


def multipart(parts):
    boundary = uuid.uuid4().hex
    chunks = []
    for field, *rest in parts:
        disposition = f'Content-Disposition: form-data; name="{field}"'
        if len(rest) == 2:
            disposition += f'; filename="{rest[0]}"\r\nContent-Type: application/octet-stream'
        value = rest[-1] if isinstance(rest[-1], bytes) else str(rest[-1]).encode()
        chunks += [f"--{boundary}\r\n{disposition}\r\n\r\n".encode(), value, b"\r\n"]
    chunks.append(f"--{boundary}--\r\n".encode())
    return b"".join(chunks), f"multipart/form-data; boundary={boundary}"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def children(process):
    """The descendants of a process that are alive, as (id, start time), so that a reused id is not mistaken for one."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = stat_fields(int(entry.name))
            if fields and fields[0] != "Z":
                parents[int(entry.name)] = (int(fields[1]), fields[19])
    found, queue = [], [process]
    while queue:
        parent = queue.pop()
        below = [(child, start) for child, (its_parent, start) in parents.items() if its_parent == parent]
        found += below
        queue += [child for child, _ in below]
    return found


def naming(folder):
    """The processes whose command line names something inside the folder, whoever their parent is by now."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            fields = stat_fields(int(entry.name))
            if os.fsencode(folder) in command and fields and fields[0] != "Z":
                found.append((int(entry.name), fields[19]))
    return found


def alive(child):
    process, start = child
    fields = stat_fields(process)
    return bool(fields) and fields[0] != "Z" and fields[19] == start


def stat_fields(process):
    """The fields of /proc/PID/stat after the command's name; None when there is no such process."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def gone_within(seconds, processes):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(alive(child) for child in processes):
            return True
        time.sleep(0.02)
    return False
