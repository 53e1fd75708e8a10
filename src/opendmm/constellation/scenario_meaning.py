"""The meaning of a scenario: who and where, in order of time, within its duration."""

from collections.abc import Iterator

from opendmm.constellation.file import (
    AttachmentSection,
    ConstellationFile,
    FaultKind,
    FaultSection,
    MoveOrderName,
    ScenarioSection,
    TrafficKind,
)
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
from opendmm.constellation.quantities import bits_per_second, seconds
from opendmm.constellation.source import Where
from opendmm.model.identity import FunctionalEntity


def scenario_mistakes(file: ConstellationFile) -> Iterator[Mistake]:
    """Every mistake of meaning in the scenario."""
    scenario = file.scenario
    if scenario is None:
        return
    yield from some_time(scenario.duration, ("scenario", "duration"))
    yield from _attachments(file, scenario)
    yield from _releases(file, scenario)
    yield from _traffic(file, scenario)
    for index, fault in enumerate(scenario.faults):
        where: Where = ("scenario", "faults", index)
        yield from _fault(file, fault, where)
        yield from _in_time(scenario, fault.at, (*where, "at"))
    yield from _paths(file, scenario)


def _in_time(scenario: ScenarioSection, at: str, where: Where) -> Iterator[Mistake]:
    if seconds(at) > seconds(scenario.duration):
        hint = f"the scenario lasts {scenario.duration}"
        yield where, f"{at} is after the end of the scenario", hint


def _attachments(file: ConstellationFile, scenario: ScenarioSection) -> Iterator[Mistake]:
    last: dict[str, AttachmentSection] = {}
    for index, one in enumerate(scenario.attachments):
        where: Where = ("scenario", "attachments", index)
        yield from known(
            one.mobile_node, list(file.mobile_nodes), "mobile node", (*where, "mobile_node")
        )
        yield from _target(file, one, (*where, "to"))
        yield from _in_time(scenario, one.at, (*where, "at"))
        if one.mobile_node in last:
            yield from _after(last[one.mobile_node], one, (*where, "at"))
        if one.order is MoveOrderName.PREDICTED and seconds(one.at) < seconds(one.lead):
            hint = "the first sign of a predicted move is `lead` before it"
            yield (*where, "at"), f"{one.at} is sooner than its lead of {one.lead}", hint
        last[one.mobile_node] = one


def _after(before: AttachmentSection, one: AttachmentSection, where: Where) -> Iterator[Mistake]:
    """That a move begins when the one before it is over: one link up, the right one."""
    if seconds(one.at) < seconds(before.at):
        hint = "attachments of a mobile node stand in order of time"
        yield where, f"{one.at} is before the attachment above", hint
        return
    making = before.order is MoveOrderName.MAKE_BEFORE_BREAK
    field, lasts = ("overlap", before.overlap) if making else ("gap", before.gap)
    if before.to is not None and seconds(one.at) < seconds(before.at) + seconds(lasts):
        hint = f"its {field} is {lasts}: shorten it, or move later"
        yield where, f"{one.at} is before the end of the move at {before.at}", hint


def _target(file: ConstellationFile, one: AttachmentSection, where: Where) -> Iterator[Mistake]:
    if one.to is None:
        return
    yield from known(one.to, accesses(file), ACCESS, where)
    section = file.mobile_nodes.get(one.mobile_node)
    if section is not None and section.access and one.to not in section.access:
        hint = f"its access is {', '.join(section.access)}"
        yield where, f"`{one.mobile_node}` has no access to `{one.to}`", hint


def _releases(file: ConstellationFile, scenario: ScenarioSection) -> Iterator[Mistake]:
    for index, release in enumerate(scenario.releases):
        where: Where = ("scenario", "releases", index)
        yield from _in_time(scenario, release.at, (*where, "at"))
        name = release.mobile_node
        yield from known(name, list(file.mobile_nodes), "mobile node", (*where, "mobile_node"))
        section = file.mobile_nodes.get(name)
        for number, prefix in enumerate(release.prefixes):
            place: Where = (*where, "prefixes", number)
            yield from well_formed(prefix, place)
            if section is not None and prefix not in section.prefixes:
                hint = f"its prefixes are {', '.join(section.prefixes)}"
                yield place, f"{prefix} is not a prefix of `{name}`", hint


