"""Everything of ours that the kernel has, and its translation into the words of the model."""

from collections.abc import Iterable, Iterator

import msgspec

from opendmm.forwarding.contract import Counter, Installed
from opendmm.forwarding.kernel.conventions import (
    ANNOUNCED_TABLE,
    EGRESS_TABLE,
    FLOW_PRIORITY,
    GUESTS_SET,
    LIMITED_SETS,
    METRIC,
    NFT_TABLE,
    ONWARD_MAP,
    PERMITTED_SETS,
    PROTOCOL,
    RESTORE_MAP,
    TRANSLATE_MAP,
    UPLINK_PRIORITY,
    UPLINK_TABLE,
)
from opendmm.forwarding.kernel.forms import announced, flow_of
from opendmm.forwarding.kernel.recognition import sets_of
from opendmm.forwarding.kernel.vocabulary import Vocabulary
from opendmm.forwarding.netlink.lightweight_tunnel import EncapsulationType
from opendmm.forwarding.netlink.neighbour import Neighbour, dump_neighbours, parse_neighbour
from opendmm.forwarding.netlink.next_hop import NextHop, dump_next_hops, parse_next_hop
from opendmm.forwarding.netlink.nftables_elements import (
    Mapping,
    dump_elements,
    parse_elements,
    parse_intervals,
    parse_mappings,
)
from opendmm.forwarding.netlink.policy_rule import (
    PolicyRule,
    dump_policy_rules,
    parse_policy_rule,
)
from opendmm.forwarding.netlink.route import (
    AF_INET,
    AF_INET6,
    TABLE_MAIN,
    Route,
    RouteType,
    dump_routes,
    parse_route,
)
from opendmm.forwarding.netlink.socket import NetlinkError, NetlinkSocket
from opendmm.model.addressing import HomePrefix
from opendmm.model.flow import FlowRule
from opendmm.model.rules import Access, Action, Announce, Permit, RuleKey, Table

DESTINATION_TABLES = {TABLE_MAIN: Table.DOWNLINK, EGRESS_TABLE: Table.EGRESS}
FAMILIES = (AF_INET6, AF_INET)


class Snapshot(msgspec.Struct, frozen=True):
    """What carries our protocol number, as the kernel tells it."""

    routes: list[Route]
    next_hops: list[NextHop]
    neighbours: list[Neighbour]
    rules: list[PolicyRule]
    permitted: list[Counter]
    recognised: list[Counter]
    """Of flows that the reader was told of."""
    limited: list[HomePrefix]
    translations: dict[str, list[Mapping]]
    """By the name of their map."""
    guests: list[tuple[bytes, bytes]]
    """Pairs of packed care-of and home addresses."""


def take_snapshot(
    socket: NetlinkSocket, netfilter: NetlinkSocket, flows: Iterable[FlowRule] = ()
) -> Snapshot:
    """Read it all; `flows` are those that an egress may recognise. Raises NetlinkError."""
    neighbours = (parse_neighbour(body) for body in socket.dump(dump_neighbours()))
    return Snapshot(
        routes=[
            parse_route(body)
            for family in FAMILIES
            for body in socket.dump(dump_routes(family, PROTOCOL))
        ],
        next_hops=next_hops_of_ours(socket),
        neighbours=[n for n in neighbours if n.protocol == PROTOCOL],
        rules=[
            rule
            for family in FAMILIES
            for rule in map(parse_policy_rule, socket.dump(dump_policy_rules(family)))
            if rule.protocol == PROTOCOL
        ],
        permitted=list(permitted_sources(netfilter)),
        recognised=list(recognised_flows(netfilter, flows)),
        limited=[
            HomePrefix(interval.network, interval.length)
            for name in LIMITED_SETS.values()
            for interval in parse_intervals(_elements(netfilter, name))
        ],
        translations={
            name: parse_mappings(_elements(netfilter, name))
            for name in (TRANSLATE_MAP, RESTORE_MAP, ONWARD_MAP)
        },
        guests=[
            (pair[:16], pair[16:]) for pair in parse_elements(_elements(netfilter, GUESTS_SET))
        ],
    )


def _elements(netfilter: NetlinkSocket, name: str) -> list[bytes]:
    """Answers with the elements of a set or map of ours; none when there is no such one."""
    try:
        return list(netfilter.dump(dump_elements(NFT_TABLE, name)))
    except NetlinkError:
        return []


def next_hops_of_ours(socket: NetlinkSocket) -> list[NextHop]:
    """Next hop objects with our protocol number. Raises NetlinkError."""
    next_hops = (parse_next_hop(body) for body in socket.dump(dump_next_hops()))
    return [hop for hop in next_hops if hop.protocol == PROTOCOL]


def permitted_sources(netfilter: NetlinkSocket) -> Iterator[Counter]:
    """The exceptions of the ingress filter and what each let pass."""
    for set_name in PERMITTED_SETS.values():
        for interval in parse_intervals(_elements(netfilter, set_name)):
            key = RuleKey(Table.SOURCE_FILTER, HomePrefix(interval.network, interval.length))
            yield Counter(key, interval.packets, interval.octets)


