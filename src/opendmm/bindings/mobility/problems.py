"""What is owed for a Mobility Header that must not be processed (RFC 6275 §9.2).

Whoever sent it has proved nothing, so the caller says how often anything is answered at all.
"""

import socket
import struct
from ipaddress import IPv6Address

import msgspec

from opendmm.wire.mobility.numbers import MOBILITY_HEADER

PARAMETER_PROBLEM, ERRONEOUS_HEADER_FIELD = 4, 0
"""ICMPv6 type and code (RFC 4443 §3.4)."""
LEAST_MTU = 1280
FIXED = struct.Struct(">IHBB16s16s")
ICMPV6 = struct.Struct(">BBHI")
IN6_PKTINFO = struct.Struct("@16sI")
VERSION_6 = 6 << 28
HOP_LIMIT = 64


class ParameterProblem(msgspec.Struct, frozen=True, kw_only=True):
    """An ICMPv6 error, from `source` to whoever sent the packet `invoking`, of which the octet at
    `pointer` is wrong."""

    source: IPv6Address
    to: IPv6Address
    pointer: int
    invoking: bytes

    @classmethod
    def in_header(
        cls, data: bytes, offset: int, source: IPv6Address, destination: IPv6Address
    ) -> "ParameterProblem":
        """Of a Mobility Header that came without extension headers, at an octet of it. What hop
        limit was left is not known."""
        fixed = FIXED.pack(
            VERSION_6, len(data), MOBILITY_HEADER, HOP_LIMIT, source.packed, destination.packed
        )
        return cls(
            source=destination, to=source, pointer=len(fixed) + offset, invoking=fixed + data
        )

    def encoded(self) -> bytes:
        """With as much of the packet as fits (RFC 4443 §2.4); the kernel sums it up."""
        room = LEAST_MTU - FIXED.size - ICMPV6.size
        head = ICMPV6.pack(PARAMETER_PROBLEM, ERRONEOUS_HEADER_FIELD, 0, self.pointer)
        return head + self.invoking[:room]


def send(problem: ParameterProblem) -> None:
    """Raises OSError (CAP_NET_RAW is needed)."""
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_INET6, kind, socket.IPPROTO_ICMPV6) as opened:
        by = IN6_PKTINFO.pack(problem.source.packed, 0)
        ancillary = [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, by)]
        opened.sendmsg([problem.encoded()], ancillary, 0, (str(problem.to), 0))
