"""Processes of a laboratory: started in a namespace, and ended in any case."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from opendmm.lab.errors import LabError
from opendmm.lab.namespaces import LONGEST_WAIT

Process = subprocess.Popen[str]


def be_punctual() -> None:
    """Run before everything else: a measuring process that waits its turn measures that.

    Where this is not permitted (a user namespace), things stay as they are.
    """
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def start_python(
    namespace: str | None, module: str, *arguments: str, log: Path | None = None
) -> Process:
    """A module of ours as a process of its own, in a namespace or outside of all."""
    where = ["ip", "netns", "exec", namespace] if namespace else []
    errors: IO[str] | int = log.open("a") if log is not None else subprocess.DEVNULL
    try:
        return subprocess.Popen(
            [*where, sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    finally:
        if not isinstance(errors, int):
            errors.close()


def await_ready(process: Process, what: str) -> None:
    """Wait for the line `ready`. Raises LabError when the process ends before."""
    if process.stdout is None:
        raise LabError(f"{what} has no output to wait for")
    for line in process.stdout:
        if line.strip() == "ready":
            return
    raise LabError(f"{what} ended before it was ready (exit code {process.wait()})")


def tell(process: Process, line: str) -> None:
    """Write a line to a process that reads its standard input."""
    if process.stdin is not None:
        process.stdin.write(line + "\n")
        process.stdin.flush()


def end(process: Process) -> None:
    """Ask it to end, and kill it if it does not."""
    process.terminate()
    try:
        process.wait(LONGEST_WAIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def finish(process: Process) -> None:
    """Tell a process that it is over, by the end of its input, and wait for what it has to do."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(LONGEST_WAIT)
    except subprocess.TimeoutExpired:
        end(process)
