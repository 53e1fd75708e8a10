"""After the import: report the location, tell former anchors, let them go (design §5, 3 to 6).

The order is what keeps packets whole: former anchors forward to us only once our egress
delivers, and forget only once every ingress follows; the home anchor, which remembers who
may still hold something, is told last.
"""

from opendmm.entities.effects import Effect
from opendmm.entities.fe_mctx.core import Core, Exchange
from opendmm.entities.fe_mctx.exchanges import ANCHOR_CHANGED, COMPLETE, GONE, LOCATION
from opendmm.entities.fe_mctx.visit import Departure, Phase, Visit
from opendmm.model.context import MobilityContext
from opendmm.model.identity import EntityAddress, FunctionalEntity
from opendmm.reference_points import r_xc, r_xx
from opendmm.reference_points.message import accepted, status_name


class Settling:
    """The way of each imported context until the whole network follows it."""

    def __init__(self, core: Core) -> None:
        self.core = core

    def report(self, visit: Visit, now: float) -> list[Effect]:
        """R_XC: context and location to the FE_IEC, until everything follows."""
        controller = self.core.controller()
        if controller is None or visit.context is None:
            return []
        egress = self.core.config.egress
        update = r_xc.LocationUpdate(
            context=visit.context,
            egress=egress,
            delivering=egress.node == self.core.node,
            alone=visit.alone,
        )
        return [
            *self.core.settle_all(visit.key, LOCATION),
            *self.core.outstanding.request(
                (LOCATION, visit.key, controller.node), controller, update, now
            ),
        ]

    def located(
        self, sender: EntityAddress, message: r_xc.LocationAcknowledgement, now: float
    ) -> list[Effect]:
        """R_XC: recorded. A refusal ends the repetition; acceptance waits for completion."""
        gone = self.core.settle_all(message.key, GONE)
        visit = self.core.visits.get(message.key)
        if visit is None or visit.context is None or visit.context.order != message.order:
            return gone
        if accepted(message.status):
            return self._egress_delivers(visit, now) if message.delivering else []
        why = f"{sender} answered: {status_name(message.status)}"
        return [
            self.core.warn("location-not-recorded", message.key, why),
            *self.core.settle_all(message.key, LOCATION),
        ]

    def _egress_delivers(self, visit: Visit, now: float) -> list[Effect]:
        """An FE_E apart from us has its policy: packets sent to it reach the mobile node."""
        if visit.delivering:
            return []
        visit.delivering = True
        return [*self.core.keep_visit(visit), *self.tell_former(visit, now)]

    def tell_former(self, visit: Visit, now: float) -> list[Effect]:
        """R_XX: once we deliver, former anchors forward what still arrives to us."""
        if visit.context is None or visit.complete or not visit.delivering:
            return []
        changed = r_xx.AnchorChanged(context=visit.context, egress=self.core.config.egress)
        effects: list[Effect] = []
        for node in sorted(visit.former):
            exchange = (ANCHOR_CHANGED, visit.key, node)
            to = self.core.mctx(node)
            effects += self.core.outstanding.request(exchange, to, changed, now)
        return effects

    def told(
        self, sender: EntityAddress, message: r_xx.AnchorChangedAcknowledgement, now: float
    ) -> list[Effect]:
        """R_XX: a former anchor forwards now; a home anchor may name others to tell."""
        exchange = (ANCHOR_CHANGED, message.key, sender.node)
        pending = self.core.outstanding.get(exchange)
        if pending is None or not isinstance(pending.message, r_xx.AnchorChanged):
            return []
        if pending.message.context.order != message.order:
            return []
        effects = self.core.outstanding.settle(exchange)
        visit = self.core.visits.get(message.key)
        if visit is None or visit.context is None or visit.context.order != message.order:
            return effects
        for node in sorted(set(message.former_anchors) - visit.former - {self.core.node}):
            visit.former.add(node)
            to = self.core.mctx(node)
            effects += self.core.outstanding.request(
                (ANCHOR_CHANGED, visit.key, node), to, pending.message, now
            )
        return [*effects, *self.core.keep_visit(visit), *self.let_go(visit, now)]

    def correct(self, told: MobilityContext, now: float) -> list[Effect]:
        """R_XX: an anchor takes an older move for the latest; it must hear of ours."""
        visit = self.core.visits.get(told.key)
        node = told.current_anchor
        if visit is None or visit.context is None or visit.context.order <= told.order:
            return []
        if visit.phase not in (Phase.REGISTERING, Phase.ANCHORED):
            return []
        anchors = self.core.authority.registry
        if not anchors.may_host(node, FunctionalEntity.FE_MA_C):
            return []
        if node == self.core.node or node in visit.former:
            return []
        visit.former.add(node)
        return [*self.core.keep_visit(visit), *self.tell_former(visit, now)]

    def completed(self, message: r_xc.IndirectionComplete, now: float) -> list[Effect]:
        """R_XC: every ingress follows the move."""
        visit = self.core.visits.get(message.key)
        if visit is None or visit.context is None or visit.context.order != message.order:
            return []
        effects = self.core.settle_all(message.key, LOCATION)
        if visit.phase is Phase.REGISTERING:
            visit.phase = Phase.ANCHORED
        effects += self._egress_delivers(visit, now)
        visit.complete = True
        return [*effects, *self.core.keep_visit(visit), *self.let_go(visit, now)]

    def let_go(self, visit: Visit, now: float) -> list[Effect]:
        """Once all have been told and all follow: former anchors may forget, the home's last."""
        context = visit.context
        if not visit.complete or context is None:
            return []
        home = visit.key.home_anchor
        if not visit.former:
            return self._nobody_else(visit, context, now)
        done = r_xx.MobilityComplete(
            mobile_node=visit.key.mobile_node, home_anchor=home, order=context.order
        )
        effects: list[Effect] = []
        for node in sorted(visit.former - {home} or visit.former):
            exchange = (COMPLETE, visit.key, node)
            told = (ANCHOR_CHANGED, visit.key, node) not in self.core.outstanding
            if told and not self._is_said(exchange, done):
                to = self.core.mctx(node)
                effects += self.core.outstanding.request(exchange, to, done, now)
        return effects

    def _is_said(self, exchange: Exchange, message: r_xx.MobilityComplete) -> bool:
        """Whether just this is being said, and not the same of an earlier move."""
        pending = self.core.outstanding.get(exchange)
        return pending is not None and pending.message == message

    def _nobody_else(self, visit: Visit, context: MobilityContext, now: float) -> list[Effect]:
        """No former anchor holds anything. At home nothing need be announced any more, either."""
        if not context.at_home:
            return []
        effects: list[Effect] = []
        if self.core.register.settled(visit.key, context.order):
            effects += self.core.keep_entry(visit.key)
        if self.core.config.announced and not visit.alone:
            visit.alone = True
            effects += [*self.core.keep_visit(visit), *self.report(visit, now)]
        return effects

    def went(self, departure: Departure, now: float) -> list[Effect]:
        """R_XC: where FE_IEC announces host routes, ours of a context that has left may go."""
        context, egress = departure.context, departure.egress
        if context is None or egress is None:
            return []
        return self._gone(r_xc.LocationUpdate(context=context, egress=egress, delivering=True), now)

    def released(self, context: MobilityContext, now: float) -> list[Effect]:
        """R_XC: the same of a context that has been released. At home FE_IEC knows already."""
        if context.home_anchor == self.core.node:
            return []
        egress = self.core.config.egress
        update = r_xc.LocationUpdate(context=context, egress=egress, delivering=True, released=True)
        return self._gone(update, now)

    def _gone(self, update: r_xc.LocationUpdate, now: float) -> list[Effect]:
        controller = self.core.controller()
        if not self.core.config.announced or controller is None:
            return []
        exchange = (GONE, update.context.key, controller.node)
        return self.core.outstanding.request(exchange, controller, update, now)

    def forgotten(
        self, sender: EntityAddress, message: r_xx.MobilityCompleteAcknowledgement, now: float
    ) -> list[Effect]:
        """R_XX: a former anchor lets go; of an earlier move, it may hold something of the latest
        one."""
        exchange = (COMPLETE, message.key, sender.node)
        pending = self.core.outstanding.get(exchange)
        if pending is None or not isinstance(pending.message, r_xx.MobilityComplete):
            return []
        if pending.message.order != message.order:
            return []
        effects = self.core.outstanding.settle(exchange)
        visit = self.core.visits.get(message.key)
        if visit is None or visit.context is None or visit.context.order != message.order:
            return effects
        visit.former.discard(sender.node)
        return [*effects, *self.core.keep_visit(visit), *self.let_go(visit, now)]
