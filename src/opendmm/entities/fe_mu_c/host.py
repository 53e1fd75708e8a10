"""FE_MU_C on the mobile node itself."""

from collections.abc import Mapping

import msgspec

from opendmm.authority.authority import MobileNodeCredential
from opendmm.entities.effects import (
    Effect,
    Install,
    LinkAttached,
    LinkDetached,
    Persist,
    Remove,
)
from opendmm.entities.fe_mu_c.client import Client, Link
from opendmm.model.addressing import HomePrefix, Locator
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder, microseconds
from opendmm.model.rules import Access, Action, Rule, RuleKey, Table, Tunnel
from opendmm.reference_points import r_xu
from opendmm.reference_points.message import Status

DEFAULT_ROUTES = (HomePrefix(bytes(16), 0), HomePrefix(bytes(4), 0))


class HostClient(Client):
    """FE_MU_C on a mobile node: it says itself where it is, and signs it.

    `anchors` are the addresses of home agents, for when it is on a link of none of them and
    packets from it travel in a tunnel (RFC 6275 §11.3.1). `sources` are what it steers packets
    of: all it sends by default, or those from certain home addresses.
    """

    def __init__(
        self,
        mobile_node: MobileNodeId,
        credential: MobileNodeCredential,
        retransmit: float = 0.2,
        anchors: Mapping[NodeId, Locator] | None = None,
        sources: tuple[HomePrefix, ...] = DEFAULT_ROUTES,
    ) -> None:
        super().__init__(retransmit)
        self.mobile_node = mobile_node
        self.anchors = anchors or {}
        self.sources = sources
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
        link = Link(
            mobile_node=self.mobile_node,
            interface=event.interface,
            link_layer_id=event.link_layer_id,
            anchor=event.anchor,
            attached_at=_later_than(self.links.get(self.mobile_node), now),
            care_of=event.care_of,
        )
        return self._keep(link) + self.outstanding.request(
            ("attach", self.mobile_node), self._mctx(link), self._notification(link), now
        )

    def _notification(self, link: Link) -> r_xu.AttachNotification:
        return r_xu.AttachNotification(
            mobile_node=self.mobile_node,
            attached_at=link.attached_at,
            home_anchor=self._home,
            previous_anchor=self._anchor,
            proof=self.credential.prove_attachment(link.anchor, link.attached_at),
            care_of=link.care_of,
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
        # The kernel forgets routes over a link that goes down: the same one must be put again.
        return [
            *self.outstanding.settle(("attach", self.mobile_node)),
            *(Remove(RuleKey(Table.UPLINK, source)) for source in self.sources),
            Persist(str(self.mobile_node), None),
        ]

    def refused(self, link: Link, message: r_xu.AttachAcknowledgement, now: float) -> list[Effect]:
        """To the anchor this attachment is over, which the link is not (it was out of reach for
        too long): another one begins. Whoever says so again hears of the next one no sooner than
        of a repetition of the last."""
        if message.status != Status.STALE:
            return []
        anew = msgspec.structs.replace(link, attached_at=_later_than(link, now))
        exchange = ("attach", self.mobile_node)
        notification = self._notification(anew)
        if exchange in self.outstanding:
            self.outstanding.amend(exchange, notification)
            return self._keep(anew)
        to = self._mctx(anew)
        return self._keep(anew) + self.outstanding.request(exchange, to, notification, now)

    def anchored(self, link: Link, message: r_xu.AttachAcknowledgement) -> list[Effect]:
        """FE_MU_U: the default routes go to the anchor that delivers; IPv6's alone where that
        takes a tunnel."""
        self._home = message.home_anchor
        self._anchor = message.anchor
        action: Action = Access(link.interface, b"")
        sources = self.sources
        if link.care_of is not None:
            action = Tunnel(self.anchors[link.anchor], entry=link.care_of)
            sources = tuple(source for source in sources if source.is_ipv6)
        order = message.order or MoveOrder(0, message.attached_at, message.anchor)
        return [
            *super().anchored(link, message),
            *(Install(Rule(RuleKey(Table.UPLINK, p), action, order)) for p in sources),
        ]


def _later_than(before: Link | None, now: float) -> int:
    """When an attachment begins: after the one before, though the clock was set back."""
    return max(microseconds(now), before.attached_at + 1 if before is not None else 0)
