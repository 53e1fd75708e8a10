"""What passes a link, for the live tests of this folder."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def recorded(namespace: str, interface: str, into: Path) -> Iterator[None]:
    """Everything in IPv6 on the interface while the block runs, as a capture file."""
    command = ["tcpdump", "-Z", "root", "--immediate-mode", "-U", "-i", interface]
    command += ["-w", str(into), "ip6"]
    tap = subprocess.Popen(
        ["ip", "netns", "exec", namespace, *command], stderr=subprocess.PIPE, text=True
    )
    try:
        assert tap.stderr is not None
        if "listening" not in tap.stderr.readline():
            pytest.skip("tcpdump does not run here")
        yield
        time.sleep(0.3)
    finally:
        tap.terminate()
        tap.communicate()


def dissected(capture: Path, display_filter: str, *fields: str) -> list[list[str]]:
    """The fields, as Wireshark sees them, of the packets that its display filter selects."""
    command = ["tshark", "-r", str(capture), "-Y", display_filter, "-T", "fields"]
    for field in fields or ("frame.number",):
        command += ["-e", field]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("tshark is not installed")
    return [line.split("\t") for line in ended.stdout.splitlines()]