def recognised_flows(netfilter: NetlinkSocket, flows: Iterable[FlowRule]) -> Iterator[Counter]:
    """The flows that an egress delivers, of prefixes that are limited to such, and how much."""
    for set_name, flow in sets_of(flows).items():
        for interval in parse_intervals(_elements(netfilter, set_name)):
            prefix = HomePrefix(interval.network, interval.length)
            key = RuleKey(Table.RECOGNITION, prefix, flow)
            yield Counter(key, interval.packets, interval.octets)


def flow_tables(snapshot: Snapshot) -> dict[tuple[int, int], FlowRule]:
    """The flows that have tables of their own, by family and table."""
    return {
        (rule.family, rule.table): flow_of(rule)
        for rule in snapshot.rules
        if rule.priority == FLOW_PRIORITY
    }


def installed_rules(
    snapshot: Snapshot, vocabulary: Vocabulary, interfaces: dict[int, str]
) -> list[Installed]:
    """The rule slots that a snapshot shows, in no particular order."""
    link_layer_ids = {(n.interface, n.address): n.link_layer_address for n in snapshot.neighbours}
    flows = flow_tables(snapshot)
    found: list[Installed] = []
    for route in snapshot.routes:
        key = _slot(route, flows)
        if key is not None:
            found.append(Installed(key, _action(route, vocabulary, interfaces, link_layer_ids)))
    for rule in snapshot.rules:
        if rule.priority == UPLINK_PRIORITY and rule.source:
            prefix = HomePrefix(rule.source, rule.source_length)
            action = vocabulary.action(rule.table)
            found.append(Installed(RuleKey(Table.UPLINK, prefix), action))
    permits = (*snapshot.permitted, *snapshot.recognised)
    found.extend(Installed(counter.key, Permit()) for counter in permits)
    found.extend(_translations(snapshot.translations, vocabulary))
    # Of two the later move's comes last; the other is what an abrupt end has left.
    later_last = sorted(announcements(snapshot), key=lambda one: one.action)
    found.extend(Installed(one.key, one.action) for one in later_last)
    return found


class Announcement(msgspec.Struct, frozen=True):
    """A route in the table of announced prefixes."""

    key: RuleKey
    action: Announce


def announcements(snapshot: Snapshot) -> Iterator[Announcement]:
    """Every one; for a moment there are two of a prefix."""
    for route in snapshot.routes:
        if route.form.table == ANNOUNCED_TABLE:
            key = RuleKey(Table.ANNOUNCEMENT, HomePrefix(route.destination, route.length))
            yield Announcement(key, announced(route.form))


def _translations(
    translations: dict[str, list[Mapping]], vocabulary: Vocabulary
) -> Iterator[Installed]:
    """Redirections by map. An element that passes on keeps the home address as its comment."""
    for mapping in translations[TRANSLATE_MAP]:
        home = HomePrefix(mapping.key, len(mapping.key) * 8)
        yield Installed(RuleKey(Table.DOWNLINK, home), vocabulary.redirection_to(mapping.value))
    for mapping in translations[ONWARD_MAP]:
        home = HomePrefix.parse(mapping.comment)
        yield Installed(RuleKey(Table.EGRESS, home), vocabulary.redirection_to(mapping.value))


def _slot(route: Route, flows: dict[tuple[int, int], FlowRule]) -> RuleKey | None:
    """The slot that a route stands for; None for tunnel ends and other fixtures."""
    form = route.form
    if form.kind is not RouteType.UNICAST or _is_tunnel_end(route) or form.metric != METRIC:
        return None
    if form.table == UPLINK_TABLE and form.source_length:
        return RuleKey(Table.UPLINK, HomePrefix(form.source, form.source_length))
    prefix = HomePrefix(route.destination, route.length)
    flow = flows.get((route.family, form.table))
    if flow is not None:
        return RuleKey(Table.DOWNLINK, prefix, flow)
    table = DESTINATION_TABLES.get(form.table)
    return None if table is None else RuleKey(table, prefix)


def _is_tunnel_end(route: Route) -> bool:
    encapsulation = route.form.encapsulation
    return encapsulation is not None and encapsulation.kind is EncapsulationType.SEG6_LOCAL


def _action(
    route: Route,
    vocabulary: Vocabulary,
    interfaces: dict[int, str],
    link_layer_ids: dict[tuple[int, bytes], bytes],
) -> Action:
    form = route.form
    if form.next_hop:
        return vocabulary.action(form.next_hop)
    if form.encapsulation is not None:
        return vocabulary.redirection_by(form.encapsulation)
    neighbour = form.gateway or form.via or route.destination
    return Access(
        interfaces.get(form.output, ""), link_layer_ids.get((form.output, neighbour), b"")
    )
