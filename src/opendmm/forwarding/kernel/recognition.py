"""What an egress delivers: of some prefixes certain flows only, of all others everything.

A packet that was taken out of a tunnel passes the forward hook. If its destination is among
the limited prefixes it must match a flow that the destination is a prefix of. Each flow is one
rule and one set of prefixes for each family, so mobile nodes cost elements and not rules.
Fragments after the first carry no ports and are let pass: without their first one they are
worth nothing to their receiver.
"""

from collections.abc import Iterable

from opendmm.forwarding.kernel.conventions import LIMITED_SETS, NFT_TABLE
from opendmm.forwarding.kernel.endpoints import identifier
from opendmm.model.addressing import HomePrefix
from opendmm.model.flow import ANY_PORT, FAMILIES, FlowRule

TABLE = f"inet {NFT_TABLE}"
FLOW_SET = "flow-"
"""How the names of the sets of flows begin."""
FAMILY_NAMES = {16: "ip6", 4: "ip"}
ADDRESS_TYPES = {16: "ipv6_addr", 4: "ipv4_addr"}
FRAGMENTS = {16: "frag frag-off != 0", 4: "ip frag-off & 0x1fff != 0"}


def set_of(flow: FlowRule, octets: int) -> str:
    """The name of the set of a flow's prefixes, by octets of an address."""
    return f"{FLOW_SET}{identifier('flow', str(flow)):08x}-{FAMILY_NAMES[octets]}"


def sets_of(flows: Iterable[FlowRule]) -> dict[str, FlowRule]:
    """Every set that these flows have, by its name."""
    return {set_of(flow, octets): flow for flow in flows for octets in _families(flow)}


def recognition(flows: Iterable[FlowRule], arrived: str) -> list[str]:
    """Commands that set it up; sets keep their elements. `arrived` is the match of what a
    tunnel end here took in."""
    flows = list(dict.fromkeys(flows))
    lines = [f"add chain {TABLE} {chain}" for chain in ("forward", "recognition")]
    lines[0] += " { type filter hook forward priority filter; }"
    lines.extend(f"flush chain {TABLE} {chain}" for chain in ("forward", "recognition"))
    for octets, name in LIMITED_SETS.items():
        lines.append(f"add set {TABLE} {name} {{ type {ADDRESS_TYPES[octets]}; flags interval; }}")
    for name, flow in sets_of(flows).items():
        octets = 16 if name.endswith(FAMILY_NAMES[16]) else 4
        kind = f"type {ADDRESS_TYPES[octets]}; flags interval; counter;"
        lines.append(f"add set {TABLE} {name} {{ {kind} }}")
        # The set comes last: what its elements count has matched all else.
        match = f"{_match(flow, octets)} {FAMILY_NAMES[octets]} daddr @{name}".lstrip()
        lines.append(f"add rule {TABLE} recognition {match} return")
    for octets, family in FAMILY_NAMES.items():
        limited = f"{family} daddr @{LIMITED_SETS[octets]}"
        lines.append(f"add rule {TABLE} recognition {limited} {FRAGMENTS[octets]} return")
        lines.append(f"add rule {TABLE} recognition {limited} counter drop")
    if flows:
        lines.append(f"add rule {TABLE} forward {arrived} jump recognition")
    return lines


def _families(flow: FlowRule) -> list[int]:
    only = len(flow.source.network) if flow.source else FAMILIES.get(flow.protocol)
    return [octets for octets in FAMILY_NAMES if only in (None, octets)]


def _match(flow: FlowRule, octets: int) -> str:
    parts = []
    if flow.source is not None:
        parts.append(f"{FAMILY_NAMES[octets]} saddr {flow.source}")
    if flow.protocol:
        parts.append(f"meta l4proto {flow.protocol}")
    for side, ports in (("sport", flow.source_ports), ("dport", flow.destination_ports)):
        if ports != ANY_PORT:
            parts.append(f"th {side} {ports}")
    return " ".join(parts)


def limited_set(prefix: HomePrefix) -> str:
    """The set of limited prefixes that this one would be in."""
    return LIMITED_SETS[len(prefix.network)]
