"""Router Solicitations (RFC 4861 §4.1): a host says that it is new on a link, and who it is.

A raw ICMPv6 socket that the kernel filters to this one type: forwarded packets never pass it.
A router's interfaces are members of ff02::2 already.
"""

import asyncio
import socket
import struct
from collections.abc import Callable

ROUTER_SOLICITATION = 133
SOURCE_LINK_LAYER_ADDRESS = 1
ICMP6_FILTER = 1
ON_LINK_HOP_LIMIT = 255
"""RFC 4861 §6.1.1: anything less has been forwarded, so it is not from this link."""
OPTIONS_START = 8
PACKET_INFORMATION = struct.Struct("=16sI")

_ONLY_SOLICITATIONS = b"".join(
    struct.pack("=I", 0xFFFFFFFF & ~(1 << (ROUTER_SOLICITATION % 32) if block == 4 else 0))
    for block in range(8)
)


class Solicitations:
    """Reads solicitations in the running loop; `on_solicitation(interface index, link-layer
    address)` is called for each that tells who sent it."""

    def __init__(self, on_solicitation: Callable[[int, bytes], None]) -> None:
        self._on_solicitation = on_solicitation
        self._socket = socket.socket(
            socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_ICMPV6
        )
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, _ONLY_SOLICITATIONS)
        self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        try:
            data, ancillary, _, _ = self._socket.recvmsg(1500, 128)
        except BlockingIOError:
            return
        index = hop_limit = 0
        for _, kind, value in ancillary:
            if kind == socket.IPV6_PKTINFO:
                _, index = PACKET_INFORMATION.unpack(value)
            elif kind == socket.IPV6_HOPLIMIT:
                (hop_limit,) = struct.unpack("=i", value)
        address = solicitor(data)
        if address and index and hop_limit == ON_LINK_HOP_LIMIT:
            self._on_solicitation(index, address)


def solicitor(data: bytes) -> bytes:
    """The Source Link-Layer Address of a solicitation; empty when it is not valid or silent.

    RFC 4861 §6.1.1: type and code, at least 8 octets, no option of length 0.
    """
    if len(data) < OPTIONS_START or data[0] != ROUTER_SOLICITATION or data[1]:
        return b""
    offset, found = OPTIONS_START, b""
    while offset + 2 <= len(data):
        kind, length = data[offset], data[offset + 1] * 8
        if not length or offset + length > len(data):
            return b""
        if kind == SOURCE_LINK_LAYER_ADDRESS:
            # An Ethernet address fills the option exactly (RFC 2464 §6).
            found = data[offset + 2 : offset + length]
        offset += length
    return found
