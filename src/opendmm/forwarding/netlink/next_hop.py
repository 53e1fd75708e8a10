"""Next-hop objects (linux/nexthop.h): what many routes share, replaced by one message."""

import struct
from enum import IntEnum

import msgspec

from opendmm.forwarding.netlink.attributes import (
    ADD,
    PUT,
    MessageFlag,
    attribute,
    integer,
    message,
    parse,
    u32,
)
from opendmm.forwarding.netlink.lightweight_tunnel import Encapsulation, attributes_of
from opendmm.forwarding.netlink.route import parse_encapsulation

RTM_NEWNEXTHOP = 104
RTM_DELNEXTHOP = 105
RTM_GETNEXTHOP = 106

NHMSG = struct.Struct("=BBBBI")


class NextHopAttribute(IntEnum):
    ID = 1
    OUTPUT = 5
    GATEWAY = 6
    ENCAPSULATION_TYPE = 7
    ENCAPSULATION = 8


class NextHop(msgspec.Struct, frozen=True):
    """Where packets go: an interface index, perhaps a gateway (packed), perhaps a tunnel."""

    identifier: int
    family: int
    protocol: int
    output: int
    gateway: bytes = b""
    encapsulation: Encapsulation | None = None


def _body(hop: NextHop) -> bytes:
    packed = NHMSG.pack(hop.family, 0, hop.protocol, 0, 0)
    packed += u32(NextHopAttribute.ID, hop.identifier)
    packed += u32(NextHopAttribute.OUTPUT, hop.output)
    if hop.gateway:
        packed += attribute(NextHopAttribute.GATEWAY, hop.gateway)
    if hop.encapsulation is not None:
        packed += attributes_of(
            hop.encapsulation, NextHopAttribute.ENCAPSULATION_TYPE, NextHopAttribute.ENCAPSULATION
        )
    return packed


def add_next_hop(hop: NextHop) -> bytes:
    """Create the object; EEXIST when there is one of that number."""
    return message(RTM_NEWNEXTHOP, ADD, _body(hop))


def put_next_hop(hop: NextHop) -> bytes:
    """Create the object or change it in place; all its routes follow (about 1 us each)."""
    return message(RTM_NEWNEXTHOP, PUT, _body(hop))


def delete_next_hop(identifier: int) -> bytes:
    """Remove the object; the kernel removes every route that uses it."""
    body = NHMSG.pack(0, 0, 0, 0, 0) + u32(NextHopAttribute.ID, identifier)
    return message(RTM_DELNEXTHOP, MessageFlag.REQUEST, body)


def dump_next_hops() -> bytes:
    return message(
        RTM_GETNEXTHOP, MessageFlag.REQUEST | MessageFlag.DUMP, NHMSG.pack(0, 0, 0, 0, 0)
    )


def parse_next_hop(body: bytes) -> NextHop:
    """From the body of an RTM_NEWNEXTHOP message."""
    family, _, protocol, _, _ = NHMSG.unpack_from(body)
    found = parse(body[NHMSG.size :])
    encapsulation = None
    if NextHopAttribute.ENCAPSULATION in found:
        encapsulation = parse_encapsulation(
            found[NextHopAttribute.ENCAPSULATION_TYPE], found[NextHopAttribute.ENCAPSULATION]
        )
    return NextHop(
        integer(found.get(NextHopAttribute.ID, b"")),
        family,
        protocol,
        integer(found.get(NextHopAttribute.OUTPUT, b"")),
        found.get(NextHopAttribute.GATEWAY, b""),
        encapsulation,
    )
