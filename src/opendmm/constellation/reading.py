"""Reading a constellation file: parsed, checked in form and meaning, resolved."""

from pathlib import Path

import msgspec

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import ConstellationFile
from opendmm.constellation.meaning import problems_of_meaning
from opendmm.constellation.problems import ConstellationError
from opendmm.constellation.resolve import deployment
from opendmm.constellation.source import Source, read_source
from opendmm.constellation.validation import problems_of_form

__all__ = ["ConstellationError", "load", "load_deployment", "read"]


def read(path: Path) -> tuple[Source, ConstellationFile]:
    """The file, when nothing is wrong with it, and where everything in it stands.

    Raises ConstellationError with all mistakes.
    """
    source = read_source(path)
    problems = problems_of_form(source)
    if problems:
        raise ConstellationError(path, problems)
    file = msgspec.convert(source.data, ConstellationFile)
    problems = problems_of_meaning(source, file)
    if problems:
        raise ConstellationError(path, problems)
    return source, file


def load(path: Path) -> ConstellationFile:
    """The file, when nothing is wrong with it. Raises ConstellationError with all mistakes."""
    return read(path)[1]


def load_deployment(path: Path) -> Deployment:
    """The file's deployment, with every value resolved. Raises ConstellationError."""
    return deployment(load(path))
