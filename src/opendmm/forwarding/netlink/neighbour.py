"""Neighbours (linux/neighbour.h): which link-layer address an IP address has on a link."""

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
    u8,
)
from opendmm.forwarding.netlink.route import AF_INET, AF_INET6

RTM_NEWNEIGH = 28
RTM_DELNEIGH = 29
RTM_GETNEIGH = 30

NDMSG = struct.Struct("=BxHiHBB")
PERMANENT = 0x80


class NeighbourAttribute(IntEnum):
    DESTINATION = 1
    LINK_LAYER_ADDRESS = 2
    PROTOCOL = 12


class Neighbour(msgspec.Struct, frozen=True):
    """A permanent entry: `interface` an index, the addresses packed."""

    interface: int
    address: bytes
    link_layer_address: bytes = b""
    protocol: int = 0


def _body(neighbour: Neighbour, state: int) -> bytes:
    family = AF_INET6 if len(neighbour.address) == 16 else AF_INET
    packed = NDMSG.pack(family, 0, neighbour.interface, state, 0, 0)
    packed += attribute(NeighbourAttribute.DESTINATION, neighbour.address)
    if neighbour.link_layer_address:
        packed += attribute(NeighbourAttribute.LINK_LAYER_ADDRESS, neighbour.link_layer_address)
    if neighbour.protocol:
        packed += u8(NeighbourAttribute.PROTOCOL, neighbour.protocol)
    return packed


def put_neighbour(neighbour: Neighbour) -> bytes:
    """Make the entry exist, permanent, whatever was there before."""
    return message(RTM_NEWNEIGH, PUT, _body(neighbour, PERMANENT))


def delete_neighbour(neighbour: Neighbour) -> bytes:
    return message(RTM_DELNEIGH, MessageFlag.REQUEST, _body(neighbour, 0))


def dump_neighbours() -> bytes:
    return message(
        RTM_GETNEIGH, MessageFlag.REQUEST | MessageFlag.DUMP, NDMSG.pack(0, 0, 0, 0, 0, 0)
    )


def parse_neighbour(body: bytes) -> Neighbour:
    """From the body of an RTM_NEWNEIGH message."""
    _, _, interface, _, _, _ = NDMSG.unpack_from(body)
    found = parse(body[NDMSG.size :])
    return Neighbour(
        interface,
        found.get(NeighbourAttribute.DESTINATION, b""),
        found.get(NeighbourAttribute.LINK_LAYER_ADDRESS, b""),
        integer(found.get(NeighbourAttribute.PROTOCOL, b"")),
    )
