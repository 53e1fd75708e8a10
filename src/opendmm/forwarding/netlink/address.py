"""IPv6 addresses of interfaces (linux/if_addr.h)."""

import struct

import msgspec

from opendmm.forwarding.netlink.attributes import (
    PUT,
    MessageFlag,
    attribute,
    integer,
    message,
    parse,
)
from opendmm.forwarding.netlink.route import AF_INET6

RTM_NEWADDR = 20
RTM_DELADDR = 21
RTM_GETADDR = 22

IFADDRMSG = struct.Struct("=BBBBI")
IFA_ADDRESS = 1
IFA_LOCAL = 2
IFA_FLAGS = 8
NODAD = 0x02
DAD_FAILED = 0x08
DEPRECATED = 0x20
TENTATIVE = 0x40
GLOBAL = 0
"""RT_SCOPE_UNIVERSE, as the scope of an address."""


class Address(msgspec.Struct, frozen=True):
    """An address of an interface, by the interface's index; `address` packed."""

    interface: int
    address: bytes
    scope: int = GLOBAL
    flags: int = 0


def put_address(interface: int, address: bytes, length: int) -> bytes:
    """Make the interface have the address at once, without duplicate address detection."""
    body = IFADDRMSG.pack(AF_INET6, length, NODAD, GLOBAL, interface)
    body += attribute(IFA_LOCAL, address) + attribute(IFA_ADDRESS, address)
    return message(RTM_NEWADDR, PUT, body)


def delete_address(interface: int, address: bytes, length: int) -> bytes:
    body = IFADDRMSG.pack(AF_INET6, length, 0, GLOBAL, interface)
    return message(RTM_DELADDR, MessageFlag.REQUEST, body + attribute(IFA_LOCAL, address))


def dump_addresses() -> bytes:
    body = IFADDRMSG.pack(AF_INET6, 0, 0, 0, 0)
    return message(RTM_GETADDR, MessageFlag.REQUEST | MessageFlag.DUMP, body)


def parse_address(body: bytes) -> Address | None:
    """From the body of an RTM_NEWADDR or RTM_DELADDR message; None when it is no IPv6 address."""
    if len(body) < IFADDRMSG.size:
        return None
    family, _, flags, scope, index = IFADDRMSG.unpack_from(body)
    found = parse(body[IFADDRMSG.size :])
    address = found.get(IFA_ADDRESS, b"")
    if family != AF_INET6 or not address:
        return None
    return Address(index, address, scope, flags | integer(found.get(IFA_FLAGS, b"")))
