"""Runs a command and measures it. Imports nothing large: Linux counts the memory of the process that starts a program into
that program's peak."""

import os
import subprocess
import tempfile
import time


class Failed(RuntimeError):
    """A command that ended with an error; the message is the last line that it wrote to say why."""


class Measured:
    def __init__(self, output, seconds, peak_bytes):
        self.output, self.seconds, self.peak_bytes = output, seconds, peak_bytes


def measured(*command, accepted=(0,), **environment):
    """Runs a command to its end: its output, wall-clock seconds and peak resident memory.

    `accepted` are the statuses that it may end with."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
            env=os.environ | {key: str(value) for key, value in environment.items()})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        for file in (output, errors):
            file.seek(0)
        text, reasons = output.read().decode(), errors.read().decode(errors="replace")
    if process.returncode not in accepted:
        reason = (reasons.strip() or text.strip() or "no reason given").split("\n")[-1]
        raise Failed(f"{' '.join(map(str, command))}\nended with {process.returncode}: {reason}")
    return Measured(text, seconds, usage.ru_maxrss * 1024)
