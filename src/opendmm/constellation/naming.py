"""Names and addresses that would clash: with each other, with the kernel's, with ours."""

import ipaddress
from collections.abc import Iterator

from opendmm.constellation.file import ConstellationFile
from opendmm.constellation.mistakes import Mistake, network_of
from opendmm.constellation.resolve import BLOCKS, CORE_IPV4, CORE_IPV6, LOOPBACKS
from opendmm.constellation.source import Where
from opendmm.forwarding.kernel.conventions import LISP_DEVICE, TUNNEL_DEVICE, VXLAN_DEVICE

RESERVED_NAMES = frozenset(
    {
        TUNNEL_DEVICE,
        VXLAN_DEVICE,
        LISP_DEVICE,
        "lo",
        # Not devices, but what the kernel calls all of them and those to come.
        "all",
        "default",
        # Devices that a kernel with these tunnels puts into every namespace.
        "erspan0",
        "gre0",
        "gretap0",
        "ip6gre0",
        "ip6tnl0",
        "sit0",
        "tunl0",
    }
)
"""Interfaces are called after the node they lead to, so no node may be called like these."""

_BLOCKS = ipaddress.IPv6Network(BLOCKS.format(number=0)).supernet(new_prefix=32)
_OURS = (
    (CORE_IPV6, "links"),
    (CORE_IPV4, "links"),
    (_BLOCKS, "locators"),
    (LOOPBACKS, "the nodes themselves"),
    (ipaddress.IPv6Network("fe80::/10"), "access links"),
    (ipaddress.IPv4Network("169.254.0.0/16"), "access links"),
)


def clashing_names(file: ConstellationFile) -> Iterator[Mistake]:
    """Names that mean something else, or somebody else."""
    for section, names in (("nodes", list(file.nodes)), ("mobile_nodes", list(file.mobile_nodes))):
        for name in names:
            if name in RESERVED_NAMES:
                hint = "interfaces are called after nodes: choose another name"
                yield (section, name), f"`{name}` is the name of an interface of the kernel", hint
    identities: dict[str, str] = {}
    for name, mobile_node in file.mobile_nodes.items():
        where: Where = ("mobile_nodes", name)
        if name in file.nodes:
            yield where, f"`{name}` is the name of a node, too", "names are unique"
        identity = mobile_node.id or f"{name}@example.org"
        if identity in file.nodes:
            yield (*where, "id"), f"`{identity}` is the name of a node, too", "names are unique"
        if identity in identities:
            what = f"`{identity}` is the id of `{identities[identity]}`, too"
            yield (*where, "id"), what, "every mobile node has an id of its own"
        identities[identity] = name


def clashing_addresses(file: ConstellationFile) -> Iterator[Mistake]:
    """Pools and locators that overlap others, or the ranges we allocate from."""
    pools: dict[str, str] = {}
    for name, section in file.nodes.items():
        for index, pool in enumerate(section.pools):
            where: Where = ("nodes", name, "pools", index)
            yield from _overlapping(pool, name, pools, where)
            pools[pool] = name
    blocks: dict[ipaddress.IPv6Network, str] = {}
    for number, (name, section) in enumerate(file.nodes.items(), 1):
        where = ("nodes", name, "locator")
        given = section.locator or BLOCKS.format(number=number).replace("::/64", "::1")
        yield from _locator(given, name, blocks, pools, where)


def _overlapping(pool: str, owner: str, others: dict[str, str], where: Where) -> Iterator[Mistake]:
    network = network_of(pool)
    if network is None:
        return
    for ours, what in _OURS:
        if network.version == ours.version and network.overlaps(ours):
            hint = "choose a prefix outside it"
            yield where, f"pool {pool} overlaps {ours}, out of which {what} are numbered", hint
    for other, holder in others.items():
        held = network_of(other)
        if held is not None and network.version == held.version and network.overlaps(held):
            hint = "a prefix has one home; make them disjoint"
            yield where, f"pool {pool} of `{owner}` overlaps {other} of `{holder}`", hint


def _locator(
    text: str,
    name: str,
    blocks: dict[ipaddress.IPv6Network, str],
    pools: dict[str, str],
    where: Where,
) -> Iterator[Mistake]:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError as problem:
        yield where, f"`{text}` is no IPv6 address: {problem}", "write it like 2001:db8:1::1"
        return
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        yield where, f"`{text}` cannot be routed to", "write it like 2001:db8:1::1"
    block = ipaddress.IPv6Network((address.packed, 64), strict=False)
    if block in blocks:
        hint = "every node's locator needs a /64 of its own"
        yield where, f"`{name}` and `{blocks[block]}` have locators in the same /64", hint
    blocks[block] = name
    for pool, owner in pools.items():
        network = network_of(pool)
        if isinstance(network, ipaddress.IPv6Network) and network.overlaps(block):
            hint = "a locator is never out of a home pool: give it another /64"
            yield where, f"the /64 of `{text}` overlaps pool {pool} of `{owner}`", hint
