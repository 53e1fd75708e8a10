"""Routes (linux/rtnetlink.h, struct rtmsg)."""

import struct
from enum import IntEnum

import msgspec

from opendmm.forwarding.netlink.attributes import (
    PUT,
    MessageFlag,
    attribute,
    integer,
    message,
    parse,
    u32,
)
from opendmm.forwarding.netlink.lightweight_tunnel import (
    Encapsulation,
    EncapsulationType,
    attributes_of,
)

RTM_NEWROUTE = 24
RTM_DELROUTE = 25
RTM_GETROUTE = 26

AF_INET = 2
AF_INET6 = 10

TABLE_UNSPEC = 0
TABLE_MAIN, TABLE_LOCAL = 254, 255
PROTOCOL_UNSPEC = 0

RTMSG = struct.Struct("=BBBBBBBBI")
# Header, rtmsg and the destination attribute in one, for each family: the fast path.
TO_IPV4 = struct.Struct("=IHHIIBBBBBBBBIHH4s")
TO_IPV6 = struct.Struct("=IHHIIBBBBBBBBIHH16s")


class RouteAttribute(IntEnum):
    DESTINATION = 1
    SOURCE = 2
    OUTPUT = 4
    GATEWAY = 5
    PRIORITY = 6
    PREFERRED_SOURCE = 7
    TABLE = 15
    VIA = 18
    ENCAPSULATION_TYPE = 21
    ENCAPSULATION = 22
    NEXT_HOP_ID = 30


class RouteType(IntEnum):
    UNSPECIFIED = 0
    UNICAST = 1
    UNREACHABLE = 7


class RouteForm(msgspec.Struct, frozen=True):
    """Everything of a route but its destination, so that many share one packed form.

    `output` is an interface index, `gateway` packed and of the destination's family, `via`
    an IPv6 gateway of IPv4 packets (RFC 5549), `source` a packed prefix with its length
    (source-specific routing, IPv6 only), `preferred_source` a packed address of this node, for
    packets that have no source yet.
    """

    table: int
    protocol: int
    metric: int = 0
    kind: RouteType = RouteType.UNICAST
    next_hop: int = 0
    output: int = 0
    gateway: bytes = b""
    via: bytes = b""
    encapsulation: Encapsulation | None = None
    source: bytes = b""
    source_length: int = 0
    preferred_source: bytes = b""

    def attributes(self) -> bytes:
        """The attributes after the destination, packed."""
        packed = u32(RouteAttribute.TABLE, self.table)
        if self.metric:
            packed += u32(RouteAttribute.PRIORITY, self.metric)
        if self.source:
            packed += attribute(RouteAttribute.SOURCE, self.source)
        if self.next_hop:
            packed += u32(RouteAttribute.NEXT_HOP_ID, self.next_hop)
        if self.output:
            packed += u32(RouteAttribute.OUTPUT, self.output)
        if self.gateway:
            packed += attribute(RouteAttribute.GATEWAY, self.gateway)
        if self.via:
            packed += attribute(RouteAttribute.VIA, struct.pack("=H", AF_INET6) + self.via)
        if self.preferred_source:
            packed += attribute(RouteAttribute.PREFERRED_SOURCE, self.preferred_source)
        if self.encapsulation is not None:
            packed += attributes_of(
                self.encapsulation, RouteAttribute.ENCAPSULATION_TYPE, RouteAttribute.ENCAPSULATION
            )
        return packed


def put_route(network: bytes, length: int, form: RouteForm, tail: bytes | None = None) -> bytes:
    """Make the route exist in this form, in place of the one of the same metric, if any.

    `tail` is `form.attributes()` if the caller keeps it. Table numbers go in an attribute,
    so they may exceed 255.
    """
    tail = form.attributes() if tail is None else tail
    return _packed(RTM_NEWROUTE, PUT, network, length, form, tail)


def delete_route(network: bytes, length: int, form: RouteForm, tail: bytes | None = None) -> bytes:
    """Remove the route; of the form only table, protocol, metric and source select."""
    tail = form.attributes() if tail is None else tail
    return _packed(RTM_DELROUTE, MessageFlag.REQUEST, network, length, form, tail)


def _packed(
    kind: int, flags: int, network: bytes, length: int, form: RouteForm, tail: bytes
) -> bytes:
    size = len(network)
    layout, family = (TO_IPV6, AF_INET6) if size == 16 else (TO_IPV4, AF_INET)
    return (
        layout.pack(
            layout.size + len(tail),
            kind,
            flags,
            0,
            0,
            family,
            length,
            form.source_length,
            0,
            TABLE_UNSPEC,
            form.protocol,
            0,
            form.kind,
            0,
            size + 4,
            RouteAttribute.DESTINATION,
            network,
        )
        + tail
    )


class Route(msgspec.Struct, frozen=True):
    """A route as the kernel tells it; the destination and source packed, zero when default."""

    family: int
    destination: bytes
    length: int
    form: RouteForm


def parse_route(body: bytes) -> Route:
    """From the body of an RTM_NEWROUTE message."""
    family, length, source_length, _, table, protocol, _, kind, _ = RTMSG.unpack_from(body)
    found = parse(body[RTMSG.size :])
    encapsulation = None
    if RouteAttribute.ENCAPSULATION in found:
        encapsulation = parse_encapsulation(
            found[RouteAttribute.ENCAPSULATION_TYPE], found[RouteAttribute.ENCAPSULATION]
        )
    size = 16 if family == AF_INET6 else 4
    form = RouteForm(
        table=integer(found[RouteAttribute.TABLE]) if RouteAttribute.TABLE in found else table,
        protocol=protocol,
        metric=integer(found.get(RouteAttribute.PRIORITY, b"")),
        kind=RouteType(kind) if kind in tuple(RouteType) else RouteType.UNSPECIFIED,
        next_hop=integer(found.get(RouteAttribute.NEXT_HOP_ID, b"")),
        output=integer(found.get(RouteAttribute.OUTPUT, b"")),
        gateway=found.get(RouteAttribute.GATEWAY, b""),
        via=found.get(RouteAttribute.VIA, b"")[2:],
        encapsulation=encapsulation,
        source=found.get(RouteAttribute.SOURCE, b""),
        source_length=source_length,
        preferred_source=found.get(RouteAttribute.PREFERRED_SOURCE, b""),
    )
    return Route(family, found.get(RouteAttribute.DESTINATION, bytes(size)), length, form)


def parse_encapsulation(kind: bytes, body: bytes) -> Encapsulation | None:
    """A kind that we install, or None."""
    number = integer(kind)
    if number not in tuple(EncapsulationType):
        return None
    return Encapsulation(EncapsulationType(number), body)


def dump_routes(family: int, protocol: int = PROTOCOL_UNSPEC, table: int = TABLE_UNSPEC) -> bytes:
    """Ask for all routes of a family; with strict checking the kernel filters the rest."""
    tail = u32(RouteAttribute.TABLE, table) if table else b""
    body = RTMSG.pack(family, 0, 0, 0, 0, protocol, 0, 0, 0) + tail
    return message(RTM_GETROUTE, MessageFlag.REQUEST | MessageFlag.DUMP, body)


def resolve(address: bytes) -> bytes:
    """Ask which route a packet to this address would take from here."""
    family = AF_INET6 if len(address) == 16 else AF_INET
    body = RTMSG.pack(family, len(address) * 8, 0, 0, 0, 0, 0, 0, 0)
    return message(
        RTM_GETROUTE,
        MessageFlag.REQUEST,
        body + attribute(RouteAttribute.DESTINATION, address),
    )
