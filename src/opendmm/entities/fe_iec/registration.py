"""R_XC and R_II: how locations come to be recorded, wherever they were reported."""

import msgspec

from opendmm.authority.grant import Grant, Unauthorised
from opendmm.entities.effects import Effect, Send
from opendmm.entities.fe_iec.core import Core
from opendmm.entities.fe_iec.procedure import Procedure
from opendmm.entities.fe_iec.record import Record, Stage
from opendmm.entities.grants import egress_allowed, granted
from opendmm.model.addressing import Egress
from opendmm.model.context import ContextId, MobilityContext
from opendmm.model.identity import EntityAddress, FunctionalEntity, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.policy import Direction
from opendmm.reference_points import r_ii, r_xc
from opendmm.reference_points.message import Message, Status


class Report(msgspec.Struct, frozen=True):
    """A location as somebody reported it; `delivering` when the egress needs no waiting for,
    `alone` when no other anchor announces it."""

    sender: EntityAddress
    context: MobilityContext
    egress: Egress
    released: bool
    delivering: bool
    alone: bool = False


class Registration:
    """Records what is granted and newer, refuses the rest, and sets the procedure going."""

    def __init__(self, core: Core, procedure: Procedure) -> None:
        self.core = core
        self.procedure = procedure

    def location_update(
        self, sender: EntityAddress, message: r_xc.LocationUpdate, now: float
    ) -> list[Effect]:
        """An anchor reports over R_XC."""
        report = Report(
            sender,
            message.context,
            message.egress,
            message.released,
            message.delivering,
            message.alone,
        )
        return self._record(report, r_xc.LocationAcknowledgement, now)

    def location_forward(
        self, sender: EntityAddress, message: r_ii.LocationForward, now: float
    ) -> list[Effect]:
        """Another instance reports over R_II; it has seen to the egress."""
        report = Report(sender, message.context, message.egress, message.released, True)
        return self._record(report, r_ii.LocationForwardAcknowledgement, now)

    def _record(
        self,
        report: Report,
        answer: type[r_xc.LocationAcknowledgement | r_ii.LocationForwardAcknowledgement],
        now: float,
    ) -> list[Effect]:
        context = report.context
        try:
            grant = self._authorised(report, now)
        except Unauthorised as problem:
            why = self.core.warn("location-refused", context, str(problem), **_from(report))
            return [why, _answer(report, answer, Status.NOT_AUTHORISED)]
        held = self.core.records.get(context.key)
        if held is not None and held.order > context.order:
            return [_answer(report, answer, Status.STALE, held.order)]
        if held is not None and held.context == context and held.egress == report.egress:
            return self._again(held, report, answer, now)
        record = self._merge(held, report, grant)
        record.alone_since = _alone_since(held, report, now)
        if self.core.responsible(context) != self.core.node:
            record.former = []  # the responsible instance sees to them
        status = (
            Status.ACCEPTED
            if held is None or held.order < context.order
            else (Status.ACCEPTED_ALREADY)
        )
        return [
            *self.core.keep(record),
            _answer(report, answer, status),
            *self.procedure.begin(record, report.delivering, now),
        ]

    def _authorised(self, report: Report, now: float) -> Grant:
        grant = granted(self.core.authority, report.context, now)
        if grant.released != report.released:
            raise Unauthorised("released without a grant that says so")
        if report.sender.entity is FunctionalEntity.FE_MCTX and report.sender.node not in (
            grant.anchor,
            grant.issuer,
            self._left(report),
        ):
            raise Unauthorised(f"{report.sender.node} reports for {grant.anchor}")
        if not report.released:
            egress_allowed(self.core.authority, grant, report.egress)
        return grant

    def _left(self, report: Report) -> NodeId | None:
        """The anchor that may say of a context that it has gone: what was announced of it here
        ends, and nothing else happens."""
        held = self.core.records.get(report.context.key)
        announcing = self.core.config.announcing is not None
        return held.context.current_anchor if announcing and held is not None else None

    def _again(
        self,
        held: Record,
        report: Report,
        answer: type[r_xc.LocationAcknowledgement | r_ii.LocationForwardAcknowledgement],
        now: float,
    ) -> list[Effect]:
        """The very same report: acknowledge, and repeat what became of it."""
        held.reporter = report.sender
        effects: list[Effect] = [_answer(report, answer, Status.ACCEPTED_ALREADY)]
        if held.stage is not Stage.EGRESS:
            effects += self.procedure.egress_reported(held)
        if report.alone and held.alone_since is None:
            held.alone_since = now
            effects += [*self.core.keep(held), *self.procedure.ingress.push(held, now)]
        if held.stage is Stage.COMPLETE:
            return effects + self.procedure.report(held)
        if report.delivering and held.stage is Stage.EGRESS:
            effects += self.procedure.egress_ready(held, now)
        return effects

    def _merge(self, held: Record | None, report: Report, grant: Grant) -> Record:
        """The new record; what the old one left in the network must still be undone."""
        record = Record(
            context=report.context,
            egress=report.egress,
            released=report.released,
            expires_at=grant.expires_at,
            stage=Stage.EGRESS,
            reporter=report.sender,
        )
        # The companion may have died between telling ingresses and egresses and telling us.
        unsure = self.core.companion() is not None and report.context.order.sequence > 1
        if unsure:
            record.redirected = set(self.core.config.ingresses)
        if held is None:
            return record
        record.told = held.told
        if held.away and held.stage in (Stage.INGRESS, Stage.COMPLETE):
            record.told = held.policy(Direction.DOWNLINK, held.egress)
        record.redirected |= held.redirected
        record.uplink = held.uplink
        former = list(held.former)
        if held.egress_needed or unsure:
            former.append(held.egress)
        record.former = [
            egress for egress in dict.fromkeys(former) if egress.node != report.egress.node
        ]
        if report.released and held.egress_needed:
            record.former = list(dict.fromkeys(former))
        return record

    # R_II: replicas and supersession

    def replica(
        self, sender: EntityAddress, message: r_ii.BindingReplica, now: float
    ) -> list[Effect]:
        """The companion recorded this. Where we are in charge and it is news, act on it."""
        report = Report(sender, message.context, message.egress, message.released, True)
        try:
            grant = granted(self.core.authority, message.context, now)
        except Unauthorised as problem:
            why = self.core.warn("replica-refused", message.context, str(problem), **_from(report))
            return [why, _answer(report, r_ii.LocationForwardAcknowledgement, 130)]
        acknowledged = _answer(report, r_ii.LocationForwardAcknowledgement, Status.ACCEPTED)
        held = self.core.records.get(message.context.key)
        if held is not None and held.order >= message.context.order:
            return [acknowledged]
        record = self._merge(held, report, grant)
        record.reporter = None
        effects: list[Effect] = [acknowledged]
        if self.core.responsible(record.context) == self.core.node:
            record.redirected |= set(self.core.config.ingresses)
            effects += self.core.keep(record)
            return effects + self.procedure.begin(record, True, now)
        record.stage = Stage.COMPLETE
        return effects + self.core.keep(record)

    def replica_request(self, sender: EntityAddress, now: float) -> list[Effect]:
        """The companion is back: it gets every record."""
        if sender.node != self.core.companion():
            return []
        return [
            effect
            for record in self.core.records.values()
            for effect in self.procedure.replicate(record, now)
        ]

    def superseded(
        self, sender: EntityAddress, message: r_ii.EgressSuperseded, now: float
    ) -> list[Effect]:
        """The responsible instance retires an egress that this instance speaks to."""
        context = message.context
        report = Report(sender, context, message.egress, False, True)
        try:
            grant = granted(self.core.authority, context, now)
        except Unauthorised as problem:
            why = self.core.warn("location-refused", context, str(problem), **_from(report))
            return [why, _answer(report, r_ii.LocationForwardAcknowledgement, 130)]
        acknowledged = _answer(report, r_ii.LocationForwardAcknowledgement, Status.ACCEPTED)
        held = self.core.records.get(context.key)
        if held is not None and held.order > context.order:
            return [acknowledged]
        effects: list[Effect] = [acknowledged]
        if held is None or held.order < context.order:
            record = Record(
                context=context,
                egress=message.onward,
                released=grant.released,
                expires_at=grant.expires_at,
                stage=Stage.COMPLETE,
                former=[] if message.drain else [message.egress],
            )
            effects += self.procedure.forget(context.key)
            effects += self.core.keep(record)
        elif message.drain:
            held.former = [e for e in held.former if e != message.egress]
            effects += self.core.keep(held)
        procedure = self.procedure.egress
        return effects + procedure.retire(
            context, message.egress, message.onward, message.drain, now
        )

    # Answers to what this instance sent

    def forward_acknowledged(
        self, sender: EntityAddress, message: r_ii.LocationForwardAcknowledgement
    ) -> list[Effect]:
        """The responsible instance, or the companion, has recorded it (or holds a later one)."""
        effects = self.procedure.egress.superseded_elsewhere(sender, message)
        replica = self.procedure.replicas.get(message.key)
        if (
            replica is not None
            and replica.to == sender
            and _order(replica.message) == (message.order)
        ):
            effects += self.procedure.replicas.settle(message.key)
        forward = self.procedure.forwards.get(message.key)
        if forward is None or forward.to != sender or _order(forward.message) != message.order:
            return effects
        record = self.core.records.get(message.key)
        if message.status == Status.STALE and message.latest is not None and record is not None:
            return (
                effects
                + self.procedure.forwards.settle(message.key)
                + _outdated(record, message.latest)
            )
        return effects

    def completed_elsewhere(
        self, sender: EntityAddress, message: r_ii.IndirectionComplete, now: float
    ) -> list[Effect]:
        """The responsible instance's ingresses all follow."""
        record = self.core.records.get(message.key)
        forward = self.procedure.forwards.get(message.key)
        if record is None or record.order != message.order:
            return []
        if forward is None or forward.to != sender:
            return []
        effects = self.procedure.forwards.settle(message.key)
        record.former = []
        return effects + self.procedure.complete(record, now)

    def rehome(self, now: float) -> list[Effect]:
        """Who is responsible has changed (a primary died or is back): forward or act anew."""
        effects: list[Effect] = []
        for record in self.core.records.values():
            responsible = self.core.responsible(record.context)
            forward = self.procedure.forwards.get(record.key)
            if forward is not None and forward.to.node != responsible:
                effects += self.procedure.forwards.settle(record.key)
                effects += self.procedure.egress_ready(record, now)
            elif self._took_over(record, responsible):
                record.redirected |= set(self.core.config.ingresses)
                effects += self.procedure.egress_ready(record, now)
        return effects

    def _took_over(self, record: Record, responsible: NodeId) -> bool:
        primary = self.core.config.standby_for
        return (
            responsible == self.core.node
            and primary is not None
            and any(
                instance == primary and any(prefix.covers(p) for p in record.context.prefixes)
                for prefix, instance in self.core.config.responsibility
            )
        )

    def expired(self, key: ContextId, now: float) -> list[Effect] | float:
        """Forget a record whose grant has run out, or say until when to wait."""
        record = self.core.records.get(key)
        if record is None:
            return []
        if now < record.expires_at:
            return record.expires_at
        effects = self.procedure.ingress.forget(key)
        effects += self.procedure.egress.forget(key)
        effects += self.procedure.forget(key)
        return effects + self.core.forget(key)