def _traffic(file: ConstellationFile, scenario: ScenarioSection) -> Iterator[Mistake]:
    ports: set[tuple[TrafficKind, int | None]] = set()
    attaching = {one.mobile_node for one in scenario.attachments if one.to is not None}
    for index, one in enumerate(scenario.traffic):
        where: Where = ("scenario", "traffic", index)
        yield from known(one.correspondent, list(file.nodes), "node", (*where, "correspondent"))
        place = (*where, "mobile_node")
        yield from known(one.mobile_node, list(file.mobile_nodes), "mobile node", place)
        yield from some_time(one.interval, (*where, "interval"))
        if bits_per_second(one.rate) == 0:
            yield (*where, "rate"), "a session that sends nothing", "write it like 10Mbit"
        if one.port is not None and (one.kind, one.port) in ports:
            hint = "give every session a port of its own"
            yield (*where, "port"), f"another {one.kind} session has port {one.port}", hint
        ports.add((one.kind, one.port))
        section = file.mobile_nodes.get(one.mobile_node)
        if section is None:
            continue
        if one.mobile_node not in attaching:
            hint = "give it an attachment first"
            yield place, f"`{one.mobile_node}` never attaches, so nobody can talk to it", hint
        if one.at is not None:
            yield from _in_time(scenario, one.at, (*where, "at"))
        homes = {section.home: section.prefixes, **section.other_homes}
        if one.home is not None:
            what = f"home of `{one.mobile_node}`"
            yield from known(one.home, list(homes), what, (*where, "home"))
        networks = [
            network for p in homes.get(one.home or section.home, ()) if (network := network_of(p))
        ]
        if (6 if one.family == "ipv6" else 4) not in {network.version for network in networks}:
            hint = "give it a prefix of that family"
            yield (*where, "family"), f"`{one.mobile_node}` has no {one.family} prefix", hint


def _fault(file: ConstellationFile, fault: FaultSection, where: Where) -> Iterator[Mistake]:
    idle = "node" if fault.kind is FaultKind.CUT else "link"
    if getattr(fault, idle) is not None:
        yield (*where, idle), f"a {fault.kind} has no `{idle}`", "take it away"
    if fault.kind is FaultKind.CUT:
        joined = [set(link.between) for link in file.links]
        if fault.link is None:
            yield where, "a cut needs `link: [node, node]`", "name the link's two ends"
        elif set(fault.link) not in joined:
            hint = "name the two ends of a link of this file"
            yield (*where, "link"), f"there is no link {' – '.join(fault.link)}", hint
    elif fault.node is None:
        yield where, f"a {fault.kind} needs `node:`", "name whose daemon"
    elif fault.kind is FaultKind.RESET:
        yield from known(fault.node, _speaking(file), "node that speaks BGP", (*where, "node"))
        if fault.lasts is not None:
            yield (*where, "lasts"), "sessions come up again by themselves", "take it away"
    else:
        running = [n for n, section in file.nodes.items() if section.entities or section.router]
        running += [name for name, section in file.mobile_nodes.items() if section.client]
        yield from known(fault.node, running, "node with entities", (*where, "node"))


def _speaking(file: ConstellationFile) -> list[str]:
    routers = [name for name, section in file.nodes.items() if section.router is not None]
    return [*routers, *hosting(file, FunctionalEntity.FE_MA_C)] if routers else []


def _paths(file: ConstellationFile, scenario: ScenarioSection) -> Iterator[Mistake]:
    moves = _moves(scenario)
    ports = {one.port for one in scenario.traffic if one.kind is TrafficKind.UDP}
    for index, path in enumerate(scenario.expect.paths):
        where: Where = ("scenario", "expect", "paths", index)
        for field, names in (("touches", path.touches), ("avoids", path.avoids)):
            for number, name in enumerate(names):
                yield from known(name, list(file.nodes), "node", (*where, field, number))
        if path.port is not None and path.port not in ports:
            hint = "give the session it is about this `port`"
            yield (*where, "port"), f"no UDP session has port {path.port}", hint
        if path.move > moves:
            hint = "a first attachment is no move"
            yield (*where, "move"), f"the scenario has {moves} moves", hint


def _moves(scenario: ScenarioSection) -> int:
    """How many attachments lead from one anchor to another."""
    places: dict[str, str] = {}
    moves = 0
    for one in scenario.attachments:
        if one.to is None:
            continue
        moves += places.get(one.mobile_node, one.to) != one.to
        places[one.mobile_node] = one.to
    return moves
