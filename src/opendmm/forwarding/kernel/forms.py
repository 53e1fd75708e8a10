"""The routes, neighbours and rules that stand for one slot of the model. Pure.

Access to a home address is a device route and a permanent neighbour: a dynamic one would be
poisoned by packets that come while the mobile node is away, and cost most of a second when it
is back. A home network has no single address to be a neighbour, so it is routed by way of a
link-local next hop made from the link-layer identifier; the frame's destination is all that
counts, the mobile node need not have that address.
"""

from functools import lru_cache

import msgspec

from opendmm.forwarding.kernel.conventions import (
    ACCESS_MARK,
    ANNOUNCED_TABLE,
    ATTACHED_TABLE,
    FLOW_PRIORITY,
    LEAST_PREFERRED,
    METRIC,
    PROTOCOL,
    RINGS,
    UPLINK_PRIORITY,
    UPLINK_TABLE,
)
from opendmm.forwarding.kernel.endpoints import identifier
from opendmm.forwarding.kernel.errors import RefusedError
from opendmm.forwarding.netlink.next_hop import NextHop
from opendmm.forwarding.netlink.policy_rule import PolicyRule
from opendmm.forwarding.netlink.route import AF_INET, AF_INET6, RouteForm, RouteType
from opendmm.model.addressing import HomePrefix
from opendmm.model.flow import FlowRule, PortRange
from opendmm.model.rules import Access, Announce

LINK_LOCAL = bytes.fromhex("fe80000000000000")
ETHERNET = 6
UNIVERSAL_BIT = 0x02


class NextHopUse(msgspec.Struct, frozen=True):
    """A next hop object that routes refer to."""

    number: int


class NeighbourUse(msgspec.Struct, frozen=True):
    """A permanent neighbour that an access route relies on."""

    interface: str
    address: bytes


class AttachedRouteUse(msgspec.Struct, frozen=True):
    """An attached mobile node's second route, in the table of attached ones."""

    prefix: HomePrefix


class UplinkRuleUse(msgspec.Struct, frozen=True):
    """An IPv4 source's policy rule to its tunnel's table."""

    prefix: HomePrefix
    number: int


class UplinkTableUse(msgspec.Struct, frozen=True):
    """The table of one IPv4 uplink tunnel; it holds a default route."""

    number: int


class FlowRuleUse(msgspec.Struct, frozen=True):
    """The policy rule that brings a flow's packets to its table."""

    flow: FlowRule
    ipv6: bool


class LimitedUse(msgspec.Struct, frozen=True):
    """A prefix's place among those of which some flows only are recognised."""

    prefix: HomePrefix


class RecognisedUse(msgspec.Struct, frozen=True):
    """A flow to a prefix that is recognised."""

    prefix: HomePrefix
    flow: FlowRule


class GuestUse(msgspec.Struct, frozen=True):
    """The pair of packed addresses that a mobile node's tunnel to its home agent comes from."""

    care_of: bytes
    home: bytes


class AnnouncementUse(msgspec.Struct, frozen=True):
    """The route that has a prefix announced, by its metric."""

    prefix: HomePrefix
    announce: Announce


class TranslationUse(msgspec.Struct, frozen=True):
    """An element of a map of addresses."""

    map_name: str
    address: bytes


Use = (
    AnnouncementUse
    | TranslationUse
    | GuestUse
    | FlowRuleUse
    | LimitedUse
    | RecognisedUse
    | UplinkRuleUse
    | UplinkTableUse
    | AttachedRouteUse
    | NeighbourUse
    | NextHopUse
)
"""What slots share; goes when the last slot that uses it goes. In the order of going."""


def neighbour_address(prefix: HomePrefix, access: Access) -> bytes:
    """The packed address whose neighbour entry carries the link-layer identifier."""
    if prefix.is_host or not access.link_layer_id:
        return prefix.network
    return link_local_of(access.link_layer_id)


def link_local_of(link_layer_id: bytes) -> bytes:
    """A link-local address with the modified EUI-64 of a MAC address (RFC 4291 app. A)."""
    if len(link_layer_id) != ETHERNET:
        raise RefusedError(
            f"link-layer id {link_layer_id.hex(':')}: access to a network prefix needs a MAC "
            f"address of {ETHERNET} octets"
        )
    first = link_layer_id[0] ^ UNIVERSAL_BIT
    return LINK_LOCAL + bytes([first]) + link_layer_id[1:3] + b"\xff\xfe" + link_layer_id[3:]


