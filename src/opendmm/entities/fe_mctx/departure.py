"""At a previous anchor: forward what still arrives, then let go (design §5, steps 5 and 6)."""

import msgspec

from opendmm.authority.grant import Unauthorised
from opendmm.entities.effects import Effect, Persist, Send, SetTimer
from opendmm.entities.fe_mctx.core import Core
from opendmm.entities.fe_mctx.exchanges import ANCHOR_CHANGED, CLAIM, COMPLETE, LOCATION
from opendmm.entities.fe_mctx.settling import Settling
from opendmm.entities.fe_mctx.visit import Attachment, Departure, Phase, Visit
from opendmm.entities.grants import egress_allowed, granted
from opendmm.model.context import ContextId, MobilityContext
from opendmm.model.identity import EntityAddress, NodeId
from opendmm.model.order import MoveOrder
from opendmm.reference_points import r_xa, r_xu, r_xx
from opendmm.reference_points.message import Status

LOST = "lost"
STANDBY_DELAY = 1.0
"""Seconds after which an anchor that is still attached asks whether it counts again."""


class Leaving:
    """What happens when a context moves away from this anchor, or its link goes."""

    def __init__(self, core: Core, settling: Settling) -> None:
        self.core = core
        self.settling = settling

    # The mobile node has a new anchor

    def anchor_changed(
        self, sender: EntityAddress, message: r_xx.AnchorChanged, now: float
    ) -> list[Effect]:
        """R_XX: the new anchor delivers; its grant is our licence to forward to it."""
        context = message.context
        try:
            grant = granted(self.core.authority, context, now)
            egress_allowed(self.core.authority, grant, message.egress)
        except Unauthorised as problem:
            return [
                self.core.warn("anchor-change-refused", context.key, f"{sender}: {problem}"),
                _told(sender, context, Status.NOT_AUTHORISED),
            ]
        effects = self._adopt(context)
        visit = self.core.visits.get(context.key)
        mine = visit.context if visit is not None else None
        if mine is not None and mine.order >= context.order:
            return [*effects, _told(sender, context, Status.STALE)]
        departed = self.core.departures.get(context.key)
        if departed is not None and departed.order >= context.order:
            already = _told(sender, context, Status.ACCEPTED_ALREADY, self._former(context))
            return [*effects, already]
        exported = r_xa.ContextExported(
            mobile_node=context.mobile_node,
            home_anchor=context.home_anchor,
            order=context.order,
            egress=message.egress,
        )
        effects += [
            Send(self.core.anchor, exported),
            _told(sender, context, Status.ACCEPTED, self._former(context)),
        ]
        if visit is not None:
            held = self.core.attachments.get(context.mobile_node)
            effects += self.core.revoke(held, r_xu.RevocationReason.MOVED)
            effects += self._end_visit(visit, now)
        departure = Departure(
            key=context.key, order=context.order, context=context, egress=message.egress
        )
        return effects + self.core.keep_departure(departure)

    def _adopt(self, context: MobilityContext) -> list[Effect]:
        """At home: a grant in use tells the register (a prediction came true, or a delegate's)."""
        if context.home_anchor != self.core.node:
            return []
        return self.core.keep_entry(context.key) if self.core.register.adopt(context) else []

    def _former(self, context: MobilityContext) -> tuple[NodeId, ...]:
        """At home: the anchors the latest move's anchor must tell."""
        entry = self.core.register.entry(context.key)
        if entry is None or entry.context.order != context.order:
            return ()
        return tuple(sorted(entry.former - {self.core.node}))

    def _end_visit(self, visit: Visit, now: float) -> list[Effect]:
        """The mobile node is elsewhere; while its link here lasts, ours may count again."""
        key = visit.key
        effects = self.core.settle_all(key, LOCATION, ANCHOR_CHANGED, COMPLETE)
        attachment = self.core.attachments.get(key.mobile_node)
        if visit.phase is Phase.REQUESTING:
            # A claim for a later attachment is under way; the home anchor will judge it.
            visit.context = None
            return effects + self.core.keep_visit(visit)
        effects += self.core.settle_all(key, CLAIM)
        if attachment is not None and not self._would_hear_its_end(attachment):
            attachment.attached = False
            effects += self.core.keep_attachment(attachment)
        if attachment is None or not attachment.attached:
            return effects + self.core.drop_visit(key)
        return effects + self._stand_by(key, now)

    def _stand_by(self, key: ContextId, now: float) -> list[Effect]:
        return [
            *self.core.keep_visit(Visit(key=key, phase=Phase.STANDBY)),
            SetTimer(f"standby {key}", now + STANDBY_DELAY),
        ]

    def _would_hear_its_end(self, attachment: Attachment) -> bool:
        """Else the news of another anchor is the end of it. Who registers by itself, where nobody
        sees its links, registers again should it fall back on this anchor (RFC 6275 §11.7.1)."""
        by_itself = attachment.client.node == NodeId(attachment.mobile_node)
        on_our_link = self.core.config.sees_links and attachment.care_of is None
        return on_our_link or not by_itself

    def superseded(self, key: ContextId, mine: MoveOrder, now: float) -> list[Effect]:
        """Our move of this order is known elsewhere to be overtaken by a later one that did not
        tell us: what we imported for it ends after the drain time, when nothing comes here."""
        visit = self.core.visits.get(key)
        if visit is None or visit.context is None or visit.context.order != mine:
            return []
        departed = self.core.departures.get(key)
        order = mine if departed is None else max(mine, departed.order)
        departure = Departure(key=key, order=order, draining=True)
        return [
            *self._end_visit(visit, now),
            *self.core.keep_departure(departure),
            SetTimer(f"drain {key}", now + self.core.config.drain),
        ]

    # Everything follows the new anchor

    def complete(
        self, sender: EntityAddress, message: r_xx.MobilityComplete, now: float
    ) -> list[Effect]:
        """R_XX: no ingress sends here any more; forget after the drain time."""
        answer = r_xx.MobilityCompleteAcknowledgement(
            mobile_node=message.mobile_node, home_anchor=message.home_anchor, order=message.order
        )
        effects: list[Effect] = [Send(sender, answer)]
        if self.core.register.settled(message.key, message.order):
            effects += self.core.keep_entry(message.key)
        visit = self.core.visits.get(message.key)
        if visit is not None and visit.context is not None and visit.context.order < message.order:
            return effects + self.superseded(message.key, visit.context.order, now)
        departure = self.core.departures.get(message.key)
        if departure is None or departure.order > message.order:
            return effects
        if not departure.draining:
            departure.draining = True
            effects.append(SetTimer(f"drain {message.key}", now + self.core.config.drain))
            effects += self.settling.went(departure, now)
        return effects + self.core.keep_departure(departure)

    def drained(self, key: ContextId) -> list[Effect]:
        """The drain time is over; unless another move has taken the place of the one it was of."""
        departure = self.core.departures.get(key)
        if departure is None or not departure.draining:
            return []
        return [
            *self.core.drop_departure(key),
            Send(self.core.anchor, _released(key, departure.order)),
        ]

    def binding_expired(self, message: r_xa.BindingExpired, now: float) -> list[Effect]:
        """R_XA: nobody refreshed the binding; whatever hung on it is over. A mobile node that is
        still here is claimed again: its home anchor may have been out of reach."""
        effects: list[Effect] = []
        departure = self.core.departures.get(message.key)
        if departure is not None and departure.order <= message.order:
            effects += self.core.drop_departure(message.key)
        visit = self.core.visits.get(message.key)
        held = visit.context if visit is not None else None
        if held is not None and held.order <= message.order:
            attachment = self.core.attachments.get(message.key.mobile_node)
            effects += self.core.settle_all(message.key, LOCATION, ANCHOR_CHANGED)
            effects += self.core.revoke(attachment, r_xu.RevocationReason.ENDED)
            if attachment is None or not attachment.attached:
                return effects + self.core.drop_visit(message.key)
            effects += self._stand_by(message.key, now)
        return effects

    # The link is gone

    def detached(
        self, sender: EntityAddress, message: r_xu.DetachNotification, now: float
    ) -> list[Effect]:
        """R_XU: nothing can be delivered here; the home anchor may believe any other anchor.

        A gateway that the mobile node has left meanwhile says nothing new (RFC 5213 §5.3.5).
        """
        mobile_node = message.mobile_node
        answer = r_xu.DetachAcknowledgement(
            mobile_node=mobile_node, detached_at=message.detached_at
        )
        effects: list[Effect] = [Send(sender, answer)]
        attachment = self.core.attachments.get(mobile_node)
        if attachment is None:
            # Its beginning may come later; then it is known to be over.
            attachment = Attachment(mobile_node=mobile_node, client=sender, attached=False)
        ended = max(message.detached_at, attachment.ended.get(sender.node, 0))
        attachment.ended[sender.node] = ended
        attachment.superseded = tuple(
            other for other in attachment.superseded if other.client != sender
        )
        concerned = attachment.attached and self._concerns(sender, message, attachment)
        attachment.attached = attachment.attached and not concerned
        effects += self.core.keep_attachment(attachment)
        if not concerned:
            return effects
        for visit in self.core.visits_of(mobile_node):
            effects += self._visit_detached(visit, attachment.attached_at, now)
        return effects

    def _concerns(
        self, sender: EntityAddress, message: r_xu.DetachNotification, attachment: Attachment
    ) -> bool:
        """Whether it is the link in use that is gone, and not an earlier one."""
        same_clock = sender.node == attachment.client.node
        if same_clock and message.detached_at < attachment.reported_at:
            return False
        if message.interface and message.interface != attachment.interface:
            return False
        return self.core.gateway(sender.node) == attachment.gateway

    def _visit_detached(self, visit: Visit, attached_at: int, now: float) -> list[Effect]:
        """Whatever was claimed for this attachment, the home anchor hears that it has ended."""
        key = visit.key
        order = visit.context.order if visit.context is not None else None
        effects = self.core.settle_all(key, CLAIM)
        if visit.context is None or visit.phase in (Phase.STANDBY, Phase.FAILED):
            effects += self.core.settle_all(key, LOCATION) + self.core.drop_visit(key)
        else:
            stays = r_xa.ContextExported(
                mobile_node=key.mobile_node,
                home_anchor=key.home_anchor,
                order=visit.context.order,
                egress=None,
            )
            effects.append(Send(self.core.anchor, stays))
        if key.home_anchor == self.core.node:
            if self.core.register.detach(key, self.core.node, attached_at, order):
                effects += self.core.keep_entry(key)
            return effects
        lost = r_xx.AttachmentLost(
            mobile_node=key.mobile_node,
            home_anchor=key.home_anchor,
            attached_at=attached_at,
            order=order,
        )
        # The home anchor must hear it, though this process may die meanwhile.
        effects.append(Persist(f"lost {key}", msgspec.msgpack.encode(lost)))
        return effects + self.tell_lost(lost, now)

    def tell_lost(self, lost: r_xx.AttachmentLost, now: float) -> list[Effect]:
        """R_XX: the home anchor may believe any other anchor; until it acknowledges."""
        exchange = (LOST, lost.key, lost.home_anchor)
        to = self.core.mctx(lost.home_anchor)
        return self.core.outstanding.request(exchange, to, lost, now)

    def loss_known(
        self, sender: EntityAddress, message: r_xx.AttachmentLostAcknowledgement
    ) -> list[Effect]:
        """R_XX: the home anchor knows."""
        exchange = (LOST, message.key, sender.node)
        pending = self.core.outstanding.get(exchange)
        if pending is None or not isinstance(pending.message, r_xx.AttachmentLost):
            return []
        if pending.message.attached_at > message.attached_at:
            return []
        settled = self.core.outstanding.settle(exchange)
        return [*settled, Persist(f"lost {message.key}", None)]

    def lost_elsewhere(self, sender: EntityAddress, message: r_xx.AttachmentLost) -> list[Effect]:
        """R_XX, at home: an anchor no longer has the mobile node."""
        answer = r_xx.AttachmentLostAcknowledgement(
            mobile_node=message.mobile_node,
            home_anchor=message.home_anchor,
            attached_at=message.attached_at,
        )
        effects: list[Effect] = [Send(sender, answer)]
        if self.core.register.detach(message.key, sender.node, message.attached_at, message.order):
            effects += self.core.keep_entry(message.key)
        return effects


def _told(
    to: EntityAddress, context: MobilityContext, status: int, former: tuple[NodeId, ...] = ()
) -> Send:
    return Send(
        to,
        r_xx.AnchorChangedAcknowledgement(
            mobile_node=context.mobile_node,
            home_anchor=context.home_anchor,
            order=context.order,
            status=status,
            former_anchors=former,
        ),
    )


def _released(key: ContextId, order: MoveOrder) -> r_xa.ContextRelease:
    return r_xa.ContextRelease(
        mobile_node=key.mobile_node, home_anchor=key.home_anchor, order=order
    )
