"""Encapsulations that a route or next hop carries (linux/lwtunnel.h, seg6*.h).

Three of the kernel's kinds: seg6 puts a packet into an outer IPv6 header (RFC 8986 §5
H.Encaps and its reduced form), seg6local is what a segment does at its node (RFC 8986 §4),
ip6 hands tunnel metadata to a device that encapsulates by it (VXLAN).
"""

import struct
from enum import IntEnum

import msgspec

from opendmm.forwarding.netlink.attributes import attribute, nested, parse, u8, u32


class EncapsulationType(IntEnum):
    """RTA_ENCAP_TYPE, NHA_ENCAP_TYPE (linux/lwtunnel.h)."""

    IP6 = 4
    SEG6 = 5
    SEG6_LOCAL = 7


class Encapsulation(msgspec.Struct, frozen=True):
    """What a route does to a packet beside sending it on; `body` in attributes."""

    kind: EncapsulationType
    body: bytes


SEG6_IPTUNNEL_SRH = 1
SEG6_IPTUN_MODE_ENCAP_RED = 3
SRH = struct.Struct("=BBBBBBH")
ROUTING_TYPE_SEGMENT = 4  # RFC 8754 §2


def h_encaps_red(segment: bytes) -> Encapsulation:
    """RFC 8986 §5.2 H.Encaps.Red with one segment: no routing header goes on the wire.

    The packet is plain IPv6-in-IPv6 (or IPv4-in-IPv6) of RFC 2473. `segment` is packed.
    """
    header = SRH.pack(0, len(segment) // 8, ROUTING_TYPE_SEGMENT, 0, 0, 0, 0)
    mode = struct.pack("=i", SEG6_IPTUN_MODE_ENCAP_RED)
    return Encapsulation(
        EncapsulationType.SEG6, attribute(SEG6_IPTUNNEL_SRH, mode + header + segment)
    )


def final_segment(encapsulation: Encapsulation) -> bytes:
    """The packed destination of the outer header of a seg6 encapsulation; empty when unclear."""
    srh = parse(encapsulation.body).get(SEG6_IPTUNNEL_SRH, b"")
    start = 4 + SRH.size
    return srh[start : start + 16]


class SegmentBehaviour(IntEnum):
    """SEG6_LOCAL_ACTION (linux/seg6_local.h); names of RFC 8986 §4."""

    END_DX4 = 6
    END_DT6 = 7


SEG6_LOCAL_ACTION = 1
SEG6_LOCAL_TABLE = 3
SEG6_LOCAL_NH4 = 4


def end_dt6(table: int) -> Encapsulation:
    """Take the outer header off and look the IPv6 packet up in a routing table."""
    return Encapsulation(
        EncapsulationType.SEG6_LOCAL,
        u32(SEG6_LOCAL_ACTION, SegmentBehaviour.END_DT6) + u32(SEG6_LOCAL_TABLE, table),
    )


def end_dx4() -> Encapsulation:
    """Take the outer header off and route the IPv4 packet by its own destination.

    End.DX4 with the next hop 0.0.0.0; End.DT4 would need a VRF device.
    """
    return Encapsulation(
        EncapsulationType.SEG6_LOCAL,
        u32(SEG6_LOCAL_ACTION, SegmentBehaviour.END_DX4) + attribute(SEG6_LOCAL_NH4, bytes(4)),
    )


LWTUNNEL_IP6_ID = 1
LWTUNNEL_IP6_DST = 2
LWTUNNEL_IP6_SRC = 3
LWTUNNEL_IP6_HOPLIMIT = 4
HOP_LIMIT = 64


def tunnel_metadata(identifier: int, source: bytes, destination: bytes) -> Encapsulation:
    """Outer header for a metadata device; the identifier is the VXLAN network identifier."""
    return Encapsulation(
        EncapsulationType.IP6,
        attribute(LWTUNNEL_IP6_ID, struct.pack(">Q", identifier))
        + attribute(LWTUNNEL_IP6_DST, destination)
        + attribute(LWTUNNEL_IP6_SRC, source)
        + u8(LWTUNNEL_IP6_HOPLIMIT, HOP_LIMIT),
    )


def metadata_destination(encapsulation: Encapsulation) -> bytes:
    """The packed destination of tunnel metadata; empty when unclear."""
    return parse(encapsulation.body).get(LWTUNNEL_IP6_DST, b"")


def attributes_of(encapsulation: Encapsulation, type_attribute: int, attribute_kind: int) -> bytes:
    """The pair of attributes that a route (21, 22) or a next hop (7, 8) carries it in."""
    kind = struct.pack("=H", encapsulation.kind)
    return attribute(type_attribute, kind) + nested(attribute_kind, encapsulation.body)
