"""FE_MU_C in the network: beside an anchor, or on a mobile access gateway."""

from collections.abc import Mapping

import msgspec

from opendmm.entities.effects import (
    Advertise,
    Effect,
    Input,
    Install,
    LinkAttached,
    LinkDetached,
    Received,
    Remove,
    SetTimer,
    TimerFired,
)
from opendmm.entities.fe_mu_c.client import Client, Link
from opendmm.model.addressing import Egress, HomePrefix
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder, microseconds
from opendmm.model.rules import Access, Action, Permit, Redirect, Rule, RuleKey, Table
from opendmm.reference_points import r_xu

DRAINED = "drained "
"""What the timer of a revoked attachment is called, before the name of the mobile node."""


class NetworkClient(Client):
    """FE_MU_C of the network: link-detected attachment.

    `hosted` are mobile nodes with a client of their own; for them only the loss of the link
    is reported from here. `anchor` is the mobility anchor this speaks to: of its own node, or
    of another, and then the node is a mobile access gateway (RFC 5213 §6) and FE_MU_U is its
    kernel's forwarding between the mobile node's link and the tunnel to the anchor. `profiles`
    are the home prefixes that a gateway knows ahead (RFC 5213 §6.2): what the anchor sends there
    may overtake its acknowledgement, so it is delivered from the attachment on. A gateway whose
    anchor has found another way carries what is under way for another `drain` seconds.
    """

    def __init__(
        self,
        node: NodeId,
        hosted: frozenset[MobileNodeId],
        retransmit: float = 0.2,
        anchor: Egress | None = None,
        profiles: Mapping[MobileNodeId, tuple[HomePrefix, ...]] | None = None,
        drain: float = 1.0,
    ) -> None:
        super().__init__(retransmit)
        self.drain = drain
        self.profiles = profiles or {}
        self.node = node
        self.hosted = hosted
        self.gateway_to = anchor if anchor is not None and anchor.node != node else None

    def handle(self, event: Input, now: float) -> list[Effect]:
        match event:
            case Received(message=r_xu.AttachmentRevoked() as message):
                return self._revoked(message, now)
            case TimerFired(key) if key.startswith(DRAINED):
                return self._drained(MobileNodeId(key.removeprefix(DRAINED)))
            case _:
                return super().handle(event, now)

    def attached(self, event: LinkAttached, now: float) -> list[Effect]:
        mobile_node = event.mobile_node
        held = self.links.get(mobile_node)
        same = held is not None and held.interface == event.interface and not held.detached_at
        if held is not None and same:
            link = held  # seen again, e.g. after a restart: the same attachment
        else:
            link = Link(
                mobile_node=mobile_node,
                interface=event.interface,
                link_layer_id=event.link_layer_id,
                anchor=self.gateway_to.node if self.gateway_to is not None else self.node,
                attached_at=microseconds(now),
                served=self.profiles.get(mobile_node, ()) if self.gateway_to is not None else (),
            )
        effects = self._keep(link) + self._carry(link)
        if mobile_node in self.hosted:
            return effects
        notification = r_xu.AttachNotification(
            mobile_node=mobile_node,
            attached_at=link.attached_at,
            interface=link.interface,
            link_layer_id=link.link_layer_id,
        )
        exchange = ("attach", mobile_node)
        effects += self.outstanding.settle(("detach", mobile_node))
        return effects + self.outstanding.request(exchange, self._mctx(link), notification, now)

    def detached(self, event: LinkDetached, now: float) -> list[Effect]:
        link = self.links.get(event.mobile_node)
        if link is None or link.interface != event.interface or link.detached_at:
            return []
        gone = msgspec.structs.replace(link, detached_at=microseconds(now), served=(), order=None)
        return [
            *self.outstanding.settle(("attach", event.mobile_node)),
            *self._keep(gone),
            *self._tell_detached(gone, now),
            *(Remove(key) for prefix in link.served for key in _slots(prefix)),
        ]

    def _tell_detached(self, link: Link, now: float) -> list[Effect]:
        detached = r_xu.DetachNotification(
            mobile_node=link.mobile_node, detached_at=link.detached_at, interface=link.interface
        )
        exchange = ("detach", link.mobile_node)
        return self.outstanding.request(exchange, self._mctx(link), detached, now)

    def started(self, facts: dict[str, bytes], now: float) -> list[Effect]:
        """What was carried is carried on; what was told, but perhaps not heard, is told again."""
        effects = super().started(facts, now)
        for link in tuple(self.links.values()):
            if link.detached_at:
                effects += self._tell_detached(link, now)
            else:
                effects += self._stop(link) if link.revoked else self._carry(link)
        return effects

    def anchored(self, link: Link, message: r_xu.AttachAcknowledgement) -> list[Effect]:
        """What a client would now know the mobile node is told by the link itself; and a
        gateway carries its packets from and to the anchor."""
        advertise = Advertise(
            mobile_node=link.mobile_node,
            interface=link.interface,
            link_layer_id=link.link_layer_id,
            preferred=message.prefixes,
            deprecated=message.deprecated,
        )
        said = [*super().anchored(link, message), advertise]
        if self.gateway_to is None or _older(message.order, link.order):
            return said
        served = msgspec.structs.replace(
            link,
            served=message.prefixes + message.deprecated,
            order=message.order,
            revoked=False,
        )
        gone = set(link.served) - set(served.served)
        return [
            *said,
            *self._keep(served),
            *(Remove(key) for prefix in sorted(gone) for key in _slots(prefix)),
            *self._carry(served),
        ]

    def released(self, message: r_xu.ReleaseAcknowledgement) -> list[Effect]:
        """On a gateway: carry them no longer."""
        effects = super().released(message)
        link = self.links.get(message.mobile_node)
        if link is None or self.gateway_to is None:
            return effects
        gone = set(message.prefixes or link.served)
        kept = tuple(prefix for prefix in link.served if prefix not in gone)
        effects += self._keep(msgspec.structs.replace(link, served=kept))
        return effects + [Remove(key) for prefix in sorted(gone) for key in _slots(prefix)]

    def refused(self, link: Link, message: r_xu.AttachAcknowledgement, now: float) -> list[Effect]:
        """On a gateway: what was accepted before is denied from now on (RFC 5213 §6.9.1.2)."""
        del message, now
        return self._stop(link) if self.gateway_to is not None and link.order else []

    def _revoked(self, message: r_xu.AttachmentRevoked, now: float) -> list[Effect]:
        """On a gateway: serve this attachment no longer. One that was not acknowledged yet is
        told on: should the other link go, this one counts."""
        link = self.links.get(message.mobile_node)
        if self.gateway_to is None or link is None or link.detached_at:
            return []
        if link.attached_at != message.attached_at:
            return []
        if message.reason is r_xu.RevocationReason.ENDED:
            return [*self.outstanding.settle(("attach", link.mobile_node)), *self._stop(link)]
        due = SetTimer(f"{DRAINED}{link.mobile_node}", now + self.drain)
        return [*self._keep(msgspec.structs.replace(link, revoked=True)), due]

    def _drained(self, mobile_node: MobileNodeId) -> list[Effect]:
        link = self.links.get(mobile_node)
        return self._stop(link) if link is not None and link.revoked else []

    def _stop(self, link: Link) -> list[Effect]:
        idle = msgspec.structs.replace(link, served=(), order=None, revoked=False)
        gone = [Remove(key) for prefix in sorted(link.served) for key in _slots(prefix)]
        return [*self._keep(idle), *gone]

    def _carry(self, link: Link) -> list[Effect]:
        """Downlink from the attachment on, uplink once the anchor has accepted it."""
        if self.gateway_to is None:
            return []
        actions: dict[Table, Action] = {Table.EGRESS: Access(link.interface, link.link_layer_id)}
        if link.order is not None:
            actions |= {Table.UPLINK: Redirect(self.gateway_to), Table.SOURCE_FILTER: Permit()}
        order = link.order or MoveOrder(0, link.attached_at, link.anchor)
        return [
            Install(Rule(RuleKey(table, prefix), action, order))
            for prefix in link.served
            for table, action in actions.items()
        ]


def _older(one: MoveOrder | None, other: MoveOrder | None) -> bool:
    """Whether a move was granted before another: its acknowledgement was overtaken."""
    return other is not None and (one is None or one < other)


def _slots(prefix: HomePrefix) -> list[RuleKey]:
    """What a gateway holds of a prefix: out of the tunnel, into it, and past its filter."""
    return [RuleKey(table, prefix) for table in (Table.EGRESS, Table.UPLINK, Table.SOURCE_FILTER)]
