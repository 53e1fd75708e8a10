"""The meaning of a constellation file: names that exist, prefixes that fit, links that join.

Here are the network's own sections; scenario, names and addresses, and what entities need to
be assembled have files of their own. One table holds them all.
"""

import ipaddress
from collections.abc import Callable, Iterator

import msgspec
import networkx

from opendmm.constellation.assembling import missing_parts
from opendmm.constellation.bgp_meaning import bgp_mistakes
from opendmm.constellation.file import (
    BindingName,
    ConstellationFile,
    LinkSection,
    MobileNodeSection,
    MobilityHeaderSecurity,
    NodeSection,
)
from opendmm.constellation.flow_meaning import flow_mistakes
from opendmm.constellation.lisp_meaning import lisp_mistakes
from opendmm.constellation.mistakes import (
    ACCESS,
    Mistake,
    accesses,
    hosting,
    known,
    network_of,
    some_time,
    well_formed,
)
from opendmm.constellation.naming import clashing_addresses, clashing_names
from opendmm.constellation.problems import Problem
from opendmm.constellation.scenario_meaning import scenario_mistakes
from opendmm.constellation.source import Source, Where
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import FunctionalEntity

FE = FunctionalEntity


def problems_of_meaning(source: Source, file: ConstellationFile) -> list[Problem]:
    """Every mistake that the form does not show."""
    checks: list[Callable[[ConstellationFile], Iterator[Mistake]]] = [
        _nodes,
        _links,
        _policies,
        _timers,
        _mobile_nodes,
        clashing_names,
        clashing_addresses,
        missing_parts,
        bgp_mistakes,
        _security,
        lisp_mistakes,
        scenario_mistakes,
    ]
    found = [mistake for check in checks for mistake in check(file)]
    return [Problem(*source.place(where), message, hint) for where, message, hint in found]


def _security(file: ConstellationFile) -> Iterator[Mistake]:
    """The kernel can encrypt what is between addresses that stay."""
    if file.security.mobility_headers is not MobilityHeaderSecurity.ESP:
        return
    used = set(msgspec.structs.asdict(file.reference_points).values())
    where: Where = ("security", "mobility_headers")
    if not used & {BindingName.PMIPV6, BindingName.RFC8885}:
        hint = "take it away: the native binding is encrypted by TLS"
        yield where, "no reference point is carried by `pmipv6` or `rfc8885`", hint
    if BindingName.MIPV6 in used:
        what = "ESP between a mobile node that moves and its home agent (RFC 6275 §5.1) needs a "
        hint = "take it away: with `mipv6` Mobility Headers are authenticated (RFC 4285)"
        yield where, what + "kernel that knows Mobile IPv6, which we do without", hint


def _nodes(file: ConstellationFile) -> Iterator[Mistake]:
    for name, section in file.nodes.items():
        where: Where = ("nodes", name)
        for index, pool in enumerate(section.pools):
            yield from well_formed(pool, (*where, "pools", index))
        if section.pools and FE.FE_MA_C not in section.entities:
            yield (*where, "pools"), f"`{name}` has pools but no FE_MA_C", "add FE_MA_C to it"
        yield from _gateway(file, name, section)
        if len(set(section.entities)) < len(section.entities):
            yield (*where, "entities"), "an entity is named twice", "once is enough"
        yield from _controller(file, name, section)


def _gateway(file: ConstellationFile, name: str, section: NodeSection) -> Iterator[Mistake]:
    """What only a mobile access gateway or access router has: an anchor elsewhere."""
    if section.anchor is None:
        return
    where: Where = ("nodes", name, "anchor")
    anchors = hosting(file, FE.FE_MA_C)
    by_client = file.reference_points.R_XU is BindingName.MIPV6
    yield from known(section.anchor, anchors, "anchor (node with FE_MA_C)", where)
    if FE.FE_MA_C in section.entities:
        yield where, f"`{name}` is an anchor itself (FE_MA_C)", "take one of the two away"
    elif FE.FE_MU_C in section.entities and by_client:
        hint = "take FE_MU_C away: with `R_XU: mipv6` mobile nodes register themselves"
        yield where, f"`{name}` has an anchor and FE_MU_C", hint
    elif FE.FE_MU_C not in section.entities and not by_client:
        hint = "add FE_MU_C, which registers mobile nodes with the anchor"
        yield where, f"`{name}` has an anchor but no FE_MU_C", hint


def _controller(file: ConstellationFile, name: str, section: NodeSection) -> Iterator[Mistake]:
    """What only an FE_IEC has: prefixes it serves, an instance it stands by for."""
    where: Where = ("nodes", name)
    for field, given in (("serves", section.serves), ("standby_for", section.standby_for)):
        if given and FE.FE_IEC not in section.entities:
            yield (*where, field), f"`{name}` has `{field}` but no FE_IEC", "add FE_IEC to it"
    for index, prefix in enumerate(section.serves):
        yield from well_formed(prefix, (*where, "serves", index))
    primary, place = section.standby_for, (*where, "standby_for")
    if primary is None:
        return
    yield from known(primary, hosting(file, FE.FE_IEC), "FE_IEC on a node", place)
    if primary == name:
        yield place, f"`{name}` cannot stand by for itself", "name another FE_IEC"
    elif primary in file.nodes and file.nodes[primary].standby_for is not None:
        hint = "let one of them stand by"
        yield place, f"`{primary}` stands by for another FE_IEC itself", hint
    first = next(other for other, s in file.nodes.items() if s.standby_for == primary)
    if first != name:
        hint = "one instance stands by for one other"
        yield place, f"`{first}` stands by for `{primary}` already", hint


