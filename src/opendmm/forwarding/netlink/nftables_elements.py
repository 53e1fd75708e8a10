"""Sets of nftables and their elements (linux/netfilter/nf_tables.h), without a parser in between.

A change of elements is a transaction: a batch of begin, change, end, carried out by the
kernel wholly or not at all. A prefix in an interval set is two elements: the first address,
and the first address after it marked as the end of the interval.
"""

import struct
from collections.abc import Iterable
from enum import IntEnum

import msgspec

from opendmm.forwarding.netlink.attributes import (
    MessageFlag,
    attribute,
    members,
    message,
    nested,
    parse,
    text,
)

SUBSYSTEM = 10  # NFNL_SUBSYS_NFTABLES
BATCH_BEGIN = 0x10
BATCH_END = 0x11
FAMILY_INET = 1
NFGENMSG = struct.Struct(">BBH")

GET_SET = SUBSYSTEM << 8 | 10
NEW_ELEMENT = SUBSYSTEM << 8 | 12
GET_ELEMENT = SUBSYSTEM << 8 | 13
DELETE_ELEMENT = SUBSYSTEM << 8 | 14
DESTROY_ELEMENT = SUBSYSTEM << 8 | 30


class SetAttribute(IntEnum):
    TABLE = 1
    NAME = 2


class ListAttribute(IntEnum):
    TABLE = 1
    SET = 2
    ELEMENTS = 3


class ElementAttribute(IntEnum):
    KEY = 1
    DATA = 2
    FLAGS = 3
    USER_DATA = 6
    EXPRESSION = 7


LIST_ELEMENT = 1
DATA_VALUE = 1
INTERVAL_END = 1
COMMENT = struct.Struct("=BB")
COMMENT_TYPE = 0
EXPRESSION_DATA = 2
COUNTER_OCTETS = 1
COUNTER_PACKETS = 2


class Interval(msgspec.Struct, frozen=True):
    """A prefix of a set and what its counter says."""

    network: bytes
    length: int
    packets: int
    octets: int


class Mapping(msgspec.Struct, frozen=True):
    """An element of a map, with its comment."""

    key: bytes
    value: bytes
    comment: str


def _batch_mark(kind: int) -> bytes:
    return message(kind, MessageFlag.REQUEST, NFGENMSG.pack(0, 0, SUBSYSTEM))


def _element(key: bytes, flags: int) -> bytes:
    packed = nested(ElementAttribute.KEY, attribute(DATA_VALUE, key))
    if flags:
        packed += attribute(ElementAttribute.FLAGS, struct.pack(">I", flags))
    return nested(LIST_ELEMENT, packed)


def _list(table: str, set_name: str, elements: bytes) -> bytes:
    return (
        NFGENMSG.pack(FAMILY_INET, 0, 0)
        + text(ListAttribute.TABLE, table)
        + text(ListAttribute.SET, set_name)
        + (nested(ListAttribute.ELEMENTS, elements) if elements else b"")
    )


def _prefix(network: bytes, length: int) -> bytes:
    bits = len(network) * 8
    after = int.from_bytes(network, "big") + (1 << (bits - length))
    packed = _element(network, 0)
    if after < 1 << bits:
        packed += _element(after.to_bytes(len(network), "big"), INTERVAL_END)
    return packed


def transaction(*changes: bytes) -> list[bytes]:
    """The messages that carry changes out at once; see `NetlinkSocket.transact`."""
    return [_batch_mark(BATCH_BEGIN), *changes, _batch_mark(BATCH_END)]


def add_prefix(table: str, set_name: str, network: bytes, length: int) -> bytes:
    """Puts a prefix into an interval set of an inet table."""
    flags = MessageFlag.REQUEST | MessageFlag.CREATE | MessageFlag.ACK
    body = _list(table, set_name, _prefix(network, length))
    return message(NEW_ELEMENT, flags, body)


def delete_prefix(table: str, set_name: str, network: bytes, length: int) -> bytes:
    """Takes a prefix out; ENOENT when it is not there."""
    flags = MessageFlag.REQUEST | MessageFlag.ACK
    body = _list(table, set_name, _prefix(network, length))
    return message(DELETE_ELEMENT, flags, body)


def add_element(table: str, set_name: str, key: bytes, *, answered: bool = True) -> bytes:
    """Puts an element into a set. `answered` as for `destroy_element`."""
    flags = MessageFlag.REQUEST | MessageFlag.CREATE | (MessageFlag.ACK if answered else 0)
    return message(NEW_ELEMENT, flags, _list(table, set_name, _element(key, 0)))


def delete_element(table: str, set_name: str, key: bytes) -> bytes:
    """Takes an element out of a set; ENOENT when it is not there."""
    flags = MessageFlag.REQUEST | MessageFlag.ACK
    return message(DELETE_ELEMENT, flags, _list(table, set_name, _element(key, 0)))


