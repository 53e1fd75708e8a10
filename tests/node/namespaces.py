"""Network namespaces for the live tests of this folder."""

import contextlib
import ctypes
import itertools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count()
_indexes = itertools.count(1000 + os.getpid() % 1000 * 100)


def sh(command: str) -> str:
    """Run a command; its output."""
    ended = subprocess.run(command.split(), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{command}: {ended.stderr}"
    return ended.stdout


def _setns(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if _LIBC.setns(descriptor, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {path}")
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Sockets made in this block belong to the namespace."""
    _setns(f"/run/netns/{namespace}")
    try:
        yield
    finally:
        _setns("/proc/1/ns/net" if os.getpid() == 1 else _home)


_home = f"/proc/{os.getpid()}/fd/{os.open('/proc/self/ns/net', os.O_RDONLY)}"


@contextlib.contextmanager
def namespaces(count: int) -> Iterator[list[str]]:
    """Fresh namespaces with the loopback up; gone afterwards. Skips without privilege."""
    names = [f"dmmt-{os.getpid()}-{next(_numbers)}" for _ in range(count)]
    made: list[str] = []
    try:
        for name in names:
            ended = subprocess.run(
                ["ip", "netns", "add", name], capture_output=True, text=True, check=False
            )
            if ended.returncode:
                pytest.skip(f"cannot make network namespaces here: {ended.stderr.strip()}")
            made.append(name)
            sh(f"ip -n {name} link set lo up")
            for setting in ("all", "default"):
                knob = f"net/ipv6/conf/{setting}/accept_dad"
                with inside(name):
                    Path(f"/proc/sys/{knob}").write_text("0")
        yield names
    finally:
        for name in made:
            sh(f"ip netns delete {name}")


def veth(left: str, left_name: str, right: str, right_name: str) -> None:
    """A link; its ends have different indexes (equal ones delay the kernel's link events)."""
    sh(
        f"ip -n {left} link add {left_name} index {next(_indexes)} type veth "
        f"peer name {right_name} netns {right} index {next(_indexes)}"
    )
