"""With whom a mobile node communicates (RFC 6275 §11.7.2), by whatever way.

nftables logs a packet for each pair of home address and correspondent now and then, so what does
not need to be looked at costs nothing.
"""

from collections.abc import Iterable
from ipaddress import IPv6Address

from opendmm.bindings.mipv6.wire_form import DESTINATION, FIXED, SOURCE
from opendmm.forwarding.kernel.libnftables import Nftables
from opendmm.forwarding.netlink.packet_log import PacketLog
from opendmm.wire.mobility.numbers import MOBILITY_HEADER

TABLE = "opendmm-mip6-conversations"
GROUP = 7304
QUIET = "200ms"
"""A pair that was told of is not told again for this long."""
REMEMBERED = 4096
"""Pairs at a time."""
NO_CORRESPONDENTS = "{ fe80::/10, ff00::/8 }"

Pair = tuple[IPv6Address, IPv6Address]
"""A home address and a correspondent."""


class Conversations:
    """Of these home addresses, at least one. Raises OSError and NftablesError."""

    def __init__(self, home_addresses: Iterable[IPv6Address]) -> None:
        self._home_addresses = frozenset(home_addresses)
        self._log = PacketLog(GROUP, copied=FIXED)
        self._nftables = Nftables()
        try:
            self._nftables.run(ruleset(self._home_addresses))
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        return self._log.fileno()

    def read(self) -> list[Pair]:
        """Some pairs; empty when there are none."""
        return [self._pair(packet) for _, packet in self._log.read() if len(packet) >= FIXED]

    def close(self) -> None:
        self._nftables.close()
        self._log.close()

    def _pair(self, packet: bytes) -> Pair:
        source, destination = IPv6Address(packet[SOURCE]), IPv6Address(packet[DESTINATION])
        if source in self._home_addresses:
            return source, destination
        return destination, source


def ruleset(home_addresses: Iterable[IPv6Address]) -> str:
    """Commands, one transaction; the table ends with its process."""
    name = f"inet {TABLE}"
    homes = f"{{ {', '.join(map(str, sorted(home_addresses)))} }}"
    lines = [
        f"add table {name} {{ flags owner; }}",
        f"add set {name} told {{ type ipv6_addr . ipv6_addr; flags dynamic,timeout; "
        f"timeout {QUIET}; size {REMEMBERED}; }}",
    ]
    for hook, home, other in (("output", "saddr", "daddr"), ("input", "daddr", "saddr")):
        pair = f"ip6 {home} . ip6 {other}"
        lines.append(f"add chain {name} {hook} {{ type filter hook {hook} priority filter; }}")
        lines.append(
            f"add rule {name} {hook} ip6 {home} {homes} ip6 {other} != {NO_CORRESPONDENTS} "
            f"ip6 {other} != {homes} meta l4proto != {MOBILITY_HEADER} {pair} != @told "
            f"add @told {{ {pair} }} log group {GROUP} queue-threshold 1"
        )
    return "\n".join(lines) + "\n"
