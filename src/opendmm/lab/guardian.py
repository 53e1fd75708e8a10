"""Cleans up after a laboratory whose program ended without doing so.

`python -m opendmm.lab.guardian NAME` waits for the end of its standard input, which its
parent holds open while it lives; then it takes away what is left of the laboratory. It is
in a session of its own, so what ends the parent does not end it.
"""

import contextlib
import subprocess
import sys
import time

from opendmm.lab.errors import LabError
from opendmm.lab.namespaces import Namespaces
from opendmm.lab.processes import Process

ATTEMPTS = 30
PAUSE = 0.2
"""Seconds between attempts."""


def appoint(namespaces: Namespaces) -> Process:
    """Start the guardian of a laboratory; it ends with the laboratory's program."""
    return subprocess.Popen(
        [sys.executable, "-m", "opendmm.lab.guardian", namespaces.lab],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def main() -> None:
    """Entry point of the process."""
    sys.stdin.read()
    namespaces = Namespaces(sys.argv[1])
    for _attempt in range(ATTEMPTS):
        if not namespaces.exists or namespaces.kept:
            return
        # A process that the program was just starting holds the name until it runs.
        with contextlib.suppress(LabError):
            namespaces.remove()
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
