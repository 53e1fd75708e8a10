"""Predicted handover: the context and a grant travel ahead of the mobile node (design §5, 1)."""

from opendmm.authority.grant import Unauthorised
from opendmm.entities.effects import Effect, Send, SetTimer
from opendmm.entities.fe_mctx.arrival import Arrival, Prepared
from opendmm.entities.fe_mctx.core import Core
from opendmm.entities.fe_mctx.granting import Granting
from opendmm.entities.fe_mctx.visit import Phase, Visit
from opendmm.entities.grants import granted
from opendmm.model.context import ContextId, MobilityContext
from opendmm.model.identity import EntityAddress
from opendmm.reference_points import r_xu, r_xx
from opendmm.reference_points.message import Status, accepted

RESERVE = "reserve"
PUSH = "push"

PREPARED_FOR = 30.0
"""Seconds a context pushed ahead is kept for a mobile node that does not come."""


class Prediction:
    """Reserving a grant for the target, pushing the context there, and keeping what was pushed."""

    def __init__(self, core: Core, granting: Granting, arrival: Arrival) -> None:
        self.core = core
        self.granting = granting
        self.arrival = arrival
        self._predictors: dict[ContextId, tuple[EntityAddress, r_xu.HandoverPrediction]] = {}

    def predicted(
        self, sender: EntityAddress, message: r_xu.HandoverPrediction, now: float
    ) -> list[Effect]:
        """R_XU, at the current anchor: a move to the target is expected."""
        anchored = (Phase.REGISTERING, Phase.ANCHORED)
        visits = [v for v in self.core.visits_of(message.mobile_node) if v.phase in anchored]
        if not visits or message.target_anchor == self.core.node:
            return [_acknowledge(sender, message, Status.UNKNOWN_MOBILE_NODE)]
        effects: list[Effect] = []
        for visit in visits:
            if visit.key.home_anchor == message.target_anchor:
                # Its home needs neither context nor a grant of somebody else.
                effects.append(_acknowledge(sender, message, Status.ACCEPTED))
                continue
            self._predictors[visit.key] = (sender, message)
            effects += self._reserve(visit, message, now)
        return effects

    def _reserve(self, visit: Visit, message: r_xu.HandoverPrediction, now: float) -> list[Effect]:
        key = visit.key
        request = r_xx.ContextRequest(
            mobile_node=key.mobile_node,
            home_anchor=key.home_anchor,
            new_anchor=message.target_anchor,
            attached_at=message.predicted_at,
            predicted=True,
            proof=message.proof,
        )
        home = self.core.mctx(key.home_anchor)
        if home.node == self.core.node:
            return self.granting.requested(home, request, now)
        return self.core.outstanding.request((RESERVE, key, home.node), home, request, now)

    def reserved(
        self, sender: EntityAddress, message: r_xx.ContextResponse, now: float
    ) -> list[Effect] | None:
        """R_XX: the home anchor's answer to a reservation; None when this is no such answer."""
        waiting = self._predictors.get(message.key)
        if waiting is None or waiting[1].predicted_at != message.attached_at:
            return None
        predictor, prediction = self._predictors.pop(message.key)
        effects = self.core.outstanding.settle((RESERVE, message.key, sender.node))
        if not accepted(message.status) or message.context is None:
            return [*effects, _acknowledge(predictor, prediction, message.status)]
        self._predictors[message.key] = (predictor, prediction)
        target = self.core.mctx(prediction.target_anchor)
        push = r_xx.ContextPush(context=message.context)
        return effects + self.core.outstanding.request(
            (PUSH, message.key, target.node), target, push, now
        )

    def push_acknowledged(
        self, sender: EntityAddress, message: r_xx.ContextPushAcknowledgement
    ) -> list[Effect]:
        """R_XX: the target holds the context; tell who predicted."""
        effects = self.core.outstanding.settle((PUSH, message.key, sender.node))
        waiting = self._predictors.pop(message.key, None)
        if waiting is None:
            return effects
        return [*effects, _acknowledge(waiting[0], waiting[1], message.status)]

    def pushed(self, sender: EntityAddress, message: r_xx.ContextPush, now: float) -> list[Effect]:
        """R_XX, at the target: keep the context until the mobile node comes, or use it at once."""
        context = message.context
        try:
            granted(self.core.authority, context, now)
            if context.current_anchor != self.core.node:
                raise Unauthorised(f"granted to {context.current_anchor}")
        except Unauthorised as problem:
            return [
                self.core.warn("context-refused", context.key, f"{sender}: {problem}"),
                _pushed(sender, context, Status.NOT_AUTHORISED),
            ]
        visit = self.core.visits.get(context.key)
        if visit is not None and visit.context is not None:
            return [_pushed(sender, context, Status.STALE)]
        self.arrival.prepared[context.key] = Prepared(context, sender.node)
        effects: list[Effect] = [
            _pushed(sender, context, Status.ACCEPTED),
            SetTimer(f"prepared {context.key}", now + PREPARED_FOR),
        ]
        if visit is not None and visit.phase is Phase.REQUESTING:
            effects += self.arrival.begin(context.key, now)
        return effects

    def expired(self, key: ContextId) -> list[Effect]:
        """The mobile node did not come."""
        self.arrival.prepared.pop(key, None)
        return []


def _acknowledge(to: EntityAddress, prediction: r_xu.HandoverPrediction, status: int) -> Send:
    return Send(
        to,
        r_xu.HandoverPredictionAcknowledgement(
            mobile_node=prediction.mobile_node,
            target_anchor=prediction.target_anchor,
            status=status,
        ),
    )


def _pushed(to: EntityAddress, context: MobilityContext, status: int) -> Send:
    return Send(
        to,
        r_xx.ContextPushAcknowledgement(
            mobile_node=context.mobile_node,
            home_anchor=context.home_anchor,
            order=context.order,
            status=status,
        ),
    )