def _links(file: ConstellationFile) -> Iterator[Mistake]:
    graph: networkx.Graph[str] = networkx.Graph()
    graph.add_nodes_from(file.nodes)
    for index, link in enumerate(file.links):
        where: Where = ("links", index)
        for number, end in enumerate(link.between):
            yield from known(end, list(file.nodes), "node", (*where, "between", number))
        if link.between[0] == link.between[1]:
            yield (*where, "between"), "a link joins two different nodes", "name the other end"
        elif graph.has_edge(*link.between):
            what = f"{' and '.join(link.between)} have a link already"
            yield (*where, "between"), what, "keep one of them"
        yield from _link_addresses(link, (*where, "addresses"))
        graph.add_edge(*link.between)
    if len(file.nodes) > 1 and not networkx.is_connected(graph):
        parts = sorted(networkx.connected_components(graph), key=len)
        lone = ", ".join(sorted(parts[0]))
        yield ("links",), f"no link leads to {lone}", "add links that join them to the others"


def _link_addresses(link: LinkSection, where: Where) -> Iterator[Mistake]:
    """Two of a family, in one subnet, or none."""
    interfaces = []
    for number, address in enumerate(link.addresses):
        try:
            interfaces.append(ipaddress.ip_interface(address))
        except ValueError as problem:
            hint = "write an address with its length, like 2001:db8::1/64"
            yield (*where, number), f"`{address}`: {problem}", hint
    for version in (6, 4):
        ends = [interface for interface in interfaces if interface.version == version]
        if ends and (len(ends) != 2 or ends[0] == ends[1] or ends[0].network != ends[1].network):
            hint = "two different addresses of one subnet, in the order of `between`"
            yield where, f"the link's two ends need an IPv{version} address each", hint


def _policies(file: ConstellationFile) -> Iterator[Mistake]:
    seen: set[str | None] = set()
    for index, policy in enumerate(file.policies):
        where: Where = ("policies", index)
        if policy.ingress is not None:
            place = (*where, "ingress")
            yield from known(policy.ingress, hosting(file, FE.FE_I), "FE_I on a node", place)
            if policy.ingress in seen:
                yield place, f"`{policy.ingress}` has a policy already", "join the two"
        elif None in seen:
            yield where, "there is a policy without `ingress` already", "join the two"
        seen.add(policy.ingress)
        yield from flow_mistakes(file, policy, where)
        for number, group in enumerate(policy.groups):
            yield from well_formed(group, ("policies", index, "groups", number))


def _timers(file: ConstellationFile) -> Iterator[Mistake]:
    # Without a drain time the previous anchor just lets go at once.
    for field in ("lifetime", "retransmit", "peer_timeout"):
        yield from some_time(getattr(file.timers, field), ("timers", field))


def _mobile_nodes(file: ConstellationFile) -> Iterator[Mistake]:
    anchors = hosting(file, FE.FE_MA_C)
    owners: dict[str, str] = {}
    devices: dict[str, str] = {}
    for name, section in file.mobile_nodes.items():
        where: Where = ("mobile_nodes", name)
        yield from known(section.home, anchors, "anchor (node with FE_MA_C)", (*where, "home"))
        if section.home in section.other_homes:
            hint = "its own prefixes are `prefixes`"
            what = f"`{section.home}` is its home already"
            yield (*where, "other_homes", section.home), what, hint
        for number, node in enumerate(section.access):
            place: Where = (*where, "access", number)
            yield from known(node, accesses(file), ACCESS, place)
        for home, prefix, place in _homes(name, section):
            yield from known(home, anchors, "anchor (node with FE_MA_C)", place)
            yield from well_formed(prefix, place)
            yield from _at_home(file, home, prefix, place)
            yield from _owned_twice(prefix, name, owners, place)
            owners[prefix] = name
        device = (section.link_layer_id or "").lower()
        if device in devices:
            place = (*where, "link_layer_id")
            hint = "anchors tell mobile nodes apart by it"
            yield place, f"{device} is `{devices[device]}`'s already", hint
        elif device:
            devices[device] = name


def _homes(name: str, section: MobileNodeSection) -> Iterator[tuple[str, str, Where]]:
    """Each prefix of a mobile node with its home, and where it is written."""
    where: Where = ("mobile_nodes", name)
    for index, prefix in enumerate(section.prefixes):
        yield section.home, prefix, (*where, "prefixes", index)
    for home, prefixes in section.other_homes.items():
        for index, prefix in enumerate(prefixes):
            yield home, prefix, (*where, "other_homes", home, index)


def _at_home(file: ConstellationFile, home: str, prefix: str, where: Where) -> Iterator[Mistake]:
    if network_of(prefix) is None or home not in file.nodes:
        return
    pools = file.nodes[home].pools
    home_prefix = HomePrefix.parse(prefix)
    if any(network_of(pool) and HomePrefix.parse(pool).covers(home_prefix) for pool in pools):
        return
    hint = f"its pools are {', '.join(pools) or 'not given'}"
    yield where, f"{prefix} is not out of the pools of its home `{home}`", hint


def _owned_twice(prefix: str, name: str, owners: dict[str, str], where: Where) -> Iterator[Mistake]:
    mine = network_of(prefix)
    for other, owner in owners.items():
        theirs = network_of(other)
        if mine is None or theirs is None or mine.version != theirs.version:
            continue
        if mine.overlaps(theirs):
            hint = "a prefix has one owner, once"
            yield where, f"{prefix} of `{name}` overlaps {other} of `{owner}`", hint