def parse_elements(bodies: Iterable[bytes]) -> list[bytes]:
    """The keys in the answers to `dump_elements`."""
    return [
        parse(parse(element)[ElementAttribute.KEY])[DATA_VALUE]
        for body in bodies
        for _, element in members(parse(body[NFGENMSG.size :]).get(ListAttribute.ELEMENTS, b""))
    ]


def add_mapping(table: str, map_name: str, mapping: Mapping) -> bytes:
    """Puts an element into a map; EEXIST when its key has another value."""
    comment = mapping.comment.encode() + b"\0"
    element = nested(
        LIST_ELEMENT,
        nested(ElementAttribute.KEY, attribute(DATA_VALUE, mapping.key)),
        nested(ElementAttribute.DATA, attribute(DATA_VALUE, mapping.value)),
        attribute(ElementAttribute.USER_DATA, COMMENT.pack(COMMENT_TYPE, len(comment)) + comment),
    )
    flags = MessageFlag.REQUEST | MessageFlag.CREATE | MessageFlag.ACK
    return message(NEW_ELEMENT, flags, _list(table, map_name, element))


def destroy_element(table: str, name: str, key: bytes, *, answered: bool = False) -> bytes:
    """Takes an element out of a set or map, if it is there (Linux 6.3).

    `answered` when no later change of the transaction asks for an answer.
    """
    flags = MessageFlag.REQUEST | (MessageFlag.ACK if answered else 0)
    return message(DESTROY_ELEMENT, flags, _list(table, name, _element(key, 0)))


def parse_mappings(bodies: Iterable[bytes]) -> list[Mapping]:
    """The elements of a map in the answers to `dump_elements`."""
    mappings = []
    for body in bodies:
        elements = parse(body[NFGENMSG.size :]).get(ListAttribute.ELEMENTS, b"")
        for _, element in members(elements):
            found = parse(element)
            comment = found.get(ElementAttribute.USER_DATA, b"")[COMMENT.size :]
            mappings.append(
                Mapping(
                    parse(found[ElementAttribute.KEY])[DATA_VALUE],
                    parse(found[ElementAttribute.DATA])[DATA_VALUE],
                    comment.rstrip(b"\0").decode(errors="replace"),
                )
            )
    return mappings


def dump_sets(table: str) -> bytes:
    """Ask for the sets and maps of an inet table."""
    body = NFGENMSG.pack(FAMILY_INET, 0, 0) + text(SetAttribute.TABLE, table)
    return message(GET_SET, MessageFlag.REQUEST | MessageFlag.DUMP, body)


def parse_set_name(body: bytes) -> str:
    """The name in an answer to `dump_sets`."""
    name = parse(body[NFGENMSG.size :]).get(SetAttribute.NAME, b"")
    return name.rstrip(b"\0").decode(errors="replace")


def dump_elements(table: str, set_name: str) -> bytes:
    return message(GET_ELEMENT, MessageFlag.REQUEST | MessageFlag.DUMP, _list(table, set_name, b""))


def parse_intervals(bodies: Iterable[bytes]) -> list[Interval]:
    """The prefixes in the answers to `dump_elements`."""
    starts: dict[bytes, tuple[int, int]] = {}
    ends: list[bytes] = []
    for body in bodies:
        elements = parse(body[NFGENMSG.size :]).get(ListAttribute.ELEMENTS, b"")
        for _, element in members(elements):
            found = parse(element)
            key = parse(found[ElementAttribute.KEY])[DATA_VALUE]
            if int.from_bytes(found.get(ElementAttribute.FLAGS, b""), "big") & INTERVAL_END:
                ends.append(key)
            else:
                starts[key] = _count(found.get(ElementAttribute.EXPRESSION, b""))
    return _pair(starts, sorted(ends))


def _count(expression: bytes) -> tuple[int, int]:
    counter = parse(parse(expression).get(EXPRESSION_DATA, b""))
    packets = int.from_bytes(counter.get(COUNTER_PACKETS, b""), "big")
    return packets, int.from_bytes(counter.get(COUNTER_OCTETS, b""), "big")


def _pair(starts: dict[bytes, tuple[int, int]], ends: list[bytes]) -> list[Interval]:
    """Intervals do not overlap, so the end of each is the least end beyond its start."""
    intervals = []
    remaining = iter(ends)
    for start in sorted(starts):
        bits = len(start) * 8
        first = int.from_bytes(start, "big")
        end = next((e for e in remaining if e > start), None)
        after = int.from_bytes(end, "big") if end is not None else 1 << bits
        length = bits - (after - first).bit_length() + 1
        intervals.append(Interval(start, length, *starts[start]))
    return intervals
