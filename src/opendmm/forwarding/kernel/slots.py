"""One change of a slot as netlink messages, and what it shares with other slots.

Every put is in place: the new route replaces the old one of the same metric in one step, and
what only the old one used is taken away afterwards.
"""

from collections.abc import Callable, Iterable

from opendmm.forwarding.kernel.batch import ALREADY_GONE, ALREADY_THERE, Batch
from opendmm.forwarding.kernel.conventions import (
    ATTACHED_TABLE,
    DEFAULT_ROUTE,
    NFT_TABLE,
    PERMITTED_SETS,
    PROTOCOL,
    ROUTING_TABLES,
    TUNNEL_DEVICE,
)
from opendmm.forwarding.kernel.errors import RefusedError
from opendmm.forwarding.kernel.forms import (
    AnnouncementUse,
    AttachedRouteUse,
    FlowRuleUse,
    GuestUse,
    LimitedUse,
    NeighbourUse,
    NextHopUse,
    RecognisedUse,
    TranslationUse,
    UplinkRuleUse,
    UplinkTableUse,
    Use,
    access_form,
    attached_selector,
    flow_rule,
    flow_table,
    neighbour_address,
    packed_announcement,
    selector,
    shared_form,
    uplink_form,
    uplink_rule,
    uplink_selector,
)
from opendmm.forwarding.kernel.guests import let_go, next_hop, take_in
from opendmm.forwarding.kernel.links import Links
from opendmm.forwarding.kernel.means import Means
from opendmm.forwarding.kernel.recognition import limited_set, set_of
from opendmm.forwarding.kernel.resolution import gateway_to
from opendmm.forwarding.kernel.vocabulary import Vocabulary
from opendmm.forwarding.netlink.neighbour import Neighbour, delete_neighbour, put_neighbour
from opendmm.forwarding.netlink.next_hop import (
    NextHop,
    add_next_hop,
    delete_next_hop,
    put_next_hop,
)
from opendmm.forwarding.netlink.nftables_elements import (
    add_prefix,
    delete_prefix,
    destroy_element,
    transaction,
)
from opendmm.forwarding.netlink.policy_rule import add_policy_rule, delete_policy_rule
from opendmm.forwarding.netlink.route import RouteForm, delete_route, put_route
from opendmm.forwarding.netlink.socket import NetlinkSocket
from opendmm.model.addressing import Egress, HomePrefix
from opendmm.model.flow import FlowRule
from opendmm.model.rules import (
    Access,
    Action,
    Announce,
    Permit,
    Redirect,
    RuleKey,
    Table,
    ToAnchor,
    Tunnel,
)

SELECTORS = {
    table: (selector(number), selector(number).attributes())
    for table, number in ROUTING_TABLES.items()
}


def _unknown(_key: RuleKey) -> Action | None:
    return None


