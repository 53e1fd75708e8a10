"""The two shapes all netlink speech is made of: the message header and the attribute.

linux/netlink.h: every message starts with length, type, flags, sequence number, port; an
attribute is length, type, value, padded to four octets. Integers are in host order.
"""

import struct
from enum import IntFlag

HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
NESTED = 0x8000
TYPE_MASK = 0x3FFF


class MessageFlag(IntFlag):
    """nlmsg_flags (linux/netlink.h)."""

    REQUEST = 0x1
    ACK = 0x4
    REPLACE = 0x100
    EXCLUSIVE = 0x200
    CREATE = 0x400
    DUMP = 0x300  # ROOT | MATCH, on a get request


PUT = MessageFlag.REQUEST | MessageFlag.CREATE | MessageFlag.REPLACE
ADD = MessageFlag.REQUEST | MessageFlag.CREATE | MessageFlag.EXCLUSIVE


def message(kind: int, flags: int, body: bytes) -> bytes:
    """A whole message; its sequence number is filled in by the socket that sends it."""
    return HEADER.pack(HEADER.size + len(body), kind, flags, 0, 0) + body


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded."""
    length = ATTRIBUTE.size + len(value)
    return ATTRIBUTE.pack(length, kind) + value + b"\0" * (-length % 4)


def nested(kind: int, *members: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | NESTED, b"".join(members))


def u8(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=B", value))


def u32(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def text(kind: int, value: str) -> bytes:
    """A zero-terminated string."""
    return attribute(kind, value.encode() + b"\0")


def parse(data: bytes) -> dict[int, bytes]:
    """Attributes by type, flags stripped; the last of a repeated type. Stops at damage."""
    return dict(members(data))


def members(data: bytes) -> list[tuple[int, bytes]]:
    """Attributes in order, for lists that repeat a type. Stops at damage."""
    found = []
    offset, end = 0, len(data)
    while offset + ATTRIBUTE.size <= end:
        length, kind = ATTRIBUTE.unpack_from(data, offset)
        if length < ATTRIBUTE.size or offset + length > end:
            break
        found.append((kind & TYPE_MASK, data[offset + ATTRIBUTE.size : offset + length]))
        offset += (length + 3) & ~3
    return found


def integer(value: bytes) -> int:
    """A host-order unsigned integer of any width."""
    return int.from_bytes(value, "little" if struct.pack("=H", 1)[0] else "big")
