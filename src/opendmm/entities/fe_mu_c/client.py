"""What both forms of FE_MU_C share: links, and what is told until it is acknowledged."""

from abc import ABC, abstractmethod

import msgspec

from opendmm.entities.effects import (
    Effect,
    HandoverExpected,
    Input,
    LinkAttached,
    LinkDetached,
    Notice,
    PeerReachable,
    Persist,
    Received,
    SessionsEnded,
    Started,
    TimerFired,
)
from opendmm.entities.retransmission import Outstanding
from opendmm.model.addressing import HomePrefix, Locator
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.order import MoveOrder, microseconds
from opendmm.reference_points import r_xu
from opendmm.reference_points.message import Message, accepted


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A mobile node's link as last seen; `anchor` is where the notification goes.

    `served` are the prefixes a gateway carries for it, `order` the move's once it is granted;
    `revoked`: its anchor has another way to it, and the gateway carries what is under way. A
    link that is gone (`detached_at`) is kept until the FE_MCTX knows. `care_of` is the mobile
    node's own address on a link that is not its anchor's.
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
    care_of: Locator | None = None


class Client(ABC):
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
                return self._received(sender, message, now)
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

    def _received(self, sender: EntityAddress, message: Message, now: float) -> list[Effect]:
        match message:
            case r_xu.AttachAcknowledgement():
                return self._acknowledged(sender, message, now)
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
        self, sender: EntityAddress, message: r_xu.AttachAcknowledgement, now: float
    ) -> list[Effect]:
        link = self.links.get(message.mobile_node)
        if link is None or link.detached_at or link.attached_at != message.attached_at:
            return []
        if link.anchor != sender.node:
            return []
        if not accepted(message.status):
            fields = {"mobile_node": message.mobile_node, "status": message.status}
            return [Notice("attachment-refused", fields), *self.refused(link, message, now)]
        settled = self.outstanding.settle(("attach", message.mobile_node))
        return settled + self.anchored(link, message)

    @abstractmethod
    def refused(self, link: Link, message: r_xu.AttachAcknowledgement, now: float) -> list[Effect]:
        """The anchor does not deliver, or not any more."""

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
