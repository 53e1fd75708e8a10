"""What a node has in the kernel before any mobile node: made at start, taken away at removal."""

import errno
from collections.abc import Sequence

from opendmm.forwarding.kernel import guests
from opendmm.forwarding.kernel.base_ruleset import base_ruleset, remove_ruleset
from opendmm.forwarding.kernel.config import NodeForwardingConfig
from opendmm.forwarding.kernel.conventions import (
    ACCESS_MARK,
    ATTACHED_PRIORITY,
    ATTACHED_TABLE,
    DEFAULT_ROUTE,
    DEVICES,
    EGRESS_TABLE,
    FLOW_PRIORITY,
    LEAST_PREFERRED,
    NFT_TABLE,
    PROTOCOL,
    TUNNEL_DEVICE,
    UPLINK_PRIORITY,
    UPLINK_TABLE,
)
from opendmm.forwarding.kernel.endpoints import BLOCK
from opendmm.forwarding.kernel.errors import ForwardingUnavailableError
from opendmm.forwarding.kernel.libnftables import Nftables, NftablesError
from opendmm.forwarding.kernel.means import Means
from opendmm.forwarding.kernel.means.seg6 import DEVICE_KINDS
from opendmm.forwarding.kernel.recognition import FLOW_SET
from opendmm.forwarding.kernel.snapshot import FAMILIES, Snapshot
from opendmm.forwarding.netlink.link import delete_link
from opendmm.forwarding.netlink.neighbour import delete_neighbour
from opendmm.forwarding.netlink.next_hop import delete_next_hop
from opendmm.forwarding.netlink.nftables_elements import dump_sets, parse_set_name
from opendmm.forwarding.netlink.policy_rule import (
    PolicyRule,
    add_policy_rule,
    delete_policy_rule,
    dump_policy_rules,
    parse_policy_rule,
)
from opendmm.forwarding.netlink.route import (
    AF_INET6,
    TABLE_MAIN,
    Route,
    RouteForm,
    RouteType,
    delete_route,
    put_route,
)
from opendmm.forwarding.netlink.socket import NetlinkError, NetlinkSocket
from opendmm.forwarding.netlink.tunnel_source import set_tunnel_source

ALREADY = frozenset({0, errno.EEXIST})
UNSPECIFIED = bytes(16)
"""As source of tunnels: whichever the kernel chooses."""


def set_up(
    config: NodeForwardingConfig, means: Means, socket: NetlinkSocket, netfilter: NetlinkSocket
) -> None:
    """Idempotent. Raises ForwardingUnavailableError naming what the kernel refused."""
    _must(socket, [_end_of_block(config), *means.set_up()], "tunnel ends")
    if config.guests:
        device = means.links.ensure(TUNNEL_DEVICE, DEVICE_KINDS, config.core_mtu)
        _must(socket, guests.tunnel_ends(config, device), "the ends of tunnels from guests")
        _come_from(config.locator.address)
    if means.apart:
        _must(socket, _ends_of_egress_table(), "the end of the egress table")
    else:
        socket.execute(_removed_ends_of_egress_table())
    wanted = [*means.rules(), *_uplink_rules()]
    _must(socket, [add_policy_rule(rule) for rule in wanted], "policy rules")
    socket.execute([delete_policy_rule(rule) for rule in _strangers(socket, wanted)])
    ruleset = base_ruleset(
        config,
        overhead=means.overhead,
        maps=means.maps,
        arrivals=means.arrivals(),
        guard=means.guard(),
        guard_inside=means.guard_inside(),
        arrived=means.arrived,
        known_sets=_sets_of_flows(netfilter),
    )
    _run_nftables(ruleset)


