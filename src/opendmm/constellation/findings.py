"""What reasoning finds out about a constellation that is correctly written."""

from collections.abc import Callable, Iterator
from enum import StrEnum

import msgspec

from opendmm.constellation.placement import Placement
from opendmm.constellation.source import Where


class Severity(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"  # something in the file cannot work
    WARNING = "warning"  # it works, and a promise is kept only in part
    NOTE = "note"  # a property of this placement, worth knowing


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One conclusion about one place of the file."""

    severity: Severity
    section: str
    """The reference point, or the promise or section of the design or the draft at stake."""
    where: Where
    message: str
    hint: str = ""
    """What would change it; empty when nothing needs to."""


Check = Callable[[Placement], Iterator[Finding]]
