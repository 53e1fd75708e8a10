"""Memory of the daemons in a namespace."""

import contextlib
import subprocess
from collections import Counter
from pathlib import Path


def resident(namespace: str) -> dict[str, int]:
    """Octets of the resident sets that are theirs alone, by the name of the program."""
    listed = subprocess.run(
        ["ip", "netns", "pids", namespace], capture_output=True, text=True, check=True
    )
    found: Counter[str] = Counter()
    for pid in listed.stdout.split():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            process = Path("/proc", pid)
            found[(process / "comm").read_text().strip()] += _private(process)
    return dict(found)


def _private(process: Path) -> int:
    lines = (process / "smaps_rollup").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