def access_form(table: int, prefix: HomePrefix, access: Access, interface: int) -> RouteForm:
    """The route of an attached mobile node; `interface` is the index of its access link."""
    if prefix.is_host or not access.link_layer_id:
        return RouteForm(table, PROTOCOL, METRIC, output=interface)
    gateway = link_local_of(access.link_layer_id)
    if prefix.is_ipv6:
        return RouteForm(table, PROTOCOL, METRIC, output=interface, gateway=gateway)
    return RouteForm(table, PROTOCOL, METRIC, output=interface, via=gateway)


def shared_form(table: int, number: int) -> RouteForm:
    """A route by way of a next hop object."""
    return RouteForm(table, PROTOCOL, METRIC, next_hop=number)


def selector(table: int) -> RouteForm:
    """What names a route of ours for deletion, beside its destination."""
    return RouteForm(table, PROTOCOL, METRIC)


def announcement_form(announce: Announce) -> RouteForm:
    """A route that no packet meets. Of two the one of the later move has the better metric, and
    of one move that of the wider ring."""
    metric = LEAST_PREFERRED - (announce.number * RINGS + announce.ring)
    return RouteForm(ANNOUNCED_TABLE, PROTOCOL, metric, kind=RouteType.UNREACHABLE)


@lru_cache(maxsize=1024)
def packed_announcement(announce: Announce) -> tuple[RouteForm, bytes]:
    """`announcement_form` and its attributes: in a storm thousands of prefixes share them."""
    form = announcement_form(announce)
    return form, form.attributes()


def announced(form: RouteForm) -> Announce:
    """What a route made by `announcement_form` stands for."""
    return Announce(*divmod(LEAST_PREFERRED - form.metric, RINGS))


def attached_selector() -> RouteForm:
    return selector(ATTACHED_TABLE)


def uplink_form(prefix: HomePrefix, hop: NextHop) -> RouteForm:
    """A source-specific default route; the kernel allows it no next hop object."""
    return RouteForm(
        UPLINK_TABLE,
        PROTOCOL,
        METRIC,
        output=hop.output,
        gateway=hop.gateway,
        encapsulation=hop.encapsulation,
        source=prefix.network,
        source_length=prefix.length,
    )


def uplink_selector(prefix: HomePrefix) -> RouteForm:
    return RouteForm(
        UPLINK_TABLE, PROTOCOL, METRIC, source=prefix.network, source_length=prefix.length
    )


def uplink_rule(prefix: HomePrefix, number: int) -> PolicyRule:
    """Packets from access links with this IPv4 source look in their tunnel's table."""
    return PolicyRule(
        family=AF_INET,
        priority=UPLINK_PRIORITY,
        table=number,
        protocol=PROTOCOL,
        mark=ACCESS_MARK,
        source=prefix.network,
        source_length=prefix.length,
    )


def flow_table(flow: FlowRule) -> int:
    """The number of the table with the routes of a flow; the same in every life of the node."""
    return identifier("flow", str(flow))


def flow_rule(flow: FlowRule, *, ipv6: bool) -> PolicyRule:
    """Packets of the flow look in its table first, whoever they are for."""
    return PolicyRule(
        family=AF_INET6 if ipv6 else AF_INET,
        priority=FLOW_PRIORITY,
        table=flow_table(flow),
        protocol=PROTOCOL,
        source=flow.source.network if flow.source else b"",
        source_length=flow.source.length if flow.source else 0,
        ip_protocol=flow.protocol,
        source_ports=(flow.source_ports.first, flow.source_ports.last),
        destination_ports=(flow.destination_ports.first, flow.destination_ports.last),
    )


def flow_of(rule: PolicyRule) -> FlowRule:
    """The flow that a policy rule made by `flow_rule` is for."""
    return FlowRule(
        protocol=rule.ip_protocol,
        source=HomePrefix(rule.source, rule.source_length) if rule.source else None,
        source_ports=PortRange(*rule.source_ports),
        destination_ports=PortRange(*rule.destination_ports),
    )
