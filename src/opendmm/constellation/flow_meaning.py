"""The meaning of a policy's flows: of whom they are, and that a packet can match them."""

from collections.abc import Iterator

from opendmm.constellation.file import ConstellationFile, FlowSection, PolicySection
from opendmm.constellation.mistakes import Mistake, known, network_of, well_formed
from opendmm.constellation.resolve import flow_rule
from opendmm.constellation.source import Where
from opendmm.model.addressing import HomePrefix
from opendmm.model.flow import LAST_PORT

LAST_SELECTABLE = LAST_PORT - 1
"""The kernel's policy rules know no greater one (net/fib_rules.h, fib_rule_port_range_valid)."""


def flow_mistakes(
    file: ConstellationFile, policy: PolicySection, where: Where
) -> Iterator[Mistake]:
    """Every mistake of meaning in the flows of one policy."""
    for index, flow in enumerate(policy.flows):
        place: Where = (*where, "flows", index)
        mistakes = list(_parts(file, flow, place))
        yield from mistakes or _whole(file, flow, place)


def _parts(file: ConstellationFile, flow: FlowSection, where: Where) -> Iterator[Mistake]:
    if flow.mobile_node is not None:
        names = list(file.mobile_nodes)
        yield from known(flow.mobile_node, names, "mobile node", (*where, "mobile_node"))
    for field in ("group", "source"):
        prefix = getattr(flow, field)
        if prefix is not None:
            yield from well_formed(prefix, (*where, field))
    for field in ("source_port", "destination_port"):
        given = getattr(flow, field)
        if given is not None:
            yield from _ports(str(given), (*where, field))


def _ports(text: str, where: Where) -> Iterator[Mistake]:
    first, _, last = text.partition("-")
    ends = int(first), int(last or first)
    if ends[0] > ends[1]:
        yield where, f"{text} is no range of ports", f"write it like {ends[1]}-{ends[0]}"
    elif not 1 <= ends[0] <= ends[1] <= LAST_SELECTABLE:
        yield where, f"{text} cannot be selected", f"ports are 1 to {LAST_SELECTABLE}"


def _whole(file: ConstellationFile, flow: FlowSection, where: Where) -> Iterator[Mistake]:
    try:
        rule = flow_rule(flow)
    except ValueError as problem:
        hint = "add `protocol: udp` (or tcp, sctp), or take the ports away"
        if flow.source_port is None and flow.destination_port is None:
            hint = "leave the source out, or give it the protocol of its family"
        yield where, f"nothing matches this flow: {problem}", hint
        return
    section = file.mobile_nodes.get(flow.mobile_node or "")
    prefixes = [] if section is None else [p for p in section.prefixes if network_of(p)]
    if prefixes and not any(rule.concerns(HomePrefix.parse(p)) for p in prefixes):
        hint = f"its prefixes are {', '.join(prefixes)}"
        yield where, f"no packet to `{flow.mobile_node}` matches this flow: {rule}", hint
    if flow.group is None or section is None:
        return
    group = HomePrefix.parse(flow.group)
    if prefixes and not any(group.covers(HomePrefix.parse(p)) for p in prefixes):
        hint = "give the mobile node or the group, one is enough"
        yield (*where, "group"), f"`{flow.mobile_node}` has no prefix under {group}", hint
