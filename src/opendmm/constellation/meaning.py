"""The meaning of a constellation file: names that exist, prefixes that fit, times in order."""

import difflib
import ipaddress
from collections.abc import Callable, Iterator

import networkx

from opendmm.constellation.file import ConstellationFile, FaultKind, ScenarioSection
from opendmm.constellation.problems import Problem
from opendmm.constellation.quantities import seconds
from opendmm.constellation.source import Source, Where
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import FunctionalEntity

FE = FunctionalEntity
Finding = tuple[Where, str, str]
"""Where, what is wrong, what would be right."""


def problems_of_meaning(source: Source, file: ConstellationFile) -> list[Problem]:
    """Every mistake that the form does not show."""
    checks: list[Callable[[ConstellationFile], Iterator[Finding]]] = [
        _nodes,
        _links,
        _policies,
        _mobile_nodes,
        _scenario,
    ]
    found = [finding for check in checks for finding in check(file)]
    return [Problem(*source.place(where), message, hint) for where, message, hint in found]


def _known(name: str, names: list[str], what: str, where: Where) -> Iterator[Finding]:
    if name in names:
        return
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(names) or 'none'}"
    yield where, f"there is no {what} `{name}`", hint


def _prefix(text: str, where: Where) -> Iterator[Finding]:
    try:
        ipaddress.ip_network(text)
    except ValueError as problem:
        yield where, f"`{text}` is no prefix: {problem}", "write it like 2001:db8:a::/48"


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def _nodes(file: ConstellationFile) -> Iterator[Finding]:
    pools: dict[str, str] = {}
    locators: dict[str, str] = {}
    for name, section in file.nodes.items():
        where: Where = ("nodes", name)
        for index, pool in enumerate(section.pools):
            yield from _prefix(pool, (*where, "pools", index))
            yield from _overlapping(pool, name, pools, (*where, "pools", index))
            pools[pool] = name
        if section.pools and FE.FE_MA_C not in section.entities:
            yield (*where, "pools"), f"`{name}` has pools but no FE_MA_C", "add FE_MA_C to it"
        for index, prefix in enumerate(section.serves):
            yield from _prefix(prefix, (*where, "serves", index))
        if section.standby_for is not None:
            controllers = [n for n, s in file.nodes.items() if FE.FE_IEC in s.entities]
            place = (*where, "standby_for")
            yield from _known(section.standby_for, controllers, "FE_IEC on a node", place)
            if section.standby_for == name:
                yield place, f"`{name}` cannot stand by for itself", "name another FE_IEC"
        if section.locator is not None:
            yield from _locator(section.locator, name, locators, (*where, "locator"))
        if len(set(section.entities)) < len(section.entities):
            yield (*where, "entities"), "an entity is named twice", "once is enough"


def _overlapping(pool: str, owner: str, others: dict[str, str], where: Where) -> Iterator[Finding]:
    network = _network(pool)
    for other, holder in others.items():
        held = _network(other)
        if network is None or held is None or network.version != held.version:
            continue
        if network.overlaps(held):
            hint = "a prefix has one home; make them disjoint"
            yield where, f"pool {pool} of `{owner}` overlaps {other} of `{holder}`", hint


def _locator(text: str, name: str, others: dict[str, str], where: Where) -> Iterator[Finding]:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError as problem:
        yield where, f"`{text}` is no IPv6 address: {problem}", "write it like 2001:db8:1::1"
        return
    block = str(ipaddress.ip_network((address, 64), strict=False))
    if block in others:
        hint = "every node's locator needs a /64 of its own"
        yield where, f"`{name}` and `{others[block]}` have locators in the same /64", hint
    others[block] = name


def _links(file: ConstellationFile) -> Iterator[Finding]:
    graph: networkx.Graph[str] = networkx.Graph()
    graph.add_nodes_from(file.nodes)
    for index, link in enumerate(file.links):
        where: Where = ("links", index)
        for end in link.between:
            yield from _known(end, list(file.nodes), "node", (*where, "between"))
        if link.between[0] == link.between[1]:
            yield (*where, "between"), "a link joins two different nodes", ""
        if graph.has_edge(*link.between):
            yield (*where, "between"), f"{' and '.join(link.between)} have a link already", ""
        for number, address in enumerate(link.addresses):
            try:
                ipaddress.ip_interface(address)
            except ValueError as problem:
                hint = "write an address with its length, like 2001:db8::1/64"
                yield (*where, "addresses", number), f"`{address}`: {problem}", hint
        graph.add_edge(*link.between)
    if len(file.nodes) > 1 and not networkx.is_connected(graph):
        parts = sorted(networkx.connected_components(graph), key=len)
        lone = ", ".join(sorted(parts[0]))
        yield ("links",), f"no link leads to {lone}", "add links that join them to the others"


def _policies(file: ConstellationFile) -> Iterator[Finding]:
    ingresses = [name for name, section in file.nodes.items() if FE.FE_I in section.entities]
    for index, policy in enumerate(file.policies):
        where: Where = ("policies", index)
        yield from _known(policy.ingress, ingresses, "FE_I on a node", (*where, "ingress"))
        for number, group in enumerate(policy.groups):
            yield from _prefix(group, (*where, "groups", number))


