"""Compile the packet programs: python -m opendmm.forwarding.ebpf.build

Part of `make setup` and of building a wheel. Needs clang and the headers of libbpf.
"""

import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("tunnels.bpf.c")
OBJECT = SOURCE.with_suffix(".o")
NEEDED = "apt-get install clang libbpf-dev"


def compiler() -> str:
    """The newest clang there is. Raises FileNotFoundError."""
    plain = shutil.which("clang")
    if plain:
        return plain
    numbered = [path for path in Path("/usr/bin").glob("clang-*") if path.name[6:].isdigit()]
    if not numbered:
        raise FileNotFoundError(f"there is no clang to compile {SOURCE.name}: {NEEDED}")
    return str(max(numbered, key=lambda path: int(path.name[6:])))


def build() -> None:
    """Raises FileNotFoundError without a compiler, RuntimeError with its complaint."""
    made = OBJECT.with_suffix(".new")
    include = f"/usr/include/{platform.machine()}-linux-gnu"
    options = ["-O2", "-g", "-Wall", "-Werror", "-target", "bpf", f"-I{include}"]
    done = subprocess.run(
        [compiler(), *options, "-c", str(SOURCE), "-o", str(made)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        missing = re.search(r"'bpf/\S+' file not found", done.stderr)
        raise RuntimeError(f"{done.stderr.strip()}{f' ({NEEDED})' if missing else ''}")
    made.replace(OBJECT)


def main() -> int:
    try:
        build()
    except (OSError, RuntimeError) as problem:
        print(f"the packet programs were not built: {problem}", file=sys.stderr)
        print("`forwarding: {means: ebpf}` and `lisp` will say so; all else works", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
