"""Commands and their output in the documents: read, and (as a program) run anew.

In a fenced block `console`, a line that begins with `$ ` is a command of a shell at the root of
the repository with `dmm` on its path; what follows is what it printed. `python
tests/documents.py` puts fresh output into README.md, and needs what its commands need: root.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
WIDTH = 100
"""Columns of the terminal in which the output was made."""

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """One command of a block and what it is said to print."""

    command: str
    output: str


def examples(text: str) -> list[Example]:
    """Every command in the console blocks of a document."""
    return [example for block in BLOCK.findall(text) for example in _in_block(block)]


def run(command: str) -> str:
    """What a command prints in an ordinary terminal, both streams, without trailing blanks."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": str(WIDTH),
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


def refreshed(text: str) -> str:
    """A document with the output of its commands as it is now."""

    def again(match: re.Match[str]) -> str:
        commands = [example.command for example in _in_block(match[1])]
        body = "".join(f"$ {command}\n{run(command)}" for command in commands)
        return f"```console\n{body}```"

    return BLOCK.sub(again, text)


def _in_block(block: str) -> list[Example]:
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [Example(*part.split("\n", 1)) for part in parts]


if __name__ == "__main__":
    README.write_text(refreshed(README.read_text(encoding="utf-8")), encoding="utf-8")
