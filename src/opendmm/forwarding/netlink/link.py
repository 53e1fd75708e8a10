"""Links (linux/if_link.h): find one, make the few kinds that tunnels need."""

import struct
from enum import IntEnum

import msgspec

from opendmm.forwarding.netlink.attributes import (
    ADD,
    MessageFlag,
    attribute,
    message,
    nested,
    parse,
    text,
    u8,
    u32,
)
from opendmm.forwarding.netlink.route import AF_INET6

RTM_NEWLINK = 16
RTM_DELLINK = 17
RTM_GETLINK = 18
RTM_SETLINK = 19

IFINFOMSG = struct.Struct("=BxHiII")
UP = 0x1
ETHERNET = 1
"""ARPHRD_ETHER."""


class LinkAttribute(IntEnum):
    LINK_LAYER_ADDRESS = 1
    NAME = 3
    MTU = 4
    INFO = 18
    PER_FAMILY = 26


INFO_KIND = 1
INFO_DATA = 2
INET6_ADDRESS_GENERATION = 8
NO_ADDRESSES = 1


class VxlanAttribute(IntEnum):
    LEARNING = 7
    PORT = 15
    ZERO_CHECKSUM_TRANSMIT = 19
    ZERO_CHECKSUM_RECEIVE = 20
    METADATA = 25
    GENERIC_PROTOCOL = 27


class Link(msgspec.Struct, frozen=True):
    index: int
    name: str
    up: bool
    ethernet: bool = False


def add_link(name: str, kind: str, mtu: int, data: bytes = b"") -> bytes:
    """Create a device, down; EEXIST when the name is taken."""
    body = IFINFOMSG.pack(0, 0, 0, 0, 0)
    body += text(LinkAttribute.NAME, name) + u32(LinkAttribute.MTU, mtu)
    body += nested(LinkAttribute.INFO, text(INFO_KIND, kind), nested(INFO_DATA, data))
    return message(RTM_NEWLINK, ADD, body)


def no_addresses(name: str) -> bytes:
    """Keep the kernel from giving a device addresses of its own; before it is up."""
    mode = u8(INET6_ADDRESS_GENERATION, NO_ADDRESSES)
    body = IFINFOMSG.pack(0, 0, 0, 0, 0) + text(LinkAttribute.NAME, name)
    body += nested(LinkAttribute.PER_FAMILY, nested(AF_INET6, mode))
    return message(RTM_SETLINK, MessageFlag.REQUEST, body)


def set_up(name: str) -> bytes:
    body = IFINFOMSG.pack(0, 0, 0, UP, UP) + text(LinkAttribute.NAME, name)
    return message(RTM_SETLINK, MessageFlag.REQUEST, body)


def set_mtu(name: str, mtu: int) -> bytes:
    body = IFINFOMSG.pack(0, 0, 0, 0, 0) + text(LinkAttribute.NAME, name)
    return message(RTM_SETLINK, MessageFlag.REQUEST, body + u32(LinkAttribute.MTU, mtu))


def vxlan_data(port: int) -> bytes:
    """A VXLAN-GPE device (no Ethernet inside) whose tunnels are named by the routes to it."""
    return (
        u8(VxlanAttribute.LEARNING, 0)
        + attribute(VxlanAttribute.PORT, struct.pack(">H", port))
        + u8(VxlanAttribute.ZERO_CHECKSUM_TRANSMIT, 1)
        + u8(VxlanAttribute.ZERO_CHECKSUM_RECEIVE, 1)
        + u8(VxlanAttribute.METADATA, 1)
        + attribute(VxlanAttribute.GENERIC_PROTOCOL, b"")
    )


def delete_link(name: str) -> bytes:
    body = IFINFOMSG.pack(0, 0, 0, 0, 0) + text(LinkAttribute.NAME, name)
    return message(RTM_DELLINK, MessageFlag.REQUEST, body)


def find_link(name: str) -> bytes:
    """Ask for one link by name; ENODEV when there is none."""
    body = IFINFOMSG.pack(0, 0, 0, 0, 0) + text(LinkAttribute.NAME, name)
    return message(RTM_GETLINK, MessageFlag.REQUEST, body)


def dump_links() -> bytes:
    return message(
        RTM_GETLINK, MessageFlag.REQUEST | MessageFlag.DUMP, IFINFOMSG.pack(0, 0, 0, 0, 0)
    )


def parse_link(body: bytes) -> Link:
    """From the body of an RTM_NEWLINK message."""
    _, kind, index, flags, _ = IFINFOMSG.unpack_from(body)
    name = parse(body[IFINFOMSG.size :]).get(LinkAttribute.NAME, b"")
    text = name.rstrip(b"\0").decode(errors="replace")
    return Link(index, text, bool(flags & UP), kind == ETHERNET)


def parse_link_layer_address(body: bytes) -> bytes:
    """The device's own, from the body of an RTM_NEWLINK message; empty when it has none."""
    return parse(body[IFINFOMSG.size :]).get(LinkAttribute.LINK_LAYER_ADDRESS, b"")
