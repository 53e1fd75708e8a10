"""May we make network namespaces here: as root, in a user namespace, or not at all?"""

import os
import shutil
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

from opendmm.lab.errors import EnvironmentLacksError

INSIDE = "OPENDMM_IN_USER_NAMESPACE"
TRIAL = ["unshare", "--user", "--map-root-user", "--net", "--mount", "true"]

SETTINGS = {
    "user.max_user_namespaces": ("0", "10000"),
    "kernel.unprivileged_userns_clone": ("0", "1"),  # Debian
    "kernel.apparmor_restrict_unprivileged_userns": ("1", "0"),  # Ubuntu
}
"""Kernel settings that keep ordinary users from user namespaces: the value that does, and one
that does not."""


class Footing(StrEnum):
    """What the laboratory stands on."""

    ROOT = "root"
    USER_NAMESPACE = "user-namespace"


def footing() -> Footing:
    """How the laboratory can run here. Raises EnvironmentLacksError naming what is missing."""
    if shutil.which("ip") is None:
        raise EnvironmentLacksError("the program ip is missing: install the package iproute2")
    if shutil.which("unshare") is None:
        raise EnvironmentLacksError(
            "the program unshare is missing: install the package util-linux"
        )
    if os.geteuid() == 0 and _works("unshare", "--net", "true"):
        return Footing.ROOT
    if not in_user_namespace() and _works(*TRIAL):
        return Footing.USER_NAMESPACE
    raise EnvironmentLacksError(
        f"network namespaces need root, or user namespaces, which this system refuses "
        f"({_why_refused()})"
    )


def _works(*command: str) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


def _why_refused() -> str:
    """The settings that forbid user namespaces here, as what to do about them."""
    found = [
        f"sysctl {name} is {forbidding}: set it to {instead}"
        for name, (forbidding, instead) in SETTINGS.items()
        if _setting(name) == forbidding
    ]
    return "; ".join(found) or f"{' '.join(TRIAL)} fails: is this a container?"


def _setting(name: str) -> str:
    """A kernel setting as text; empty where this kernel has none of that name."""
    try:
        return Path("/proc/sys", *name.split(".")).read_text().strip()
    except OSError:
        return ""


def in_user_namespace() -> bool:
    """Whether this is the program that `enter_user_namespace` started."""
    return INSIDE in os.environ


def enter_user_namespace(arguments: list[str]) -> None:
    """Start this program again inside a user namespace with a /run of its own; never returns."""
    os.environ[INSIDE] = "1"
    script = 'mount -t tmpfs tmpfs /run && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
    program = [sys.executable, "-m", "opendmm", *arguments]
    os.execvp(command[0], [*command, "sh", "-c", script, "sh", *program])
