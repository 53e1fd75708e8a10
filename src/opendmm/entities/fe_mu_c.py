"""FE_MU_C: the mobile user client; tells the FE_MCTX where the mobile node is (R_XU).

In host mobility it runs on the mobile node, signs what it says and switches the mobile node's
default route once the anchor delivers. In network mobility it sits beside the anchor, or on a
mobile access gateway, and speaks for mobile nodes that know nothing of all this, from link and
neighbour events.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import msgspec

from opendmm.authority.authority import MobileNodeCredential
from opendmm.entities.effects import (
    Advertise,
    Effect,
    HandoverExpected,
    Input,
    Install,
    LinkAttached,
    LinkDetached,
    Notice,
    PeerReachable,
    Persist,
    Received,
    Remove,
    SessionsEnded,
    SetTimer,
    Started,
    TimerFired,
)
from opendmm.entities.retransmission import Outstanding
from opendmm.model.addressing import Egress, HomePrefix
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.order import MoveOrder, microseconds
from opendmm.model.rules import Access, Action, Permit, Redirect, Rule, RuleKey, Table
from opendmm.reference_points import r_xu
from opendmm.reference_points.message import Message, accepted

DRAINED = "drained "
"""What the timer of a revoked attachment is called, before the name of the mobile node."""
DEFAULT_ROUTES = (HomePrefix(bytes(16), 0), HomePrefix(bytes(4), 0))


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A mobile node's link as last seen; `anchor` is where the notification goes.

    `served` are the prefixes a gateway carries for it, `order` the move's once it is granted;
    `revoked`: its anchor has another way to it, and the gateway carries what is under way. A
    link that is gone (`detached_at`) is kept until the FE_MCTX knows.
    """

    mobile_node: MobileNodeId
    interface: str
    link_layer_id: bytes
    anchor: NodeId
    attached_at: int
    served: tuple[HomePrefix, ...] = ()
    order: MoveOrder | None = None
    revoked: bool = False
    detached_at: int = 0


class _Client(ABC):
    """What both forms share: links by mobile node, and notifications until acknowledged."""

    kind = FunctionalEntity.FE_MU_C

    def __init__(self, retransmit: float) -> None:
        self.links: dict[MobileNodeId, Link] = {}
        self.outstanding: Outstanding[tuple[str, MobileNodeId]] = Outstanding("R_XU", retransmit)

    def handle(self, event: Input, now: float) -> list[Effect]:
        match event:
            case LinkAttached():
                return self.attached(event, now)
            case LinkDetached():
                return self.detached(event, now)
            case HandoverExpected(mobile_node, target):
                return self._expect(mobile_node, target, now)
            case SessionsEnded(mobile_node, prefixes):
                return self._release(mobile_node, prefixes, now)
            case Received(sender, message):
                return self._received(sender, message)
            case TimerFired(key):
                return self.outstanding.repeat(key, now)
            case PeerReachable(node):
                return self.outstanding.resend_to(node, now)
            case Started(facts):
                return self.started(facts, now)
            case _:
                return []

    def rows(self, table: str) -> list[dict[str, object]]:
        """Nothing of its own to show; the FE_MA_C shows the bindings."""
        del table
        return []

    def started(self, facts: dict[str, bytes], now: float) -> list[Effect]:
        """The links there were, before any news of them."""
        del now
        for value in facts.values():
            link = msgspec.msgpack.decode(value, type=Link)
            self.links[link.mobile_node] = link
        return []

    @abstractmethod
    def attached(self, event: LinkAttached, now: float) -> list[Effect]:
        """A link came up."""

    @abstractmethod
    def detached(self, event: LinkDetached, now: float) -> list[Effect]:
        """A link is gone."""

    def prove_attachment(self, mobile_node: MobileNodeId, anchor: NodeId, at: int) -> bytes:
        """The mobile node's signature; empty where there is no client on it."""
        del mobile_node, anchor, at
        return b""

    def prove_release(self, prefixes: tuple[HomePrefix, ...], at: int) -> bytes:
        del prefixes, at
        return b""

    def _keep(self, link: Link) -> list[Effect]:
        self.links[link.mobile_node] = link
        return [Persist(str(link.mobile_node), msgspec.msgpack.encode(link))]

    def _mctx(self, link: Link) -> EntityAddress:
        return EntityAddress(link.anchor, FunctionalEntity.FE_MCTX)

    def _expect(self, mobile_node: MobileNodeId, target: NodeId, now: float) -> list[Effect]:
        link = self.links.get(mobile_node)
        if link is None or link.detached_at:
            return [Notice("prediction-without-link", {"mobile_node": mobile_node})]
        at = microseconds(now)
        prediction = r_xu.HandoverPrediction(
            mobile_node=mobile_node,
            target_anchor=target,
            predicted_at=at,
            proof=self.prove_attachment(mobile_node, target, at),
        )
        exchange = ("predict", mobile_node)
        return self.outstanding.request(exchange, self._mctx(link), prediction, now)

    def _release(
        self, mobile_node: MobileNodeId, prefixes: tuple[HomePrefix, ...], now: float
    ) -> list[Effect]:
        link = self.links.get(mobile_node)
        if link is None or link.detached_at:
            return [Notice("release-without-link", {"mobile_node": mobile_node})]
        at = microseconds(now)
        request = r_xu.ReleaseRequest(
            mobile_node=mobile_node,
            requested_at=at,
            prefixes=prefixes,
            proof=self.prove_release(prefixes, at),
        )
        exchange = ("release", mobile_node)
        return self.outstanding.request(exchange, self._mctx(link), request, now)

    def _received(self, sender: EntityAddress, message: Message) -> list[Effect]:
        match message:
            case r_xu.AttachAcknowledgement():
                return self._acknowledged(sender, message)
            case r_xu.HandoverPredictionAcknowledgement():
                return self.outstanding.settle(("predict", message.mobile_node))
            case r_xu.DetachAcknowledgement():
                return self._detachment_known(message)
            case r_xu.ReleaseAcknowledgement():
                return self.released(message)
            case _:
                return []

    def _detachment_known(self, message: r_xu.DetachAcknowledgement) -> list[Effect]:
        link = self.links.get(message.mobile_node)
        if link is None or link.detached_at != message.detached_at:
            return []
        del self.links[message.mobile_node]
        forgotten = Persist(str(message.mobile_node), None)
        return [*self.outstanding.settle(("detach", message.mobile_node)), forgotten]

    def released(self, message: r_xu.ReleaseAcknowledgement) -> list[Effect]:
        """The prefixes are given up."""
        return self.outstanding.settle(("release", message.mobile_node))

    def _acknowledged(
        self, sender: EntityAddress, message: r_xu.AttachAcknowledgement
    ) -> list[Effect]:
        link = self.links.get(message.mobile_node)
        if link is None or link.detached_at or link.attached_at != message.attached_at:
            return []
        if link.anchor != sender.node:
            return []
        if not accepted(message.status):
            fields = {"mobile_node": message.mobile_node, "status": message.status}
            return [Notice("attachment-refused", fields), *self.refused(link)]
        settled = self.outstanding.settle(("attach", message.mobile_node))
        return settled + self.anchored(link, message)

    def refused(self, link: Link) -> list[Effect]:
        """The anchor does not deliver, or not any more."""
        del link
        return []

    def anchored(self, link: Link, message: r_xu.AttachAcknowledgement) -> list[Effect]:
        """The anchor delivers."""
        return [
            Notice(
                "anchored",
                {
                    "mobile_node": link.mobile_node,
                    "anchor": link.anchor,
                    "prefixes": [str(p) for p in message.prefixes],
                    "deprecated": [str(p) for p in message.deprecated],
                },
            )
        ]


