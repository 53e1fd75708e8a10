"""What is wrong with a constellation file: where, what, and what would be right."""

from pathlib import Path

import msgspec


class Problem(msgspec.Struct, frozen=True, order=True):
    """One mistake; `line` and `column` count from 1."""

    line: int
    column: int
    message: str
    hint: str = ""

    def text(self, file: Path) -> str:
        """In the form that editors understand: file:line:column: message (hint)."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{file}:{self.line}:{self.column}: {self.message}{hint}"


class ConstellationError(Exception):
    """A constellation file that cannot be used; `problems` are all its mistakes, in order."""

    def __init__(self, file: Path, problems: list[Problem]) -> None:
        self.file = file
        self.problems = sorted(problems)
        super().__init__("\n".join(problem.text(file) for problem in self.problems))
