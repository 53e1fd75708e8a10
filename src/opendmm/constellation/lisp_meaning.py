"""The meaning of section `lisp`: prefixes and addresses that are such, and who needs what."""

import ipaddress
from collections.abc import Iterator, Sequence

from opendmm.constellation.file import ConstellationFile
from opendmm.constellation.mistakes import Mistake, hosting, well_formed
from opendmm.constellation.source import Where
from opendmm.model.identity import FunctionalEntity

FE = FunctionalEntity
SERVED = ("sites", "delegations", "authority")


def lisp_mistakes(file: ConstellationFile) -> Iterator[Mistake]:
    """Every mistake of the section."""
    lisp, here = file.lisp, ("lisp",)
    for index, site in enumerate(lisp.sites):
        yield from _prefixes(site.eid_prefixes, (*here, "sites", index, "eid_prefixes"))
    for index, server in enumerate(lisp.map_servers):
        yield from _address(server.address, (*here, "map_servers", index, "address"))
    for index, delegation in enumerate(lisp.delegations):
        at: Where = (*here, "delegations", index)
        yield from _prefixes(delegation.eid_prefixes, (*at, "eid_prefixes"))
        yield from _addresses(delegation.to, (*at, "to"))
    yield from _prefixes(lisp.authority, (*here, "authority"))
    yield from _prefixes(lisp.eid_prefixes, (*here, "eid_prefixes"))
    yield from _addresses(lisp.map_resolvers, (*here, "map_resolvers"))
    yield from _both("map_resolvers", "eid_prefixes", file)
    if not hosting(file, FE.FE_IEC):
        for field in SERVED:
            if getattr(lisp, field):
                yield (*here, field), "no node has FE_IEC to serve them", "give one FE_IEC"


def _both(one: str, other: str, file: ConstellationFile) -> Iterator[Mistake]:
    for given, lacking in ((one, other), (other, one)):
        if getattr(file.lisp, given) and not getattr(file.lisp, lacking):
            yield ("lisp", given), f"there are no `{lacking}` beside them", f"add `{lacking}`"


def _prefixes(texts: Sequence[str], where: Where) -> Iterator[Mistake]:
    for number, text in enumerate(texts):
        yield from well_formed(text, (*where, number))


def _addresses(texts: Sequence[str], where: Where) -> Iterator[Mistake]:
    for number, text in enumerate(texts):
        yield from _address(text, (*where, number))


def _address(text: str, where: Where) -> Iterator[Mistake]:
    try:
        ipaddress.ip_address(text)
    except ValueError as problem:
        yield where, f"`{text}` is no address: {problem}", "write it like 2001:db8::1"
