"""Labels in the kernel's policy table for source addresses (RFC 6724 §2.1, linux/if_addrlabel.h).

Among addresses of one interface the kernel prefers the one whose label is the destination's
(rule 6 of §5), before it compares prefixes.
"""

import struct

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
from opendmm.forwarding.netlink.route import AF_INET6

RTM_NEWADDRLABEL = 72
RTM_DELADDRLABEL = 73
RTM_GETADDRLABEL = 74
IFADDRLBLMSG = struct.Struct("=BBBBII")
IFAL_ADDRESS = 1
IFAL_LABEL = 2
WHOLE = 128


class AddressLabel(msgspec.Struct, frozen=True):
    """The label of a prefix; `address` packed."""

    address: bytes
    label: int
    length: int = WHOLE


def _body(entry: AddressLabel) -> bytes:
    packed = IFADDRLBLMSG.pack(AF_INET6, 0, entry.length, 0, 0, 0)
    return packed + attribute(IFAL_ADDRESS, entry.address) + u32(IFAL_LABEL, entry.label)


def put_address_label(entry: AddressLabel) -> bytes:
    return message(RTM_NEWADDRLABEL, PUT, _body(entry))


def delete_address_label(entry: AddressLabel) -> bytes:
    return message(RTM_DELADDRLABEL, MessageFlag.REQUEST, _body(entry))


def dump_address_labels() -> bytes:
    body = IFADDRLBLMSG.pack(AF_INET6, 0, 0, 0, 0, 0)
    return message(RTM_GETADDRLABEL, MessageFlag.REQUEST | MessageFlag.DUMP, body)


def parse_address_label(body: bytes) -> AddressLabel:
    """From the body of an RTM_NEWADDRLABEL message."""
    length = IFADDRLBLMSG.unpack_from(body)[2]
    found = parse(body[IFADDRLBLMSG.size :])
    return AddressLabel(
        found.get(IFAL_ADDRESS, bytes(16)), integer(found.get(IFAL_LABEL, b"")), length
    )
