"""What the forwarding means can carry in this placement, downlink and uplink (design §7)."""

from collections.abc import Iterator

from opendmm.constellation.file import Means, UplinkMode
from opendmm.constellation.findings import Check, Finding, Severity
from opendmm.constellation.placement import Placement
from opendmm.forwarding.kernel.means import MEANS
from opendmm.model.identity import FunctionalEntity, NodeId

FE = FunctionalEntity

TUNNELS = ", ".join(name for name, means in MEANS.items() if means.tunnels)


def _redirections(placement: Placement) -> Iterator[tuple[NodeId, NodeId]]:
    """Every ingress with every egress that it may have to redirect to."""
    nodes = placement.deployment.nodes
    ends = {egress.node for anchor in placement.visited if (egress := nodes[anchor].egress)}
    for ingress in placement.deployment.ingresses:
        for end in sorted(ends):
            if ingress != end and placement.path(ingress, end):
                yield ingress, end


def _host_routes(placement: Placement) -> Iterator[Finding]:
    """Without encapsulation every router in between must know the way itself."""
    if placement.deployment.means is not Means.HOST_ROUTE:
        return
    for ingress, end in _redirections(placement):
        path = placement.path(ingress, end)
        ignorant = [node for node in path[1:-1] if not placement.has(node, FE.FE_I)]
        if ignorant:
            yield Finding(
                severity=Severity.ERROR,
                section="§5 No loop",
                where=("forwarding", "means"),
                message=f"host routes do not lead {' → '.join(path)}: {', '.join(ignorant)} has "
                "no FE_I and sends the packets back to their home",
                hint=f"add FE_I to {', '.join(ignorant)}, or choose a tunnel (srv6)",
            )


def _egress_apart(placement: Placement) -> Iterator[Finding]:
    if MEANS[placement.deployment.means].apart:
        return
    for anchor in placement.anchors:
        egress = placement.deployment.nodes[anchor].egress
        if egress is not None and egress.node != anchor:
            yield Finding(
                severity=Severity.ERROR,
                section="§7 Forwarding",
                where=("forwarding", "means"),
                message=f"`{egress.node}` cannot tell packets redirected to `{anchor}` from others "
                f"when they come by {placement.deployment.means}",
                hint=f"choose a tunnel (srv6), or place FE_E on `{anchor}`",
            )


def _translation(placement: Placement) -> Iterator[Finding]:
    if placement.deployment.means is not Means.TRANSLATION:
        return
    for subscriber in placement.subscribers:
        for index, prefix in enumerate(subscriber.prefixes):
            if prefix.is_ipv6 and prefix.is_host:
                continue
            what = "an IPv4 prefix" if not prefix.is_ipv6 else "a network prefix"
            yield Finding(
                severity=Severity.ERROR,
                section="§7 Forwarding",
                where=("mobile_nodes", subscriber.name, "prefixes", index),
                message=f"{prefix} is {what}: translation carries single IPv6 addresses",
                hint="give a /128, or choose a tunnel (srv6)",
            )


def _flows(placement: Placement) -> Iterator[Finding]:
    if not placement.deployment.flows or MEANS[placement.deployment.means].tunnels:
        return
    yield Finding(
        severity=Severity.ERROR,
        section="§7 Forwarding",
        where=("forwarding", "means"),
        message=f"{placement.deployment.means} cannot tell the flows apart that policies name",
        hint=f"choose a tunnel ({TUNNELS}), or take `flows` out of the policies",
    )


def _uplink(placement: Placement) -> Iterator[Finding]:
    deployment = placement.deployment
    if deployment.uplink is not UplinkMode.TUNNEL:
        return
    where = ("forwarding", "uplink")
    if not MEANS[deployment.means].tunnels:
        yield Finding(
            severity=Severity.ERROR,
            section="§7 Forwarding",
            where=where,
            message=f"{deployment.means} cannot carry packets of a mobile node back",
            hint=f"choose a tunnel ({TUNNELS}), or `uplink: direct`",
        )
    ends = [node for node in deployment.ingresses if placement.has(node, FE.FE_E)]
    for anchor in placement.visited:
        lacking = "FE_I" if anchor not in deployment.ingresses else ""
        if not lacking and not set(ends) - {anchor}:
            lacking = "another node with FE_I and FE_E"
        if lacking:
            yield Finding(
                severity=Severity.WARNING,
                section="§5 Uplink",
                where=where,
                message=f"visitors' packets leave `{anchor}` directly: the uplink tunnel lacks "
                f"{lacking}",
                hint=f"add FE_I to `{anchor}`"
                if lacking == "FE_I"
                else "add FE_E to an ingress, or FE_I to an egress",
            )


def _filters(placement: Placement) -> Iterator[Finding]:
    for name, plan in placement.deployment.nodes.items():
        if not plan.source_filter:
            continue
        where = ("nodes", name, "source_filter")
        if plan.router is not None:
            continue
        if name not in placement.anchors:
            yield Finding(
                severity=Severity.WARNING,
                section="§5 Uplink",
                where=where,
                message=f"`{name}` is no anchor: it has no access links to filter, and no "
                "exceptions are made for visitors there",
                hint="set it on anchors",
            )
        elif name in placement.visited:
            yield Finding(
                severity=Severity.NOTE,
                section="§5 Uplink",
                where=where,
                message=f"`{name}` lets visitors' addresses through its source filter while they "
                "are there; filters of routers that are not of this file are not told",
                hint="`uplink: tunnel` goes round them"
                if placement.deployment.uplink is UplinkMode.DIRECT
                else "",
            )


def _packet_size(placement: Placement) -> Iterator[Finding]:
    deployment = placement.deployment
    needed = deployment.access_mtu + MEANS[deployment.means].overhead
    if deployment.core_mtu < needed:
        yield Finding(
            severity=Severity.WARNING,
            section="§7 Forwarding",
            where=("forwarding", "core_mtu"),
            message=f"a full packet of {deployment.access_mtu} octets is {needed} with "
            f"{deployment.means}, more than the core's {deployment.core_mtu}: after a move large "
            "packets are answered by Packet Too Big",
            hint=f"set core_mtu to {needed} or more, or lower access_mtu",
        )


def _allocation(placement: Placement) -> Iterator[Finding]:
    """A simultaneously anchored mobile node gets a prefix of every anchor it comes to."""
    for subscriber in placement.subscribers:
        if not subscriber.simultaneous:
            continue
        anchors = {placement.deployment.anchor_at(node) for node in subscriber.access}
        for anchor in sorted(anchors):
            pools = placement.deployment.nodes[anchor].pools
            if not any(pool.is_ipv6 for pool in pools):
                yield Finding(
                    severity=Severity.ERROR,
                    section="RFC 8885",
                    where=("nodes", anchor, "pools"),
                    message=f"`{anchor}` has no IPv6 pool to give `{subscriber.name}` a new "
                    "prefix from",
                    hint="give it a pool",
                )


CHECKS: tuple[Check, ...] = (
    _host_routes,
    _egress_apart,
    _translation,
    _flows,
    _uplink,
    _filters,
    _packet_size,
    _allocation,
)
