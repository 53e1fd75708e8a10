"""Whether packets follow the host routes that iBGP spreads, and what its sessions hang on."""

from collections.abc import Iterator

from opendmm.constellation.bgp import forwarders, speakers
from opendmm.constellation.findings import Check, Finding, Severity
from opendmm.constellation.placement import Placement
from opendmm.model.identity import NodeId


def _ignorant_in_between(placement: Placement) -> Iterator[Finding]:
    """Host routes are followed hop by hop: who does not have them sends packets home."""
    informed = forwarders(placement.deployment)
    if not informed:
        return
    sources = (*placement.correspondents, *informed)
    found: dict[NodeId, tuple[NodeId, ...]] = {}
    for source in sources:
        for anchor in placement.anchors:
            path = placement.path(source, anchor)
            for node in set(path[1:-1]) - informed:
                found.setdefault(node, path)
    for node, path in sorted(found.items()):
        yield Finding(
            severity=Severity.WARNING,
            section="§5 No loop",
            where=("nodes", node),
            message=f"`{node}` on the way {' → '.join(path)} has no routes by BGP: it sends "
            "packets to prefixes that have moved to where they are at home",
            hint="give it `router: bird` or `frr`, or lead the links around it",
        )


def _reflectors(placement: Placement) -> Iterator[Finding]:
    reflectors = placement.deployment.bgp.reflectors
    if len(reflectors) == 1 and speakers(placement.deployment):
        yield Finding(
            severity=Severity.NOTE,
            section="RFC 4456 §7",
            where=("bgp", "reflectors"),
            message=f"all routes hang on `{reflectors[0]}`: while it is down nobody has any",
            hint="name a second reflector",
        )


def _protection(placement: Placement) -> Iterator[Finding]:
    bgp = placement.deployment.bgp
    lacking = (
        ("md5", bgp.md5, "are not signed", "whoever can send packets to a speaker can end them"),
        (
            "ttl_security",
            bgp.ttl_security,
            "accept packets from any distance",
            "attacks reach them",
        ),
    )
    for setting, is_set, what, consequence in lacking:
        if not is_set:
            yield Finding(
                severity=Severity.WARNING,
                section="RFC 2385" if setting == "md5" else "RFC 5082",
                where=("bgp", setting),
                message=f"BGP sessions {what}: {consequence}",
                hint="leave it out, unless something else (IPsec) protects them",
            )


CHECKS: tuple[Check, ...] = (_ignorant_in_between, _reflectors, _protection)
