"""The driver: FE_MU_C's rules as routes of the mobile node's kernel.

FE_MU_C asks for a rule in the uplink table: of everything (::/0, 0.0.0.0/0), or of one home address
where there are several home agents. Its action is the interface of an anchor (every anchor answers
to the same addresses on its access links, as in RFC 6543, so only the interface changes), or a
tunnel from a care-of address to a home agent. Everything is put in place before what it replaces
is taken away.
"""

import errno
import socket
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv6Address

from opendmm.forwarding.contract import Capabilities, Counter, Installed
from opendmm.forwarding.kernel.conventions import PROTOCOL
from opendmm.forwarding.kernel.errors import RefusedError
from opendmm.forwarding.netlink.lightweight_tunnel import final_segment
from opendmm.forwarding.netlink.policy_rule import (
    PolicyRule,
    add_policy_rule,
    delete_policy_rule,
    dump_policy_rules,
    parse_policy_rule,
)
from opendmm.forwarding.netlink.route import (
    AF_INET,
    AF_INET6,
    TABLE_MAIN,
    Route,
    RouteType,
    delete_route,
    dump_routes,
    parse_route,
)
from opendmm.forwarding.netlink.socket import NetlinkSocket
from opendmm.model.addressing import HomePrefix, Locator
from opendmm.model.rules import Access, Action, Change, RuleKey, Table, Tunnel
from opendmm.node.mobile_node_forwarding import labels, routes, tunnel_end
from opendmm.node.mobile_node_forwarding.surroundings import visited

ALREADY_THERE = frozenset({errno.EEXIST})
NOTHING_TO_REMOVE = frozenset({errno.ESRCH, errno.ENOENT, errno.EAFNOSUPPORT})
"""The kernel has taken it away before us, with the link."""
OURS = frozenset({routes.CARE_OF_PRIORITY, routes.SOURCE_PRIORITY})


