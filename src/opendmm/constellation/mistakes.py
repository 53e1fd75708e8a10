"""Mistakes of meaning: how they are noted, and the questions that many checks ask."""

import difflib
import ipaddress
from collections.abc import Iterator

from opendmm.constellation.file import ConstellationFile
from opendmm.constellation.quantities import seconds
from opendmm.constellation.source import Where
from opendmm.model.identity import FunctionalEntity

Mistake = tuple[Where, str, str]
"""Where, what is wrong, what would be right."""


def hosting(file: ConstellationFile, entity: FunctionalEntity) -> list[str]:
    """The nodes with such an entity."""
    return [name for name, section in file.nodes.items() if entity in section.entities]


ACCESS = "anchor, mobile access gateway or access router"


def accesses(file: ConstellationFile) -> list[str]:
    """The nodes that a mobile node can attach to: anchors, and what names one."""
    return [
        name
        for name, section in file.nodes.items()
        if FunctionalEntity.FE_MA_C in section.entities or section.anchor is not None
    ]


def known(name: str, names: list[str], what: str, where: Where) -> Iterator[Mistake]:
    """That a name is one of those there are."""
    if name in names:
        return
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(names) or 'none'}"
    yield where, f"there is no {what} `{name}`", hint


def well_formed(text: str, where: Where) -> Iterator[Mistake]:
    """That a text is a prefix without host bits."""
    try:
        ipaddress.ip_network(text)
    except ValueError as problem:
        yield where, f"`{text}` is no prefix: {problem}", "write it like 2001:db8:a::/48"


def network_of(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The prefix; None when it is none."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def some_time(duration: str, where: Where) -> Iterator[Mistake]:
    """That a duration is not zero."""
    if seconds(duration) == 0:
        yield where, f"{duration} is no time at all", "write it like 20ms"
