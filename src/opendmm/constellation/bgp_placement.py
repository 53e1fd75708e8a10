"""Whether packets follow the host routes that iBGP spreads, and what its sessions hang on."""

from collections.abc import Iterator

from opendmm.constellation.bgp import announces, forwarders, speakers
from opendmm.constellation.carriage import all_or_nothing
from opendmm.constellation.file import BindingName
from opendmm.constellation.findings import Check, Finding, Severity
from opendmm.constellation.placement import Placement
from opendmm.constellation.source_filters import filtered_links, filtering_routers
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.reference_points.catalogue import ReferencePointName

FE = FunctionalEntity
CARRIED = frozenset({ReferencePointName.R_IC, ReferencePointName.R_II})


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


def _source_filters(placement: Placement) -> Iterator[Finding]:
    """What a router that is not ours does to the uplink of mobile nodes that have moved."""
    deployment = placement.deployment
    filtering = filtering_routers(deployment)
    for name, plan in deployment.nodes.items():
        if not plan.source_filter or plan.router is None:
            continue
        where = ("nodes", name, "source_filter")
        links = filtered_links(deployment, name)
        if name not in filtering:
            yield Finding(
                severity=Severity.ERROR,
                section="§5 Uplink",
                where=where,
                message=f"`{name}` sets no routes by BGP: its filter would never learn of moves",
                hint="give it `router: bird` or `frr`, or take `source_filter` away",
            )
        elif not links:
            yield Finding(
                severity=Severity.WARNING,
                section="§5 Uplink",
                where=where,
                message=f"`{name}` has no link to an anchor: it has nothing to filter",
                hint="set it on routers next to anchors",
            )
        for link in links:
            if placement.path(name, link.anchor)[1:2] != (link.anchor,):
                yield Finding(
                    severity=Severity.WARNING,
                    section="RFC 3704 §2.2",
                    where=where,
                    message=f"`{name}` sends to `{link.anchor}` by another way than their link: "
                    "what visitors send over it is dropped",
                    hint="lower the link's `cost`, or take `source_filter` away",
                )
        if name in filtering and any(link.visiting for link in links):
            yield Finding(
                severity=Severity.NOTE,
                section="§5 Uplink",
                where=where,
                message=f"`{name}` lets a visitor's packets through while its route leads back to "
                f"the anchor, and for {deployment.bgp.uplink_grace} before and after",
            )


def _carried(placement: Placement) -> Iterator[Finding]:
    """R_IC and R_II become one in announcements, and nothing else does."""
    yield from all_or_nothing(placement, BindingName.BGP, "BGP", CARRIED)


def _announcers(placement: Placement) -> Iterator[Finding]:
    """An announcement is true where it comes from: FE_IEC is beside each FE_E, and nowhere else."""
    if not announces(placement.deployment):
        return
    if not speakers(placement.deployment):
        yield Finding(
            severity=Severity.ERROR,
            section="draft A.4",
            where=("reference_points", "R_IC"),
            message="prefixes are announced by BGP, but no node is a router that speaks it",
            hint="give `router: frr` or `bird` to the routers",
        )
    for node in sorted({*placement.hosting(FE.FE_E), *placement.hosting(FE.FE_IEC)}):
        for wanted in (FE.FE_E, FE.FE_IEC):
            if not placement.has(node, wanted):
                yield Finding(
                    severity=Severity.ERROR,
                    section="draft A.4",
                    where=("nodes", node, "entities"),
                    message=f"`{node}` has no {wanted}: packets come to where BGP announces from",
                    hint="have FE_IEC, which announces, and FE_E, which receives, on one node",
                )


CHECKS: tuple[Check, ...] = (
    _carried,
    _announcers,
    _ignorant_in_between,
    _reflectors,
    _protection,
    _source_filters,
)
