"""A mobile node's end of tunnels from home agents (RFC 6275 §11.3.1).

What a home agent sends in a tunnel to any care-of address that the node has is taken out and
delivered locally; so during a move both addresses do. End.DT6 would take whatever comes to an
address, so packets that are to be taken out are rewritten to be for one that is nobody's. What
others send in tunnels is dropped and counted, and so is what comes for that one as it is.
"""

import ipaddress
from collections.abc import Iterable

from opendmm.forwarding.kernel.conventions import (
    METRIC,
    NFT_TABLE,
    PROTOCOL,
    TUNNEL_DEVICE,
)
from opendmm.forwarding.kernel.errors import ForwardingUnavailableError
from opendmm.forwarding.kernel.libnftables import Nftables, NftablesError
from opendmm.forwarding.kernel.links import Links
from opendmm.forwarding.kernel.means.seg6 import DEVICE_KINDS
from opendmm.forwarding.netlink.lightweight_tunnel import end_dt6
from opendmm.forwarding.netlink.link import delete_link
from opendmm.forwarding.netlink.route import TABLE_LOCAL, TABLE_MAIN, RouteForm, put_route
from opendmm.forwarding.netlink.socket import NetlinkSocket
from opendmm.node.mobile_node_forwarding import labels

END = ipaddress.IPv6Address("100::6").packed
"""In the prefix that is discarded everywhere (RFC 6666)."""
LARGEST = 9216
AGENTS_SET = "home-agents6"


def set_up(netlink: NetlinkSocket, agents: Iterable[ipaddress.IPv6Address]) -> None:
    """Idempotent. Raises ForwardingUnavailableError naming what the kernel refused."""
    device = Links(netlink).ensure(TUNNEL_DEVICE, DEVICE_KINDS, LARGEST)
    form = RouteForm(
        TABLE_MAIN, PROTOCOL, METRIC, output=device, encapsulation=end_dt6(TABLE_LOCAL)
    )
    agents = sorted(agents)
    to_agents = labels.give(netlink, [agent.packed for agent in agents])
    for refusal in netlink.execute([put_route(END, 128, form), *to_agents]).values():
        raise ForwardingUnavailableError(f"the end of tunnels: {refusal.text}")
    _run(_ruleset(agents))


def remove(netlink: NetlinkSocket, agents: Iterable[ipaddress.IPv6Address]) -> None:
    """Take it away, with the device its route hangs on."""
    to_agents = labels.take(agent.packed for agent in agents)
    netlink.execute([delete_link(TUNNEL_DEVICE), *to_agents])
    _run(f"add table inet {NFT_TABLE}\ndelete table inet {NFT_TABLE}\n")


def _ruleset(agents: Iterable[ipaddress.IPv6Address]) -> str:
    table = f"inet {NFT_TABLE}"
    tunnelled = "ip6 nexthdr 41 fib daddr type local"
    end = ipaddress.IPv6Address(END)
    return "\n".join(
        (
            f"add table {table}",
            f"add set {table} {AGENTS_SET} {{ type ipv6_addr; }}",
            f"flush set {table} {AGENTS_SET}",
            f"add element {table} {AGENTS_SET} {{ {', '.join(map(str, agents))} }}",
            f"add chain {table} arrivals {{ type filter hook prerouting priority raw; }}",
            f"flush chain {table} arrivals",
            f"add rule {table} arrivals ip6 daddr {end} counter drop",
            f"add rule {table} arrivals {tunnelled} ip6 saddr @{AGENTS_SET} "
            f"ip6 daddr set {end} accept",
            f"add rule {table} arrivals {tunnelled} counter drop",
        )
    )


def _run(commands: str) -> None:
    nftables = Nftables()
    try:
        nftables.run(commands + "\n")
    except NftablesError as problem:
        raise ForwardingUnavailableError(f"nftables: {problem}") from problem
    finally:
        nftables.close()
