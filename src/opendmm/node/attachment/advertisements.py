"""Router Advertisements to mobile nodes: which prefixes they may use on an access link.

A mobile node is a plain host: it makes an address out of each prefix it is told (RFC 4862)
and opens new sessions from a preferred one. A prefix of an earlier anchor is told with a
preferred lifetime of zero: deprecated, but good for the sessions that have it (RFC 8885 §3).

Each mobile node has prefixes of its own, so an advertisement is addressed to all nodes in
IPv6 and to this one on the link (RFC 6085). Nobody acknowledges it: it is said a few times.
"""

import asyncio
import ipaddress
import socket
import struct
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from opendmm.entities.effects import Advertise
from opendmm.model.addressing import HomePrefix
from opendmm.node.attachment.solicitations import ON_LINK_HOP_LIMIT
from opendmm.node.logs import warn

ROUTER_ADVERTISEMENT = 134
PREFIX_INFORMATION = 3
AUTONOMOUS = 0x40
"""The host may make an address of the prefix; nobody else on the link has it, so it is not
on-link (RFC 5213 §6.9.3: the link model is point to point)."""
ROUTER_LIFETIME = 1800
"""Seconds; AdvDefaultLifetime of RFC 4861 §6.2.1."""
LINK_HOP_LIMIT = 64
"""What hosts are told to send with."""

ALL_NODES = ipaddress.IPv6Address("ff02::1")
ALL_NODES_LINK_LAYER = bytes.fromhex("333300000001")
LINK_LOCAL = ipaddress.IPv6Network("fe80::/10")
ETHERTYPE_IPV6 = 0x86DD
INTERFACE_ADDRESSES = Path("/proc/thread-self/net/if_inet6")

REPEATED = (0.0, 0.05, 0.2)
"""Seconds after which an advertisement is sent, each time; RFC 6275 §7.5 allows 30 ms."""

_HEADER = struct.Struct(">BBHBBHII")
_PREFIX = struct.Struct(">BBBBIII16s")
_IPV6 = struct.Struct(">IHBB16s16s")
_PSEUDO_HEADER = struct.Struct(">16s16sI3xB")


class Advertisements:
    """Sends them in the running loop, out of the network namespace it is made in.

    `lifetime` is that of a binding, in seconds: a prefix is valid as long, and advertised
    again whenever its binding is refreshed. Raises PermissionError without CAP_NET_RAW.
    """

    def __init__(self, lifetime: float) -> None:
        self._lifetime = round(lifetime)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)
        self._pending: dict[str, list[asyncio.TimerHandle]] = {}

    def close(self) -> None:
        for interface in list(self._pending):
            self._forget(interface)
        self._socket.close()

    def send(self, advertise: Advertise) -> None:
        """Now and a few times more, unless something newer is to be said on that link."""
        self._forget(advertise.interface)
        told = [
            *((p, self._lifetime) for p in advertise.preferred if p.is_autonomous),
            *((p, 0) for p in advertise.deprecated if p.is_autonomous),
        ]
        if not told:
            return
        content = router_advertisement(told, self._lifetime)
        once = partial(self._send_once, advertise.interface, advertise.link_layer_id, content)
        loop = asyncio.get_running_loop()
        self._pending[advertise.interface] = [loop.call_later(after, once) for after in REPEATED]

    def _forget(self, interface: str) -> None:
        for handle in self._pending.pop(interface, ()):
            handle.cancel()

    def _send_once(self, interface: str, link_layer_id: bytes, content: bytes) -> None:
        try:
            source = link_local_address(interface, INTERFACE_ADDRESSES.read_text())
            place = (interface, ETHERTYPE_IPV6, 0, 0, link_layer_id or ALL_NODES_LINK_LAYER)
            self._socket.sendto(packet(source, content), place)
        except (OSError, LookupError) as problem:
            # The link may be gone already; what is said of the next one counts.
            warn("not-advertised", interface=interface, why=str(problem))
            self._forget(interface)


def router_advertisement(told: Iterable[tuple[HomePrefix, int]], valid: int) -> bytes:
    """The ICMPv6 message (RFC 4861 §4.2, §4.6.2), its checksum zero.

    `told` are prefixes, each with its preferred lifetime in seconds.
    """
    header = _HEADER.pack(ROUTER_ADVERTISEMENT, 0, 0, LINK_HOP_LIMIT, 0, ROUTER_LIFETIME, 0, 0)
    return header + b"".join(
        _PREFIX.pack(
            PREFIX_INFORMATION,
            _PREFIX.size // 8,
            prefix.length,
            AUTONOMOUS,
            valid,
            preferred,
            0,
            prefix.network,
        )
        for prefix, preferred in told
    )


def packet(source: ipaddress.IPv6Address, content: bytes) -> bytes:
    """An ICMPv6 message to all nodes on the link, as an IPv6 packet, its checksum filled in."""
    checksum = _checksum(source, content)
    content = content[:2] + checksum.to_bytes(2, "big") + content[4:]
    version = 6 << 28
    header = _IPV6.pack(
        version,
        len(content),
        socket.IPPROTO_ICMPV6,
        ON_LINK_HOP_LIMIT,
        source.packed,
        ALL_NODES.packed,
    )
    return header + content


def _checksum(source: ipaddress.IPv6Address, content: bytes) -> int:
    """RFC 8200 §8.1, over a message whose own checksum field is zero."""
    covered = (
        _PSEUDO_HEADER.pack(source.packed, ALL_NODES.packed, len(content), socket.IPPROTO_ICMPV6)
        + content
    )
    total: int = sum(struct.unpack(f">{len(covered) // 2}H", covered))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def link_local_address(interface: str, listing: str) -> ipaddress.IPv6Address:
    """An interface's lowest link-local address (each anchor has the same, RFC 6543 §3) in a
    listing like /proc/net/if_inet6. Raises LookupError: from no other may it be advertised."""
    found = []
    for line in listing.splitlines():
        digits, *_, name = line.split()
        address = ipaddress.IPv6Address(bytes.fromhex(digits))
        if name == interface and address in LINK_LOCAL:
            found.append(address)
    if not found:
        raise LookupError(f"{interface} has no link-local address")
    return min(found)
