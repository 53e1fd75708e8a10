"""The home agent's end of tunnels to care-of addresses (RFC 6275 §10.4.2, §10.4.5).

To the mobile node: an outer header to exactly its care-of address, from the home agent's own
address. From it: packets come in a tunnel to that address, which is no segment identifier, so
what is taken in is rewritten to be for one, and End.DT6 takes the inner packet out. It is taken in
only if the pair of outer and inner source is a registered one, and if the inner packet is not for
a tunnel end itself, which would take out a third. All else is dropped and counted, also what
comes for such a segment as it is. There are two, because End.DT6 looks in one table, and the way
to the home agent itself is in another than all others. A pair that is registered no more is taken
in for another moment, because packets that left before the mobile node knew are still under way.
"""

import ipaddress
from collections.abc import Iterable

from opendmm.forwarding.kernel.config import NodeForwardingConfig
from opendmm.forwarding.kernel.conventions import (
    FORMER_GUESTS_SET,
    GUESTS_SET,
    METRIC,
    NFT_TABLE,
    PROTOCOL,
)
from opendmm.forwarding.kernel.endpoints import GUEST_END, GUEST_TO_NODE_END, segment
from opendmm.forwarding.netlink.lightweight_tunnel import end_dt6, h_encaps_red
from opendmm.forwarding.netlink.next_hop import NextHop
from opendmm.forwarding.netlink.nftables_elements import (
    add_element,
    delete_element,
    destroy_element,
    transaction,
)
from opendmm.forwarding.netlink.route import (
    AF_INET6,
    TABLE_LOCAL,
    TABLE_MAIN,
    RouteForm,
    put_route,
)

INNER_SOURCE = "@nh,384,128"
"""In nftables: the source of the IPv6 header that follows the outer one."""
INNER_DESTINATION = "@nh,512,128"
STILL_TAKEN_IN = 2
"""Seconds that a pair is taken in after its end."""
IPV6_IN_IPV6 = 41
ENDS = {GUEST_END: TABLE_MAIN, GUEST_TO_NODE_END: TABLE_LOCAL}
"""Where the inner packet of each is looked up."""


def sets() -> list[str]:
    """nftables commands for the sets of pairs."""
    table = f"inet {NFT_TABLE}"
    pair = f"typeof ip6 saddr . {INNER_SOURCE};"
    return [
        f"add set {table} {GUESTS_SET} {{ {pair} }}",
        f"add set {table} {FORMER_GUESTS_SET} "
        f"{{ {pair} flags timeout; timeout {STILL_TAKEN_IN}s; }}",
    ]


def arrivals(config: NodeForwardingConfig, guard: Iterable[str] = ()) -> list[str]:
    """nftables rules for what comes in a tunnel to the node's own address; `guard` are matches of
    what nobody may send inside."""
    ends = [segment(config.locator, end) for end in ENDS]
    onward, inward = (ipaddress.IPv6Address(end) for end in ends)
    arrived = f"ip6 daddr {config.locator} ip6 nexthdr {IPV6_IN_IPV6}"
    to_node = f"{INNER_DESTINATION} {literal(config.locator.address)} "
    return [
        f"ip6 daddr {{ {onward}, {inward} }} counter drop",
        f"{arrived} {INNER_DESTINATION} {{ {', '.join(map(literal, ends))} }} counter drop",
        *(f"{arrived} {match} counter drop" for match in guard),
        *(
            f"{arrived} {inner}ip6 saddr . {INNER_SOURCE} @{pairs} ip6 daddr set {end} accept"
            for pairs in (GUESTS_SET, FORMER_GUESTS_SET)
            for inner, end in ((to_node, inward), ("", onward))
        ),
        f"{arrived} counter drop",
    ]


def tunnel_ends(config: NodeForwardingConfig, device: int) -> list[bytes]:
    """The routes that take inner packets out."""
    return [
        put_route(
            segment(config.locator, end),
            128,
            RouteForm(TABLE_MAIN, PROTOCOL, METRIC, output=device, encapsulation=end_dt6(table)),
        )
        for end, table in ENDS.items()
    ]


def literal(packed: bytes) -> str:
    """Octets as nftables wants them beside a part of a packet."""
    return f"0x{packed.hex()}"


def next_hop(number: int, care_of: bytes, device: int) -> NextHop:
    """To a care-of address."""
    return NextHop(number, AF_INET6, PROTOCOL, device, encapsulation=h_encaps_red(care_of))


def take_in(care_of: bytes, home: bytes) -> list[bytes]:
    """The transaction by which a pair is registered."""
    return transaction(add_element(NFT_TABLE, GUESTS_SET, care_of + home))


def let_go(care_of: bytes, home: bytes) -> list[bytes]:
    """The transaction by which a pair is registered no more; its moment begins now, whether or
    not one of before has ended."""
    pair = care_of + home
    return transaction(
        destroy_element(NFT_TABLE, FORMER_GUESTS_SET, pair),
        add_element(NFT_TABLE, FORMER_GUESTS_SET, pair, answered=False),
        delete_element(NFT_TABLE, GUESTS_SET, pair),
    )