def remove(config: NodeForwardingConfig, snapshot: Snapshot, socket: NetlinkSocket) -> None:
    """Take away everything of ours."""
    socket.execute(
        [
            *(delete_policy_rule(rule) for rule in snapshot.rules),
            *(_deletion(route) for route in snapshot.routes),
            *(delete_next_hop(hop.identifier) for hop in snapshot.next_hops),
            *(delete_neighbour(neighbour) for neighbour in snapshot.neighbours),
            *(delete_link(name) for name in DEVICES),
        ]
    )
    _run_nftables(remove_ruleset())
    if config.guests:
        _come_from(UNSPECIFIED)


def _come_from(address: bytes) -> None:
    try:
        set_tunnel_source(address)
    except NetlinkError as problem:
        raise ForwardingUnavailableError(f"the source of tunnels: {problem}") from problem


def _sets_of_flows(netfilter: NetlinkSocket) -> list[str]:
    """Those that an earlier life made; none where the table is not there yet."""
    try:
        names = [parse_set_name(body) for body in netfilter.dump(dump_sets(NFT_TABLE))]
    except NetlinkError:
        return []
    return [name for name in names if name.startswith(FLOW_SET)]


def _must(socket: NetlinkSocket, messages: Sequence[bytes], what: str) -> None:
    for refusal in socket.execute(messages).values():
        if refusal.number not in ALREADY:
            raise ForwardingUnavailableError(f"{what}: the kernel refused: {refusal.text}")


def _run_nftables(commands: str) -> None:
    nftables = Nftables()
    try:
        nftables.run(commands)
    except NftablesError as problem:
        raise ForwardingUnavailableError(f"nftables: {problem}") from problem
    finally:
        nftables.close()


def _end_of_block(config: NodeForwardingConfig) -> bytes:
    """A packet to an address of the node's block that nothing answers is refused here.

    Else it would follow the default route back to whoever sent it here.
    """
    network = config.locator.address[:BLOCK] + bytes(BLOCK)
    form = RouteForm(TABLE_MAIN, PROTOCOL, LEAST_PREFERRED, RouteType.UNREACHABLE)
    return put_route(network, BLOCK * 8, form)


def _end_form() -> RouteForm:
    return RouteForm(EGRESS_TABLE, PROTOCOL, LEAST_PREFERRED, RouteType.UNREACHABLE)


def _ends_of_egress_table() -> list[bytes]:
    """A packet out of a tunnel that nobody here serves is refused, never routed back."""
    return [put_route(default.network, 0, _end_form()) for default in DEFAULT_ROUTE.values()]


def _removed_ends_of_egress_table() -> list[bytes]:
    return [delete_route(default.network, 0, _end_form()) for default in DEFAULT_ROUTE.values()]


def _uplink_rules() -> list[PolicyRule]:
    """From access links: attached mobile nodes first, then the IPv6 tunnels.

    IPv4 has no source-specific routes; there each uplink tunnel has rules of its own.
    """
    rules = [
        PolicyRule(
            family=family,
            priority=ATTACHED_PRIORITY,
            table=ATTACHED_TABLE,
            protocol=PROTOCOL,
            mark=ACCESS_MARK,
        )
        for family in FAMILIES
    ]
    rules.append(
        PolicyRule(
            family=AF_INET6,
            priority=UPLINK_PRIORITY,
            table=UPLINK_TABLE,
            protocol=PROTOCOL,
            mark=ACCESS_MARK,
        )
    )
    return rules


def _strangers(socket: NetlinkSocket, wanted: Sequence[PolicyRule]) -> list[PolicyRule]:
    """Rules of ours that an earlier life with another means needed; not those of slots."""
    rules = (
        parse_policy_rule(body)
        for family in FAMILIES
        for body in socket.dump(dump_policy_rules(family))
    )
    return [
        r
        for r in rules
        if r.protocol == PROTOCOL
        and not (r.source or r.priority == FLOW_PRIORITY)
        and r not in wanted
    ]


def _deletion(route: Route) -> bytes:
    form = route.form
    chosen = RouteForm(
        form.table,
        PROTOCOL,
        form.metric,
        form.kind,
        source=form.source,
        source_length=form.source_length,
    )
    return delete_route(route.destination, route.length, chosen)
