"""The forwarding driver of a real node: the Linux kernel, programmed over netlink.

A redirection is a route to a next hop object; the object, shared by all mobile nodes behind
one egress, does the encapsulation (a route with an encapsulation of its own costs twice the
memory and is refused now and then when many come at once). Nothing is ever deleted before its
successor is in place. What is ours carries our protocol number (`conventions`), so a new life
of the node reads it back, and removal touches nothing else.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence

from opendmm.forwarding.contract import Capabilities, Counter, Installed
from opendmm.forwarding.kernel import fixtures
from opendmm.forwarding.kernel.config import NodeForwardingConfig
from opendmm.forwarding.kernel.conventions import ATTACHED_TABLE
from opendmm.forwarding.kernel.errors import ForwardingUnavailableError, RefusedError
from opendmm.forwarding.kernel.forms import (
    AnnouncementUse,
    AttachedRouteUse,
    FlowRuleUse,
    GuestUse,
    LimitedUse,
    NeighbourUse,
    NextHopUse,
    TranslationUse,
    Use,
)
from opendmm.forwarding.kernel.ledger import Ledger
from opendmm.forwarding.kernel.links import Links
from opendmm.forwarding.kernel.means import (
    MEANS,
    EbpfMeans,
    IpInIpv6Means,
    LispMeans,
    Means,
    TranslationMeans,
)
from opendmm.forwarding.kernel.redirections import MapSlotWriter
from opendmm.forwarding.kernel.slots import SlotWriter
from opendmm.forwarding.kernel.snapshot import (
    Snapshot,
    announcements,
    flow_tables,
    installed_rules,
    next_hops_of_ours,
    permitted_sources,
    recognised_flows,
    take_snapshot,
)
from opendmm.forwarding.kernel.translation import TranslatingSlotWriter
from opendmm.forwarding.kernel.vocabulary import Vocabulary
from opendmm.forwarding.netlink.route import AF_INET6
from opendmm.forwarding.netlink.socket import NETLINK_NETFILTER, NetlinkSocket
from opendmm.model.addressing import HomePrefix
from opendmm.model.rules import Access, Action, Change, Redirect, RuleKey, Table, ToAnchor, Tunnel

WRITERS: Mapping[type[Means], type[SlotWriter]] = {
    TranslationMeans: TranslatingSlotWriter,
    EbpfMeans: MapSlotWriter,
    LispMeans: MapSlotWriter,
}
"""How redirections are written where they are no routes."""
SUBSTITUTES: Mapping[type[Means], type[Means]] = {EbpfMeans: IpInIpv6Means}
"""What puts the same packets on the wire, slower."""
LOGGER = logging.getLogger("opendmm.forwarding")


class KernelForwarding:
    """A node's forwarding in the network namespace of the thread that constructs it.

    `start` and `close` are to be called in that namespace, too. Nothing is touched before
    `start`. Not thread-safe; each call lasts as long as the kernel takes (about 50 us for one
    change). Raises ForwardingUnavailableError for a configuration that cannot work, and from
    `start` where the kernel lacks what the means needs.
    """

    def __init__(self, config: NodeForwardingConfig) -> None:
        means = MEANS.get(config.means)
        if means is None:
            known = ", ".join(MEANS)
            raise ForwardingUnavailableError(f"unknown means {config.means}; there are {known}")
        self._config = config
        self._socket = NetlinkSocket()
        self._netfilter = NetlinkSocket(NETLINK_NETFILTER)
        self._links = Links(self._socket)
        self.replaced = ""
        """Why another means stands in for that of the configuration; empty where none does."""
        self._use(means)
        if means in SUBSTITUTES and not self._means.is_set_up():
            # By what another process may have put it there; `start` tries the means itself first.
            self._use(SUBSTITUTES[means])

    def _use(self, means: type[Means]) -> None:
        self._means = means(self._config, self._socket, self._links)
        try:
            self._vocabulary = Vocabulary(self._means)
        except RefusedError as problem:
            raise ForwardingUnavailableError(str(problem)) from problem
        writer = WRITERS.get(means, SlotWriter)
        self._writer = writer(self._means, self._vocabulary, self._links, self._netfilter)
        self._ledger = Ledger(self._writer.uses)
        self._writer.filled = self._ledger.action

    @property
    def capabilities(self) -> Capabilities:
        """The kernel counts no packets by route; it does count those that a permit lets pass,
        of a source at an ingress filter and of a flow at an egress; so do packet programs of
        ours what they redirect."""
        return Capabilities(
            self._means.name,
            ipv4=self._means.ipv4,
            ipv6=True,
            overhead=self._means.overhead,
            counters=bool(self._config.source_filter or self._config.flows or self._means.counts),
        )

    def start(self) -> None:
        """Set up tunnel ends, policy rules and the base filter; adopt what is installed."""
        self._set_up(MEANS[self._config.means])
        snapshot = self._snapshot()
        self._writer.know(snapshot.next_hops)
        self._ledger.open(self._translate(snapshot))
        self._mend(snapshot)

    def _set_up(self, means: type[Means]) -> None:
        """The means, or what stands in for it where the kernel will not have it."""
        self._use(means)
        try:
            fixtures.set_up(self._config, self._means, self._socket, self._netfilter)
        except ForwardingUnavailableError as problem:
            substitute = SUBSTITUTES.get(means)
            if substitute is None:
                raise
            why = {"means": means.name, "instead": substitute.name, "why": str(problem)}
            LOGGER.warning("means-replaced", extra={"fields": why})
            self.replaced = str(problem)
            self._set_up(substitute)

    def apply(self, changes: Sequence[Change]) -> list[str]:
        """Carry out a batch in order; for each change an error text, empty on success."""
        errors: list[str] = []
        for part in _without_repeats(changes):
            errors.extend(self._apply(part))
        return errors

    def installed(self) -> list[Installed]:
        """What the kernel has, whatever this driver remembers."""
        return self._translate(self._snapshot())

    def counters(self) -> list[Counter]:
        """What each permitted source has sent, what of each recognised flow arrived, and what was
        redirected to each prefix since it was last redirected elsewhere."""
        redirected = (
            Counter(RuleKey(Table.DOWNLINK, r.prefix), r.packets, r.octets)
            for r in self._means.redirections()
        )
        return [
            *redirected,
            *permitted_sources(self._netfilter),
            *recognised_flows(self._netfilter, self._config.flows),
        ]

    def close(self, *, remove: bool) -> None:
        """Stop; with `remove` take away everything of ours, else leave it forwarding."""
        if remove:
            self._means.remove()
            fixtures.remove(self._config, self._snapshot(), self._socket)
        self._means.close()
        self._socket.close()
        self._netfilter.close()

    def _snapshot(self) -> Snapshot:
        return take_snapshot(self._socket, self._netfilter, self._config.flows)

    def _translate(self, snapshot: Snapshot) -> list[Installed]:
        self._vocabulary.hear(snapshot.next_hops)
        rules = installed_rules(snapshot, self._vocabulary, self._links.names())
        redirected = {
            RuleKey(Table.DOWNLINK, r.prefix): self._vocabulary.redirection_to(r.locator)
            for r in self._means.redirections()
        }
        rules = [rule for rule in rules if rule.key not in redirected]
        return rules + [Installed(key, action) for key, action in redirected.items()]

    def _apply(self, changes: Sequence[Change]) -> list[str]:
        errors = [""] * len(changes)
        batch = self._writer.begin()
        for number, change in enumerate(changes):
            try:
                if change.action is None:
                    self._writer.clear(number, change.key)
                else:
                    self._writer.put(number, change.key, change.action)
            except RefusedError as problem:
                errors[number] = str(problem)
        for number, problem_text in batch.send(self._socket):
            errors[number] = errors[number] or f"{changes[number].key}: {problem_text}"
        if any(errors):
            self._writer.know(next_hops_of_ours(self._socket))
        perhaps_idle: list[Use] = []
        for change, error in zip(changes, errors, strict=True):
            perhaps_idle.extend(self._after(change, error))
        self._release(self._ledger.idle(perhaps_idle))
        return errors

    def _after(self, change: Change, error: str) -> tuple[Use, ...]:
        """Account for a change; what it may have left unused."""
        if not error:
            return self._ledger.record(change.key, change.action)
        if change.action is None:
            return ()
        try:
            return self._writer.uses(change.key, change.action)
        except RefusedError:
            return ()

    def _release(self, idle: Iterable[Use]) -> None:
        batch = self._writer.begin()
        for use in idle:
            self._writer.release(use)
        for _ in batch.send(self._socket):
            pass  # left behind unused, it does no harm; `start` of the next life removes it

    def _mend(self, snapshot: Snapshot) -> None:
        """Finish what a life that ended abruptly left half done."""
        names = self._links.names()
        routed = {route.form.next_hop for route in snapshot.routes}
        leftovers: list[Use] = [
            NextHopUse(hop.identifier) for hop in snapshot.next_hops if hop.identifier not in routed
        ]
        leftovers.extend(
            NeighbourUse(names[n.interface], n.address)
            for n in snapshot.neighbours
            if n.interface in names
        )
        attached = {
            HomePrefix(route.destination, route.length)
            for route in snapshot.routes
            if route.form.table == ATTACHED_TABLE
        }
        leftovers.extend(AttachedRouteUse(prefix) for prefix in attached)
        leftovers.extend(
            TranslationUse(name, mapping.key)
            for name, mappings in snapshot.translations.items()
            for mapping in mappings
        )
        leftovers.extend(
            FlowRuleUse(flow, family == AF_INET6)
            for (family, _), flow in flow_tables(snapshot).items()
        )
        leftovers.extend(LimitedUse(prefix) for prefix in snapshot.limited)
        leftovers.extend(GuestUse(care_of, home) for care_of, home in snapshot.guests)
        leftovers.extend(
            AnnouncementUse(one.key.prefix, one.action) for one in announcements(snapshot)
        )
        self._release(self._ledger.idle(leftovers))
        self._apply(
            [
                Change(key, action)
                for key, action in self._ledger.items()
                if self._is_to_be_redone(key, action, attached)
            ]
        )

    def _is_to_be_redone(self, key: RuleKey, action: Action, attached: set[HomePrefix]) -> bool:
        """Whether a rule's second route is missing, or its gateway may be another by now."""
        match action:
            case Access():
                if key.table is Table.DOWNLINK:
                    return key.prefix not in attached
                return bool(self._means.maps)
            case Redirect():
                return not self._means.lasting
            case Tunnel():
                return key.table is Table.DOWNLINK
        return isinstance(action, ToAnchor)


def _without_repeats(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    """The same changes in parts, none of which changes a slot twice."""
    start = 0
    seen: set[RuleKey] = set()
    for position, change in enumerate(changes):
        if change.key in seen:
            yield changes[start:position]
            start = position
            seen.clear()
        seen.add(change.key)
    yield changes[start:]