def _alone_since(held: Record | None, report: Report, now: float) -> float | None:
    """Refreshed, a location has been alone for as long as before."""
    if not report.alone:
        return None
    known = held.alone_since if held is not None and held.order == report.context.order else None
    return now if known is None else known


def _from(report: Report) -> dict[str, str]:
    return {"reported_by": str(report.sender)}


def _answer(
    report: Report,
    answer: type[r_xc.LocationAcknowledgement | r_ii.LocationForwardAcknowledgement],
    status: int,
    latest: MoveOrder | None = None,
) -> Send:
    return Send(
        report.sender,
        answer(
            mobile_node=report.context.mobile_node,
            home_anchor=report.context.home_anchor,
            order=report.context.order,
            status=status,
            latest=latest,
        ),
    )


def _order(message: Message) -> MoveOrder | None:
    context = getattr(message, "context", None)
    return context.order if isinstance(context, MobilityContext) else None


def _outdated(record: Record, latest: MoveOrder) -> list[Effect]:
    """Whoever reported the move to us learns that a later one is recorded."""
    if record.reporter is None:
        return []
    return [
        Send(
            record.reporter,
            r_xc.LocationAcknowledgement(
                mobile_node=record.key.mobile_node,
                home_anchor=record.key.home_anchor,
                order=record.order,
                status=Status.STALE,
                latest=latest,
            ),
        )
    ]
