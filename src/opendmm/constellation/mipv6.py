"""Whether a placement fits Mobile IPv6 (RFC 6275): mobile nodes that register themselves."""

from collections.abc import Iterator

from opendmm.constellation.deployment import SubscriberPlan
from opendmm.constellation.file import BindingName, UplinkMode
from opendmm.constellation.findings import Check, Finding, Severity
from opendmm.constellation.placement import Placement
from opendmm.constellation.source import Where
from opendmm.model.addressing import HomePrefix
from opendmm.reference_points.catalogue import ReferencePointName


def _registered(placement: Placement) -> bool:
    """Whether mobile nodes register themselves in Binding Updates."""
    return placement.deployment.bindings[ReferencePointName.R_XU] is BindingName.MIPV6


def _within_its_means(placement: Placement) -> Iterator[Finding]:
    for name, binding in placement.deployment.bindings.items():
        if binding is BindingName.MIPV6 and name is not ReferencePointName.R_XU:
            yield Finding(
                severity=Severity.ERROR,
                section=name,
                where=("reference_points", name),
                message=f"Mobile IPv6 has no message for {name}",
                hint="it carries R_XU; from home agent to home agent `pmipv6` does",
            )


def _clients(placement: Placement) -> Iterator[Finding]:
    if not _registered(placement):
        return
    for subscriber in placement.subscribers:
        where: Where = ("mobile_nodes", subscriber.name)
        if not subscriber.client:
            yield Finding(
                severity=Severity.ERROR,
                section="R_XU",
                where=where,
                message=f"`{subscriber.name}` has no client, and nobody else sends Binding Updates",
                hint="add `client: true`",
            )
        for prefix in _not_home_addresses(subscriber):
            yield Finding(
                severity=Severity.ERROR,
                section="RFC 6275 §5.1",
                where=(*where, "prefixes"),
                message=f"Mobile IPv6 moves IPv6 home addresses, not {prefix}",
                hint="give it an address, like 2001:db8:a::100/128",
            )


def _not_home_addresses(subscriber: SubscriberPlan) -> Iterator[HomePrefix]:
    yield from (p for p in subscriber.prefixes if not (p.is_ipv6 and p.is_host))


def _uplink(placement: Placement) -> Iterator[Finding]:
    if _registered(placement) and placement.deployment.uplink is UplinkMode.TUNNEL:
        yield Finding(
            severity=Severity.ERROR,
            section="RFC 6275 §11.3.1",
            where=("forwarding", "uplink"),
            message="packets from mobile nodes come to their home agent in a tunnel already",
            hint="leave it at `uplink: direct`",
        )


def _optimised(placement: Placement) -> Iterator[Finding]:
    if placement.deployment.mipv6.route_optimisation and not _registered(placement):
        yield Finding(
            severity=Severity.ERROR,
            section="RFC 6275 §11.7.2",
            where=("mipv6", "route_optimisation"),
            message="routes are optimised by mobile nodes that register themselves",
            hint="carry R_XU by `mipv6`, or take it away",
        )


def _several_homes(placement: Placement) -> Iterator[Finding]:
    for subscriber in placement.subscribers:
        if subscriber.homes and not _registered(placement):
            yield Finding(
                severity=Severity.ERROR,
                section="draft §4.1",
                where=("mobile_nodes", subscriber.name, "other_homes"),
                message=f"`{subscriber.name}` cannot register with several home agents at once",
                hint="carry R_XU by `mipv6`",
            )


CHECKS: tuple[Check, ...] = (_within_its_means, _clients, _uplink, _optimised, _several_homes)