def _mobile_nodes(file: ConstellationFile) -> Iterator[Finding]:
    anchors = [name for name, section in file.nodes.items() if FE.FE_MA_C in section.entities]
    owners: dict[str, str] = {}
    for name, section in file.mobile_nodes.items():
        where: Where = ("mobile_nodes", name)
        if name in file.nodes:
            yield where, f"`{name}` is the name of a node, too", "names are unique"
        yield from _known(section.home, anchors, "anchor (node with FE_MA_C)", (*where, "home"))
        for anchor in section.access:
            yield from _known(anchor, anchors, "anchor (node with FE_MA_C)", (*where, "access"))
        for index, prefix in enumerate(section.prefixes):
            place = (*where, "prefixes", index)
            yield from _prefix(prefix, place)
            yield from _at_home(file, section.home, prefix, place)
            if prefix in owners:
                yield place, f"{prefix} belongs to `{owners[prefix]}` already", "one owner each"
            owners[prefix] = name


def _at_home(file: ConstellationFile, home: str, prefix: str, where: Where) -> Iterator[Finding]:
    network = _network(prefix)
    if network is None or home not in file.nodes:
        return
    pools = file.nodes[home].pools
    home_prefix = HomePrefix.parse(prefix)
    if any(_network(pool) and HomePrefix.parse(pool).covers(home_prefix) for pool in pools):
        return
    hint = f"its pools are {', '.join(pools) or 'not given'}"
    yield where, f"{prefix} is not out of the pools of its home `{home}`", hint


def _scenario(file: ConstellationFile) -> Iterator[Finding]:
    scenario = file.scenario
    if scenario is None:
        return
    yield from _attachments(file, scenario)
    yield from _traffic(file, scenario)
    yield from _faults(file, scenario)
    for index, release in enumerate(scenario.releases):
        where: Where = ("scenario", "releases", index)
        yield from _known(
            release.mobile_node, list(file.mobile_nodes), "mobile node", (*where, "mobile_node")
        )


def _attachments(file: ConstellationFile, scenario: ScenarioSection) -> Iterator[Finding]:
    anchors = [name for name, section in file.nodes.items() if FE.FE_MA_C in section.entities]
    last: dict[str, float] = {}
    for index, one in enumerate(scenario.attachments):
        where: Where = ("scenario", "attachments", index)
        yield from _known(
            one.mobile_node, list(file.mobile_nodes), "mobile node", (*where, "mobile_node")
        )
        section = file.mobile_nodes.get(one.mobile_node)
        if one.to is not None:
            yield from _known(one.to, anchors, "anchor (node with FE_MA_C)", (*where, "to"))
            if section is not None and section.access and one.to not in section.access:
                hint = f"its access is {', '.join(section.access)}"
                yield (*where, "to"), f"`{one.mobile_node}` has no access to `{one.to}`", hint
        at = seconds(one.at)
        if at < last.get(one.mobile_node, 0.0):
            hint = "attachments of a mobile node stand in order of time"
            yield (*where, "at"), f"{one.at} is before the attachment above", hint
        if at > seconds(scenario.duration):
            hint = f"the scenario lasts {scenario.duration}"
            yield (*where, "at"), f"{one.at} is after the end of the scenario", hint
        last[one.mobile_node] = at


def _traffic(file: ConstellationFile, scenario: ScenarioSection) -> Iterator[Finding]:
    for index, one in enumerate(scenario.traffic):
        where: Where = ("scenario", "traffic", index)
        yield from _known(one.correspondent, list(file.nodes), "node", (*where, "correspondent"))
        yield from _known(
            one.mobile_node, list(file.mobile_nodes), "mobile node", (*where, "mobile_node")
        )
        section = file.mobile_nodes.get(one.mobile_node)
        if section is None:
            continue
        versions = {network.version for p in section.prefixes if (network := _network(p))}
        if (6 if one.family == "ipv6" else 4) not in versions:
            hint = "give it a prefix of that family"
            yield (*where, "family"), f"`{one.mobile_node}` has no {one.family} prefix", hint


def _faults(file: ConstellationFile, scenario: ScenarioSection) -> Iterator[Finding]:
    for index, fault in enumerate(scenario.faults):
        where: Where = ("scenario", "faults", index)
        if fault.kind is FaultKind.CUT:
            if fault.link is None:
                yield where, "a cut needs `link: [node, node]`", "name the link's two ends"
                continue
            joined = [set(link.between) for link in file.links]
            if set(fault.link) not in joined:
                hint = "name the two ends of a link of this file"
                yield (*where, "link"), f"there is no link {' – '.join(fault.link)}", hint
        elif fault.node is None:
            yield where, f"a {fault.kind} needs `node:`", "name whose daemon"
        else:
            yield from _known(fault.node, list(file.nodes), "node", (*where, "node"))