class NetworkClient(_Client):
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

    def refused(self, link: Link) -> list[Effect]:
        """On a gateway: what was accepted before is denied from now on (RFC 5213 §6.9.1.2)."""
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


class HostClient(_Client):
    """FE_MU_C on a mobile node: it says itself where it is, and signs it."""

    def __init__(
        self, mobile_node: MobileNodeId, credential: MobileNodeCredential, retransmit: float = 0.2
    ) -> None:
        super().__init__(retransmit)
        self.mobile_node = mobile_node
        self.credential = credential
        self._up: dict[str, LinkAttached] = {}
        self._home: NodeId | None = None
        self._anchor: NodeId | None = None

    def prove_attachment(self, mobile_node: MobileNodeId, anchor: NodeId, at: int) -> bytes:
        del mobile_node
        return self.credential.prove_attachment(anchor, at)

    def prove_release(self, prefixes: tuple[HomePrefix, ...], at: int) -> bytes:
        return self.credential.prove_release(prefixes, at)

    def attached(self, event: LinkAttached, now: float) -> list[Effect]:
        if event.anchor is None:
            return []
        self._up.pop(event.interface, None)
        self._up[event.interface] = event
        at = microseconds(now)
        link = Link(
            mobile_node=self.mobile_node,
            interface=event.interface,
            link_layer_id=event.link_layer_id,
            anchor=event.anchor,
            attached_at=at,
        )
        notification = r_xu.AttachNotification(
            mobile_node=self.mobile_node,
            attached_at=at,
            home_anchor=self._home,
            previous_anchor=self._anchor,
            proof=self.credential.prove_attachment(event.anchor, at),
        )
        exchange = ("attach", self.mobile_node)
        return self._keep(link) + self.outstanding.request(
            exchange, self._mctx(link), notification, now
        )

    def detached(self, event: LinkDetached, now: float) -> list[Effect]:
        """The anchor sees a link go by itself; what remains is to fall back on another one."""
        self._up.pop(event.interface, None)
        link = self.links.get(self.mobile_node)
        if link is None or link.interface != event.interface:
            return []
        if self._up:
            latest = list(self._up.values())[-1]
            return self.attached(latest, now)
        del self.links[self.mobile_node]
        return [
            *self.outstanding.settle(("attach", self.mobile_node)),
            Persist(str(self.mobile_node), None),
        ]

    def anchored(self, link: Link, message: r_xu.AttachAcknowledgement) -> list[Effect]:
        """FE_MU_U: the default routes go to the anchor that delivers."""
        self._home = message.home_anchor
        self._anchor = message.anchor
        action = Access(link.interface, b"")
        order = message.order or MoveOrder(0, message.attached_at, message.anchor)
        return [
            *super().anchored(link, message),
            *(Install(Rule(RuleKey(Table.UPLINK, p), action, order)) for p in DEFAULT_ROUTES),
        ]
