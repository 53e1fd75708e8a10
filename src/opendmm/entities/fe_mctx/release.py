"""Giving prefixes up: all indirection goes ("temporary IP address continuity", draft §3)."""

from opendmm.authority.grant import Unauthorised
from opendmm.entities.effects import Effect, Send
from opendmm.entities.fe_mctx.arrival import Arrival
from opendmm.entities.fe_mctx.core import Core
from opendmm.entities.fe_mctx.exchanges import ANCHOR_CHANGED, CLAIM, LOCATION
from opendmm.entities.fe_mctx.granting import Granting
from opendmm.entities.fe_mctx.visit import Phase
from opendmm.entities.grants import granted
from opendmm.model.context import ContextId, MobilityContext
from opendmm.model.identity import EntityAddress, NodeId
from opendmm.reference_points import r_xa, r_xc, r_xu, r_xx
from opendmm.reference_points.message import Status

RELEASE = "release"
RELEASED = "released"
WITHDRAWAL = "withdrawal"


class Release:
    """The way of a release from the mobile node to the home anchor and back to all it concerns."""

    def __init__(self, core: Core, granting: Granting, arrival: Arrival) -> None:
        self.core = core
        self.granting = granting
        self.arrival = arrival

    def requested(
        self, sender: EntityAddress, message: r_xu.ReleaseRequest, now: float
    ) -> list[Effect]:
        """R_XU: the mobile node needs these prefixes no longer (all, when none are named)."""
        effects: list[Effect] = []
        concerned = [
            visit.context
            for visit in self.core.visits_of(message.mobile_node)
            if visit.context is not None
            and (not message.prefixes or set(message.prefixes) & set(visit.context.prefixes))
        ]
        for context in concerned:
            request = r_xx.ContextRelease(
                mobile_node=context.mobile_node,
                home_anchor=context.home_anchor,
                requested_at=message.requested_at,
                prefixes=message.prefixes,
                proof=message.proof,
            )
            home = self.core.mctx(context.home_anchor)
            if context.home_anchor == self.core.node:
                effects += self.at_home(home, request, now)
            else:
                exchange = (RELEASE, context.key, home.node)
                effects += self.core.outstanding.request(exchange, home, request, now)
        if self._under_way(message):
            # No answer: the client repeats, and by then the arrival has been decided.
            return effects
        status = Status.ACCEPTED if concerned else Status.UNKNOWN_MOBILE_NODE
        answer = r_xu.ReleaseAcknowledgement(
            mobile_node=message.mobile_node, status=status, prefixes=message.prefixes
        )
        return [*effects, Send(sender, answer)]

    def _under_way(self, message: r_xu.ReleaseRequest) -> bool:
        """Whether a context that may be meant is still on its way here."""
        visits = self.core.visits_of(message.mobile_node)
        return any(visit.phase in (Phase.REQUESTING, Phase.IMPORTING) for visit in visits)

    def received(
        self, sender: EntityAddress, message: r_xx.ContextRelease, now: float
    ) -> list[Effect]:
        """R_XX, either way: a request to the home anchor, or its signed decision."""
        if message.context is not None:
            return self._decided(sender, message, message.context, now)
        return self.at_home(sender, message, now)

    def at_home(
        self, sender: EntityAddress, message: r_xx.ContextRelease, now: float
    ) -> list[Effect]:
        """Number and sign the release, and see that everybody hears of it."""
        key = message.key
        entry = self.core.register.entry(key)
        if entry is None or entry.released:
            return [_answer(sender, message, Status.ACCEPTED_ALREADY)]
        problem = self._forbidden(sender, message, entry.context.current_anchor)
        if problem:
            return [
                self.core.warn("release-refused", key, f"{sender}: {problem}"),
                _answer(sender, message, Status.NOT_AUTHORISED),
            ]
        named = tuple(p for p in message.prefixes if p in entry.context.prefixes)
        if message.prefixes and not named:
            return [_answer(sender, message, Status.ACCEPTED_ALREADY)]
        owner = entry.context.current_anchor
        context, everything, effects = self.granting.release(key, named, message.requested_at, now)
        effects.append(_answer(sender, message, Status.ACCEPTED))
        if not everything:
            return effects + self._tell(owner, context, now)
        return effects + self.withdraw(key, now)

    def _forbidden(self, sender: EntityAddress, message: r_xx.ContextRelease, owner: NodeId) -> str:
        """Only the anchor that has the mobile node may ask, with its signature if demanded."""
        if sender.node not in (owner, self.core.node):
            return f"the mobile node is at {owner}"
        if not (self.core.config.proof_required or message.proof):
            return ""
        try:
            self.core.authority.verify_release(
                message.proof,
                mobile_node=message.mobile_node,
                prefixes=message.prefixes,
                requested_at=message.requested_at,
            )
        except Unauthorised as problem:
            return str(problem)
        return ""

    def withdraw(self, key: ContextId, now: float) -> list[Effect]:
        """First the ingresses let go (R_XC); only then may the anchor, or packets would stray."""
        entry = self.core.register.entry(key)
        if entry is None or not entry.released:
            return []
        controller = self.core.controller()
        if controller is None:
            return self._ingresses_let_go(key, now)
        update = r_xc.LocationUpdate(
            context=entry.context, egress=self.core.config.egress, delivering=True, released=True
        )
        exchange = (WITHDRAWAL, key, controller.node)
        return self.core.outstanding.request(exchange, controller, update, now)

    def withdrawn(self, message: r_xc.IndirectionComplete, now: float) -> list[Effect]:
        """R_XC: no ingress redirects any more."""
        entry = self.core.register.entry(message.key)
        if entry is None or entry.context.order != message.order:
            return []
        effects = self.core.settle_all(message.key, WITHDRAWAL)
        if not effects:
            return []
        return effects + self._ingresses_let_go(message.key, now)

    def _ingresses_let_go(self, key: ContextId, now: float) -> list[Effect]:
        entry = self.core.register.entry(key)
        if entry is None or not entry.released:
            return []
        effects = self._let_go_here(entry.context, now)
        for node in sorted(entry.former):
            effects += self._tell(node, entry.context, now)
        return effects

    def _tell(self, owner: NodeId, context: MobilityContext, now: float) -> list[Effect]:
        """R_XX: the current anchor gets the decision."""
        if owner == self.core.node:
            return self._carry_out(context, now)
        decision = r_xx.ContextRelease(
            mobile_node=context.mobile_node,
            home_anchor=context.home_anchor,
            requested_at=context.order.attached_at,
            context=context,
        )
        exchange = (RELEASED, context.key, owner)
        return self.core.outstanding.request(exchange, self.core.mctx(owner), decision, now)

    def _decided(
        self,
        sender: EntityAddress,
        message: r_xx.ContextRelease,
        context: MobilityContext,
        now: float,
    ) -> list[Effect]:
        try:
            granted(self.core.authority, context, now)
        except Unauthorised as problem:
            return [
                self.core.warn("release-refused", message.key, f"{sender}: {problem}"),
                _answer(sender, message, Status.NOT_AUTHORISED),
            ]
        return [
            _answer(sender, message, Status.ACCEPTED),
            *self.core.settle_all(message.key, RELEASE),
            *self._carry_out(context, now),
        ]

    def _carry_out(self, context: MobilityContext, now: float) -> list[Effect]:
        """At the current (or a former) anchor: go on with what is left, or let go."""
        visit = self.core.visits.get(context.key)
        later = (
            visit is not None
            and visit.context is not None
            and (visit.context.order >= context.order)
        )
        if later:
            return []
        if self.core.authority.verify(context.grant, now).released:
            return self._let_go_here(context, now)
        if visit is None or visit.context is None:
            return []
        return self.arrival.granted(visit, context, ())

    def _let_go_here(self, context: MobilityContext, now: float) -> list[Effect]:
        key = context.key
        visit = self.core.visits.get(key)
        departure = self.core.departures.get(key)
        announced = visit is not None or (departure is not None and not departure.draining)
        others = [v for v in self.core.visits_of(key.mobile_node) if v is not visit]
        attachment = self.core.attachments.get(key.mobile_node) if visit and not others else None
        return [
            *self.core.settle_all(key, CLAIM, LOCATION, ANCHOR_CHANGED),
            *(self.arrival.settling.released(context, now) if announced else []),
            *self.core.revoke(attachment, r_xu.RevocationReason.ENDED),
            *self.core.drop_visit(key),
            *self.core.drop_departure(key),
            Send(
                self.core.anchor,
                r_xa.ContextRelease(
                    mobile_node=key.mobile_node,
                    home_anchor=key.home_anchor,
                    order=context.order,
                ),
            ),
        ]

    def answered(self, sender: EntityAddress, message: r_xx.ContextReleased) -> list[Effect]:
        """R_XX: the other side has taken note."""
        key: ContextId = message.key
        effects = self.core.outstanding.settle((RELEASE, key, sender.node))
        told = self.core.outstanding.settle((RELEASED, key, sender.node))
        entry = self.core.register.entry(key)
        if told and entry is not None and entry.released:
            entry.former.discard(sender.node)
            told += self.core.keep_entry(key)
        return effects + told


def _answer(to: EntityAddress, message: r_xx.ContextRelease, status: int) -> Send:
    return Send(
        to,
        r_xx.ContextReleased(
            mobile_node=message.mobile_node,
            home_anchor=message.home_anchor,
            requested_at=message.requested_at,
            status=status,
        ),
    )
