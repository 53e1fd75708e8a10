"""The nftables rules of a node that do not depend on a mobile node.

What arrives from access links is marked (so that uplink tunnels catch nothing else), kept
from injecting into tunnel ends, and filtered by source where asked (BCP 38). Where tunnels
leave less room than access links have, TCP sessions are held to what fits (the kernel reports
a packet that is too big to the tunnel's beginning, not to its sender).
"""

from collections.abc import Iterable

from opendmm.forwarding.kernel import guests
from opendmm.forwarding.kernel.config import NodeForwardingConfig
from opendmm.forwarding.kernel.conventions import (
    ACCESS_MARK,
    NFT_TABLE,
    PERMITTED_SETS,
)
from opendmm.forwarding.kernel.endpoints import BLOCK
from opendmm.forwarding.kernel.recognition import recognition, sets_of
from opendmm.model.addressing import HomePrefix

TABLE = f"inet {NFT_TABLE}"
TCP_OVER_IPV6 = 60
TCP_OVER_IPV4 = 40


def base_ruleset(
    config: NodeForwardingConfig,
    *,
    overhead: int,
    maps: Iterable[str] = (),
    arrivals: Iterable[str] = (),
    guard: Iterable[str] = (),
    guard_inside: Iterable[str] = (),
    arrived: str = "",
    known_sets: Iterable[str] = (),
) -> str:
    """Commands, one transaction, that bring the table to its base state.

    Sets and maps keep their elements. `maps` are those of the means and `arrivals` its rules
    for what comes in; `guard` are matches of packets that nobody on an access link may send,
    `guard_inside` of those that no guest may send inside its tunnel;
    `arrived` matches what a tunnel end here took in, empty where there are none; `known_sets`
    are the sets of flows that an earlier life has left, of which those that are still of use stay.
    """
    lines = [
        f"add table {TABLE}",
        f"add set {TABLE} {PERMITTED_SETS[16]} {{ type ipv6_addr; flags interval; counter; }}",
        f"add set {TABLE} {PERMITTED_SETS[4]} {{ type ipv4_addr; flags interval; counter; }}",
        *(f"add map {TABLE} {name} {{ type ipv6_addr : ipv6_addr; }}" for name in maps),
        f"add chain {TABLE} access",
        f"add chain {TABLE} arrivals {{ type filter hook prerouting priority raw; }}",
        f"add chain {TABLE} clamp {{ type filter hook forward priority mangle; }}",
        *(f"flush chain {TABLE} {chain}" for chain in ("access", "arrivals", "clamp")),
    ]
    flows = config.flows if arrived else ()
    stale = sorted(set(known_sets) - set(sets_of(flows)))
    if flows or stale:
        lines.extend(recognition(flows, arrived))
        lines.extend(f"delete set {TABLE} {name}" for name in stale)
    if config.guests:
        lines.extend(guests.sets())
        lines.extend(
            f"add rule {TABLE} arrivals {rule}" for rule in guests.arrivals(config, guard_inside)
        )
    for interfaces in _interface_matches(config.access_interfaces):
        lines.append(f"add rule {TABLE} arrivals iifname {interfaces} jump access")
    lines.extend(f"add rule {TABLE} arrivals {rule}" for rule in arrivals)
    lines.extend(f"add rule {TABLE} access {match} counter drop" for match in guard)
    lines.append(f"add rule {TABLE} access mark set {ACCESS_MARK:#x}")
    if config.source_filter:
        pools = (*config.pools, *([block(config)] if config.guests else []))
        lines.extend(f"add rule {TABLE} access {rule}" for rule in _source_filter(pools))
    room = config.mobile_node_mtu(overhead)
    if room < config.access_mtu:
        lines.extend(f"add rule {TABLE} clamp {r}" for r in _clamp(config.access_interfaces, room))
    return "\n".join(lines) + "\n"


def block(config: NodeForwardingConfig) -> HomePrefix:
    """The /64 of the node's locator: care-of addresses on its own access links are out of it."""
    return HomePrefix(config.locator.address[:BLOCK] + bytes(BLOCK), BLOCK * 8)


def remove_ruleset() -> str:
    """Commands that take the table away, whether or not it is there."""
    return f"add table {TABLE}\ndelete table {TABLE}\n"


def _interface_matches(interfaces: tuple[str, ...]) -> list[str]:
    named = [f'"{name}"' for name in interfaces if not name.endswith("*")]
    patterns = [f'"{name}"' for name in interfaces if name.endswith("*")]
    return ([f"{{ {', '.join(named)} }}"] if named else []) + patterns


def _source_filter(pools: tuple[HomePrefix, ...]) -> list[str]:
    """Unspecified and link-local sources are for neighbour discovery, MLD and DHCP."""
    rules = [
        "ip6 saddr { ::, fe80::/10 } return",
        "ip saddr 0.0.0.0 return",
        "ip saddr 169.254.0.0/16 ip daddr 169.254.0.0/16 return",
    ]
    for family, ipv6 in (("ip6", True), ("ip", False)):
        mine = [str(pool) for pool in pools if pool.is_ipv6 is ipv6]
        rules.extend(f"{family} saddr {pool} return" for pool in mine)
    rules.append(f"ip6 saddr @{PERMITTED_SETS[16]} return")
    rules.append(f"ip saddr @{PERMITTED_SETS[4]} return")
    rules.append("counter drop")
    return rules


def _clamp(interfaces: tuple[str, ...], room: int) -> list[str]:
    rules = []
    for match in _interface_matches(interfaces):
        for side in ("iifname", "oifname"):
            for family, headers in (("ipv6", TCP_OVER_IPV6), ("ipv4", TCP_OVER_IPV4)):
                size = room - headers
                rules.append(
                    f"{side} {match} meta nfproto {family} tcp flags syn "
                    f"tcp option maxseg size > {size} tcp option maxseg size set {size}"
                )
    return rules