class SlotWriter:
    """Writes the changes of one batch; `begin` starts the next one."""

    def __init__(
        self, means: Means, vocabulary: Vocabulary, links: Links, netfilter: NetlinkSocket
    ) -> None:
        self._means = means
        self._vocabulary = vocabulary
        self._links = links
        self._netfilter = netfilter
        self._batch = Batch()
        self._ready: set[int] = set()
        self._next_hops: dict[int, NextHop] = {}
        self._next_hop_uses: dict[int, tuple[Use, ...]] = {}
        self._shared: dict[tuple[int, int], tuple[RouteForm, bytes]] = {}
        self.filled: Callable[[RuleKey], Action | None] = _unknown
        """What a slot is filled with before the batch."""

    def begin(self) -> Batch:
        """A new batch. Interfaces and next hops are looked at afresh."""
        self._batch = Batch()
        self._ready.clear()
        self._links.forget()
        return self._batch

    def know(self, next_hops: Iterable[NextHop]) -> None:
        """The next hop objects that the kernel has."""
        self._next_hops = {hop.identifier: hop for hop in next_hops}

    def uses(self, key: RuleKey, action: Action) -> tuple[Use, ...]:
        """What a slot with this action shares with others. Raises RefusedError."""
        match action:
            case Redirect(egress):
                return self._redirection_uses(key, egress)
            case ToAnchor(anchor):
                return (NextHopUse(self._vocabulary.anchor(anchor)),)
            case Tunnel(care_of):
                next_hop = NextHopUse(self._vocabulary.guest(care_of))
                if key.table is not Table.DOWNLINK:
                    return (next_hop,)
                return (GuestUse(care_of.address, key.prefix.network), next_hop)
            case Access():
                neighbour = NeighbourUse(action.interface, neighbour_address(key.prefix, action))
                uses: tuple[Use, ...] = (neighbour,) if action.link_layer_id else ()
                if key.table is Table.DOWNLINK:
                    uses += (AttachedRouteUse(key.prefix),)
                return uses
            case Announce():
                return (AnnouncementUse(key.prefix, action),)
            case Permit() if key.flow is not None:
                return (LimitedUse(key.prefix), RecognisedUse(key.prefix, key.flow))
        return ()

    def put(self, owner: int, key: RuleKey, action: Action) -> None:
        """Add the messages that put an action in a slot. Raises RefusedError."""
        if key.flow is not None:
            self._put_flow(owner, key, key.flow, action)
            return
        match key.table, action:
            case ((Table.DOWNLINK | Table.EGRESS), Access()):
                self._put_access(owner, key, action)
            case ((Table.DOWNLINK | Table.EGRESS), Redirect(egress)):
                number = self._ready_redirection(owner, egress, key)
                self._put_shared(owner, key, number)
            case ((Table.DOWNLINK | Table.EGRESS), ToAnchor(anchor)):
                number = self._vocabulary.anchor(anchor)
                if number not in self._ready:
                    hop = gateway_to(self._means.socket, anchor, number)
                    self._put_next_hop(owner, hop)
                self._put_shared(owner, key, number)
            case ((Table.DOWNLINK | Table.EGRESS), Tunnel()):
                self._put_guest(owner, key, action)
            case Table.UPLINK, Redirect(egress):
                self._put_uplink(owner, key, egress)
            case Table.SOURCE_FILTER, Permit():
                self._change_permitted(key.prefix, permit=True)
            case Table.ANNOUNCEMENT, Announce():
                # Beside that of an earlier move, which goes once this is there.
                packed = packed_announcement(action)
                self._batch.add(put_route(key.prefix.network, key.prefix.length, *packed), owner)
            case _:
                kind = type(action).__name__
                raise RefusedError(f"an action {kind} does not belong in table {key.table}")

    def clear(self, owner: int, key: RuleKey) -> None:
        """Add the messages that empty a slot. Raises RefusedError."""
        prefix = key.prefix
        match key.table:
            case Table.DOWNLINK if key.flow is not None:
                chosen = selector(flow_table(key.flow))
                message = delete_route(prefix.network, prefix.length, chosen)
                self._batch.add(message, owner, ALREADY_GONE)
            case Table.DOWNLINK | Table.EGRESS:
                message = delete_route(prefix.network, prefix.length, *SELECTORS[key.table])
                self._batch.add(message, owner, ALREADY_GONE)
            case Table.UPLINK if prefix.is_ipv6:
                default = DEFAULT_ROUTE[16]
                message = delete_route(default.network, 0, uplink_selector(prefix))
                self._batch.add(message, owner, ALREADY_GONE)
            case Table.UPLINK | Table.RECOGNITION | Table.ANNOUNCEMENT:
                pass  # policy rules, elements and such routes go with their last use
            case Table.SOURCE_FILTER:
                self._change_permitted(prefix, permit=False)

    def release(self, use: Use) -> None:
        """Add the message that takes away what no slot uses any more."""
        match use:
            case NextHopUse(number):
                self._next_hops.pop(number, None)
                message = delete_next_hop(number)
            case NeighbourUse(interface, address):
                try:
                    index = self._links.usable(interface)
                except RefusedError:
                    return  # its neighbours went with it
                message = delete_neighbour(Neighbour(index, address))
            case AnnouncementUse(prefix, announce):
                packed = packed_announcement(announce)
                message = delete_route(prefix.network, prefix.length, *packed)
            case AttachedRouteUse(prefix):
                message = delete_route(prefix.network, prefix.length, attached_selector())
            case UplinkRuleUse(prefix, number):
                message = delete_policy_rule(uplink_rule(prefix, number))
            case UplinkTableUse(number):
                message = delete_route(DEFAULT_ROUTE[4].network, 0, selector(number))
            case FlowRuleUse(flow, ipv6):
                message = delete_policy_rule(flow_rule(flow, ipv6=ipv6))
            case GuestUse(care_of, home):
                self._netfilter.transact(let_go(care_of, home))
                return
            case LimitedUse() | RecognisedUse() | TranslationUse():
                self._netfilter.transact(transaction(_removal(use)))
                return
        self._batch.add(message, 0, ALREADY_GONE)

    def _redirection_uses(self, key: RuleKey, egress: Egress) -> tuple[Use, ...]:
        uplink = key.table is Table.UPLINK
        ipv6 = key.prefix.is_ipv6
        if uplink and ipv6:
            return ()
        number = self._vocabulary.redirection(egress, ipv6=ipv6, uplink=uplink)
        next_hop = self._next_hop_uses.setdefault(number, (NextHopUse(number),))
        if key.flow is not None:
            return (FlowRuleUse(key.flow, ipv6), *next_hop)
        if uplink:
            return (UplinkRuleUse(key.prefix, number), UplinkTableUse(number), *next_hop)
        return next_hop

    def _ready_redirection(self, owner: int, egress: Egress, key: RuleKey) -> int:
        """The number of a next hop that exists once the batch has come so far."""
        uplink = key.table is Table.UPLINK
        ipv6 = key.prefix.is_ipv6
        number = self._vocabulary.redirection(egress, ipv6=ipv6, uplink=uplink)
        if number not in self._ready:
            self._refuse_own(egress)
            hop = self._means.next_hop(egress, ipv6=ipv6, uplink=uplink)
            self._put_next_hop(owner, hop)
        return number

    def _refuse_own(self, egress: Egress) -> None:
        if egress.locator == self._means.config.locator:
            raise RefusedError(f"{egress} is this node itself: a redirection to it would loop")

    def _put_next_hop(self, owner: int, hop: NextHop) -> None:
        """Replacing costs the kernel time for every route of the object: only if it changed."""
        self._ready.add(hop.identifier)
        if self._next_hops.get(hop.identifier, hop) == hop:
            self._batch.add(add_next_hop(hop), owner, ALREADY_THERE)
        else:
            self._batch.add(put_next_hop(hop), owner)
        self._next_hops[hop.identifier] = hop

    def _put_flow(self, owner: int, key: RuleKey, flow: FlowRule, action: Action) -> None:
        """The rule before the route: what a sudden end leaves behind can then be read back."""
        match key.table, action:
            case Table.DOWNLINK, Redirect(egress) if self._means.tunnels:
                number = self._ready_redirection(owner, egress, key)
                rule = add_policy_rule(flow_rule(flow, ipv6=key.prefix.is_ipv6))
                self._batch.add(rule, owner, ALREADY_THERE)
                self._put_shared(owner, key, number)
            case Table.RECOGNITION, Permit() if self._means.tunnels:
                self._recognise(key, flow)
            case _:
                raise RefusedError(
                    f"{key}: the means {self._means.name} cannot tell flows apart; use a tunnel"
                )

    def _recognise(self, key: RuleKey, flow: FlowRule) -> None:
        """The flow, and that the prefix is limited to such, at once."""
        prefix = key.prefix
        if flow not in self._means.config.flows:
            raise RefusedError(f"{key}: no such flow in this node's configuration")
        changes = transaction(
            *(
                add_prefix(NFT_TABLE, name, prefix.network, prefix.length)
                for name in (set_of(flow, len(prefix.network)), limited_set(prefix))
            )
        )
        refusal = self._netfilter.transact(changes)
        if refusal is not None:
            raise RefusedError(f"{key}: {refusal.text}")

    def _put_shared(self, owner: int, key: RuleKey, number: int) -> None:
        table = ROUTING_TABLES[key.table] if key.flow is None else flow_table(key.flow)
        packed = self._shared.get((table, number))
        if packed is None:
            form = shared_form(table, number)
            packed = self._shared[table, number] = (form, form.attributes())
        self._batch.add(put_route(key.prefix.network, key.prefix.length, *packed), owner)

    def _put_guest(self, owner: int, key: RuleKey, tunnel: Tunnel) -> None:
        """Its packets are taken in before any is sent to it."""
        home, care_of, own = key.prefix, tunnel.exit, self._means.config.locator
        if not self._means.config.guests:
            raise RefusedError(f"{key}: this node is no home agent of mobile nodes that are guests")
        if not (home.is_ipv6 and home.is_host and care_of.is_ipv6):
            raise RefusedError(f"{key}: a tunnel to a care-of address is for one IPv6 address")
        if tunnel.entry != own:
            raise RefusedError(f"{key}: a tunnel from {tunnel.entry}, but this node is {own}")
        if key.table is Table.DOWNLINK:
            refusal = self._netfilter.transact(take_in(care_of.address, home.network))
            if refusal is not None and refusal.number not in ALREADY_THERE:
                raise RefusedError(f"{key}: {refusal.text}")
        number = self._vocabulary.guest(care_of)
        if number not in self._ready:
            device = self._links.usable(TUNNEL_DEVICE)
            self._put_next_hop(owner, next_hop(number, care_of.address, device))
        self._put_shared(owner, key, number)

    def _put_access(self, owner: int, key: RuleKey, access: Access) -> None:
        prefix = key.prefix
        interface = self._links.usable(access.interface)
        if access.link_layer_id:
            neighbour = Neighbour(
                interface, neighbour_address(prefix, access), access.link_layer_id, PROTOCOL
            )
            self._batch.add(put_neighbour(neighbour), owner)
        tables = [ROUTING_TABLES[key.table]]
        if key.table is Table.DOWNLINK:
            tables.append(ATTACHED_TABLE)
        for table in tables:
            form = access_form(table, prefix, access, interface)
            self._batch.add(put_route(prefix.network, prefix.length, form), owner)

    def _put_uplink(self, owner: int, key: RuleKey, egress: Egress) -> None:
        if not self._means.tunnels:
            raise RefusedError(
                f"the means {self._means.name} cannot carry uplink packets to {egress}; "
                "use a tunnel, or direct uplink"
            )
        self._refuse_own(egress)
        prefix = key.prefix
        if prefix.is_ipv6:
            hop = self._means.next_hop(egress, ipv6=True, uplink=True)
            form = uplink_form(prefix, hop)
            self._batch.add(put_route(DEFAULT_ROUTE[16].network, 0, form), owner)
            return
        number = self._ready_redirection(owner, egress, key)
        self._batch.add(put_route(DEFAULT_ROUTE[4].network, 0, shared_form(number, number)), owner)
        self._batch.add(add_policy_rule(uplink_rule(prefix, number)), owner, ALREADY_THERE)

    def _change_permitted(self, prefix: HomePrefix, *, permit: bool) -> None:
        change = add_prefix if permit else delete_prefix
        set_name = PERMITTED_SETS[len(prefix.network)]
        message = change(NFT_TABLE, set_name, prefix.network, prefix.length)
        refusal = self._netfilter.transact(transaction(message))
        if refusal is not None and (permit or refusal.number not in ALREADY_GONE):
            raise RefusedError(f"source filter, {prefix}: {refusal.text}")


def _removal(use: LimitedUse | RecognisedUse | TranslationUse) -> bytes:
    """The change that takes an element of a set or map away."""
    match use:
        case LimitedUse(prefix):
            name = limited_set(prefix)
            return delete_prefix(NFT_TABLE, name, prefix.network, prefix.length)
        case RecognisedUse(prefix, flow):
            name = set_of(flow, len(prefix.network))
            return delete_prefix(NFT_TABLE, name, prefix.network, prefix.length)
        case TranslationUse(map_name, address):
            return destroy_element(NFT_TABLE, map_name, address, answered=True)
