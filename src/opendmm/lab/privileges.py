"""May we make network namespaces here: as root, in a user namespace, or not at all?"""

import os
import shutil
import subprocess
import sys
from enum import StrEnum

from opendmm.lab.errors import EnvironmentLacksError

INSIDE = "OPENDMM_IN_USER_NAMESPACE"
TRIAL = ["unshare", "--user", "--map-root-user", "--net", "--mount", "true"]


class Footing(StrEnum):
    """What the laboratory stands on."""

    ROOT = "root"
    USER_NAMESPACE = "user-namespace"


def footing() -> Footing:
    """How the laboratory can run here. Raises EnvironmentLacksError naming what is missing."""
    if shutil.which("ip") is None:
        raise EnvironmentLacksError("the program ip is missing: install the package iproute2")
    if os.geteuid() == 0 and _can_unshare_net():
        return Footing.ROOT
    if os.geteuid() != 0 and _user_namespaces():
        return Footing.USER_NAMESPACE
    raise EnvironmentLacksError(
        "network namespaces need root, or a kernel that lets ordinary users have user "
        "namespaces (sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces)"
    )


def _can_unshare_net() -> bool:
    return subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode == 0


def _user_namespaces() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(TRIAL, capture_output=True).returncode == 0


def enter_user_namespace(arguments: list[str]) -> None:
    """Start this program again inside a user namespace with a /run of its own; never returns."""
    os.environ[INSIDE] = "1"
    script = 'mount -t tmpfs tmpfs /run && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
    program = [sys.executable, "-m", "opendmm", *arguments]
    os.execvp(command[0], [*command, "sh", "-c", script, "sh", *program])
