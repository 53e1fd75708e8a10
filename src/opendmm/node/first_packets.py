"""Pull mode: the kernel tells of the first packet to a home prefix (draft §3, R_IC on request).

nftables logs one packet per destination and second to a netlink group and forwards it as ever;
so nothing is held up, and a scan of a whole prefix costs a bounded set, not a flood. Whether
a policy covers the destination is FE_I's to know.
"""

import asyncio
from collections.abc import Callable, Iterable

from opendmm.forwarding.kernel.libnftables import Nftables
from opendmm.forwarding.netlink.packet_log import PacketLog
from opendmm.model.addressing import HomePrefix

TABLE = "inet opendmm-first-packets"
GROUP = 7301
QUIET = "1s"
"""A destination that was told of is not told again for this long."""
REMEMBERED = 65536
"""Destinations at a time; while so many are being asked for, further ones wait."""

IP_HEADERS = 40
"""Octets of each packet that are copied: an IPv6 header."""


class FirstPackets:
    """Reads in the running loop; `on_destination` gets the packed destination address.

    Raises OSError when the kernel cannot do it, NftablesError when its rules are refused.
    """

    def __init__(
        self, prefixes: Iterable[HomePrefix], on_destination: Callable[[bytes], None]
    ) -> None:
        self._on_destination = on_destination
        self._log = PacketLog(GROUP, IP_HEADERS)
        try:
            _load(ruleset(prefixes))
        except BaseException:
            self._log.close()
            raise
        asyncio.get_running_loop().add_reader(self._log, self._read)

    def close(self, *, remove: bool) -> None:
        """Stop reading; with `remove` take the rules away."""
        asyncio.get_running_loop().remove_reader(self._log)
        self._log.close()
        if remove:
            _load(f"add table {TABLE}\ndelete table {TABLE}\n")

    def _read(self) -> None:
        while packets := self._log.read():
            for _, packet in packets:
                destination = destination_of(packet)
                if destination:
                    self._on_destination(destination)


def ruleset(prefixes: Iterable[HomePrefix]) -> str:
    """Commands, one transaction, that log first packets to these prefixes."""
    lines = [f"add table {TABLE}", f"delete table {TABLE}", f"add table {TABLE}"]
    lines.append(f"add chain {TABLE} tell")
    # What passes through, and what the node itself sends.
    for hook in ("prerouting", "output"):
        lines.append(f"add chain {TABLE} {hook} {{ type filter hook {hook} priority raw; }}")
        lines.append(f"add rule {TABLE} {hook} jump tell")
    wanted = tuple(prefixes)
    for family, kind, ipv6 in (("ip6", "ipv6_addr", True), ("ip", "ipv4_addr", False)):
        mine = ", ".join(sorted(str(p) for p in _outermost(wanted) if p.is_ipv6 is ipv6))
        if not mine:
            continue
        told = f"told_{family}"
        lines.append(
            f"add set {TABLE} {told} {{ type {kind}; flags dynamic,timeout; "
            f"timeout {QUIET}; size {REMEMBERED}; }}"
        )
        lines.append(
            f"add rule {TABLE} tell {family} daddr {{ {mine} }} {family} daddr != @{told} "
            f"add @{told} {{ {family} daddr }} log group {GROUP} queue-threshold 1"
        )
    return "\n".join(lines) + "\n"


def destination_of(packet: bytes) -> bytes:
    """The packed destination of an IP packet's first octets; empty when it is none."""
    version = packet[0] >> 4 if packet else 0
    if version == 6 and len(packet) >= 40:
        return packet[24:40]
    if version == 4 and len(packet) >= 20:
        return packet[16:20]
    return b""


def _outermost(prefixes: tuple[HomePrefix, ...]) -> set[HomePrefix]:
    """nftables refuses a set with a prefix and a part of it."""
    return {p for p in prefixes if not any(q.covers(p) and q != p for q in prefixes)}


def _load(commands: str) -> None:
    nftables = Nftables()
    try:
        nftables.run(commands)
    finally:
        nftables.close()