class MobileNodeForwarding:
    """Bound to the caller's network namespace.

    `home_addresses` are the node's own, and `home_agents` those that may send to it in tunnels.
    """

    def __init__(
        self,
        home_addresses: Sequence[IPv6Address] = (),
        home_agents: Iterable[IPv6Address] = (),
    ) -> None:
        self._netlink = NetlinkSocket()
        self._home = home_addresses[0].packed if home_addresses else b""
        self._home_agents = tuple(home_agents)
        self._care_of: dict[RuleKey, bytes] = {}
        """The care-of address that each tunnel comes from."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("mobile-node", ipv4=True, ipv6=True, overhead=0, counters=False)

    def start(self) -> None:
        """Set up the end of tunnels, if there are any; know those there are."""
        if self._home_agents:
            tunnel_end.set_up(self._netlink, self._home_agents)
        installed = self.installed()
        for rule in installed:
            if isinstance(rule.action, Tunnel):
                self._care_of[rule.key] = rule.action.entry.address
        self._sweep(rule.key for rule in installed)

    def apply(self, changes: Sequence[Change]) -> list[str]:
        """Carry out a batch in order; for each change an error text, empty on success."""
        return [self._change(change) for change in changes]

    def installed(self) -> list[Installed]:
        """Our routes."""
        tables = {TABLE_MAIN: HomePrefix(bytes(16), 0)}
        links: dict[int, bytes] = {}
        care_of_tables = {}
        for rule in self._rules():
            if rule.priority == routes.SOURCE_PRIORITY:
                tables[rule.table] = HomePrefix(rule.source, rule.source_length)
            else:
                care_of_tables[rule.table] = rule.source
        defaults = list(self._defaults())
        for route in defaults:
            if route.form.table in care_of_tables:
                links[route.form.output] = care_of_tables[route.form.table]
        return [
            Installed(RuleKey(Table.UPLINK, _prefix(tables, route)), _action(route, links))
            for route in defaults
            if route.form.table in tables
        ]

    def counters(self) -> list[Counter]:
        """Routes do not count."""
        return []

    def close(self, *, remove: bool) -> None:
        """Stop; with `remove` take everything of ours away."""
        if remove:
            self.apply([Change(rule.key, None) for rule in self.installed()])
            self._sweep(())
            if self._home_agents:
                tunnel_end.remove(self._netlink, self._home_agents)
        self._netlink.close()

    def _change(self, change: Change) -> str:
        key, action = change.key, change.action
        if key.table is not Table.UPLINK or (key.prefix.length and not key.prefix.is_host):
            return f"a mobile node steers what it sends, no rule {key}"
        done = NOTHING_TO_REMOVE if action is None else ALREADY_THERE
        try:
            self._execute(self._messages(key, action), done)
        except (RefusedError, OSError) as problem:
            return str(problem)
        self._leave_links(key, action)
        return ""

    def _messages(self, key: RuleKey, action: Action | None) -> list[bytes]:
        prefix = key.prefix
        steering = [add_policy_rule(routes.source_rule(prefix))] if prefix.length else []
        match action:
            case None:
                gone = [delete_policy_rule(routes.source_rule(prefix))] if prefix.length else []
                default = bytes(len(prefix.network))
                table = routes.table_of(prefix)
                return [*gone, delete_route(default, 0, routes.selector(table))]
            case Access(interface):
                return [routes.to_anchor(prefix, _index(interface)), *steering]
            case Tunnel(agent, care_of) if prefix.is_ipv6:
                link = visited(self._netlink, care_of.address)
                source = prefix.network if prefix.length else self._home
                return [
                    *labels.give(self._netlink, [care_of.address]),
                    routes.link_route(care_of.address, link),
                    add_policy_rule(routes.care_of_rule(care_of.address)),
                    routes.to_home_agent(prefix, agent, link, source),
                    *steering,
                ]
        raise RefusedError(f"a mobile node cannot do {action}")

    def _execute(self, messages: Sequence[bytes], done: frozenset[int]) -> None:
        for refusal in self._netlink.execute(messages).values():
            if refusal.number not in done:
                raise RefusedError(refusal.text)

    def _leave_links(self, key: RuleKey, action: Action | None) -> None:
        """Take away what led packets from a care-of address that no tunnel comes from now."""
        before = self._care_of.pop(key, None)
        if isinstance(action, Tunnel):
            self._care_of[key] = action.entry.address
        if before is not None and before not in self._care_of.values():
            self._netlink.execute(
                [
                    *labels.take([before]),
                    delete_policy_rule(routes.care_of_rule(before)),
                    delete_route(bytes(16), 0, routes.selector(routes.table_of_link(before))),
                ]
            )

    def _sweep(self, installed: Iterable[RuleKey]) -> None:
        """Take away what a life that ended in the middle of a change has left."""
        care_of = set(self._care_of.values())
        used = {routes.table_of(key.prefix) for key in installed}
        used.update(map(routes.table_of_link, care_of), {TABLE_MAIN})
        named = care_of.union(agent.packed for agent in self._home_agents)
        self._netlink.execute(
            [
                *(delete_policy_rule(rule) for rule in self._rules() if rule.table not in used),
                *(
                    delete_route(route.destination, 0, routes.selector(route.form.table))
                    for route in self._defaults()
                    if route.form.table not in used
                ),
                *labels.take(labels.labelled(self._netlink) - named),
            ]
        )

    def _rules(self) -> Iterator[PolicyRule]:
        for family in (AF_INET6, AF_INET):
            for rule in map(parse_policy_rule, self._netlink.dump(dump_policy_rules(family))):
                if rule.protocol == PROTOCOL and rule.priority in OURS:
                    yield rule

    def _defaults(self) -> Iterator[Route]:
        for family in (AF_INET6, AF_INET):
            for route in map(parse_route, self._netlink.dump(dump_routes(family, PROTOCOL))):
                form = route.form
                ours = form.protocol == PROTOCOL and form.kind is RouteType.UNICAST
                if ours and not route.length:
                    yield route


def _prefix(tables: dict[int, HomePrefix], route: Route) -> HomePrefix:
    if route.form.table == TABLE_MAIN:
        return HomePrefix(route.destination, 0)
    return tables[route.form.table]


def _action(route: Route, links: dict[int, bytes]) -> Action:
    form = route.form
    if form.encapsulation is None:
        return Access(_name(form.output), b"")
    agent = Locator(final_segment(form.encapsulation))
    return Tunnel(agent, Locator(links.get(form.output, bytes(16))))


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError as error:
        raise RefusedError(f"interface {interface}: {error}") from None


def _name(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return f"#{index}"
