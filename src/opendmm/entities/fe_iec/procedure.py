"""The order of steps after a location has been recorded (design §5, steps 3 to 6).

First the new egress, then what the former ones forward and every ingress, then the report
that all follow, and after a drain time the end of the former egresses.
"""

from typing import Protocol

from opendmm.entities.effects import Effect, Send, SetTimer
from opendmm.entities.fe_iec.core import Core, entity
from opendmm.entities.fe_iec.egress import EgressControl
from opendmm.entities.fe_iec.record import Record, Stage
from opendmm.entities.retransmission import Outstanding
from opendmm.model.context import ContextId
from opendmm.model.identity import EntityAddress, FunctionalEntity, NodeId
from opendmm.reference_points import r_ii, r_xc
from opendmm.reference_points.message import Status


class Spreading(Protocol):
    """How all packets come to follow a move: every FE_I told, or announcements to all routers."""

    def push(self, record: Record, now: float) -> list[Effect]:
        """Have packets follow the record."""

    def waits_for(self, key: ContextId) -> bool:
        """Whether some may not follow yet."""

    def forget(self, key: ContextId) -> list[Effect]:
        """The record is over."""


class Procedure:
    """Moves every record from stage to stage."""

    def __init__(self, core: Core, ingress: Spreading, egress: EgressControl) -> None:
        self.core = core
        self.ingress = ingress
        self.egress = egress
        self.forwards: Outstanding[ContextId] = Outstanding("R_II", core.config.retransmit)
        self.replicas: Outstanding[ContextId] = Outstanding("R_II replica", core.config.retransmit)

    def begin(self, record: Record, delivering: bool, now: float) -> list[Effect]:
        """A new (or refreshed) location: the egress first, unless it already delivers."""
        effects: list[Effect] = []
        record.stage = Stage.EGRESS
        if record.egress_needed and self.egress.controls(record.egress):
            effects += self.egress.deliver(record, now)
        if delivering or self.egress.delivered(record):
            effects += self.egress_ready(record, now)
        return effects + self.replicate(record, now)

    def egress_ready(self, record: Record, now: float) -> list[Effect]:
        """The new egress delivers: hand over to the responsible instance, or go on here."""
        responsible = self.core.responsible(record.context)
        if responsible != self.core.node:
            record.stage = Stage.FORWARDED
            forward = r_ii.LocationForward(
                context=record.context, egress=record.egress, released=record.released
            )
            to = entity(responsible, FunctionalEntity.FE_IEC)
            return self.egress_reported(record) + self.forwards.request(
                record.key, to, forward, now
            )
        record.stage = Stage.INGRESS
        effects = self.egress_reported(record)
        if not record.released:
            effects += self.egress.supersede(record, False, now)
        effects += self.ingress.push(record, now)
        return effects + self.check(record, now)

    def egress_reported(self, record: Record) -> list[Effect]:
        """The anchor learns that an FE_E apart from it delivers."""
        reporter = record.reporter
        apart = record.egress.node != record.context.current_anchor
        if reporter is None or reporter.entity is not FunctionalEntity.FE_MCTX or not apart:
            return []
        ready = r_xc.LocationAcknowledgement(
            mobile_node=record.key.mobile_node,
            home_anchor=record.key.home_anchor,
            order=record.order,
            status=Status.ACCEPTED,
            delivering=True,
        )
        return [Send(reporter, ready)]

    def check(self, record: Record, now: float) -> list[Effect]:
        """Complete once no FE_I owes an acknowledgement."""
        if record.stage is not Stage.INGRESS or self.ingress.waits_for(record.key):
            return []
        return self.complete(record, now)

    def complete(self, record: Record, now: float) -> list[Effect]:
        """Everything follows: tell whoever reported the move, and drain the former egresses."""
        record.stage = Stage.COMPLETE
        effects: list[Effect] = [*self.report(record), *self.core.keep(record)]
        if record.former or record.released:
            effects.append(SetTimer(f"drain {record.key}", now + self.core.config.drain))
        return effects

    def report(self, record: Record) -> list[Effect]:
        """IndirectionComplete over the reference point the move was reported on."""
        reporter = record.reporter
        if reporter is None:
            return []
        kind = (
            r_ii.IndirectionComplete
            if reporter.entity is FunctionalEntity.FE_IEC
            else r_xc.IndirectionComplete
        )
        done = kind(
            mobile_node=record.key.mobile_node,
            home_anchor=record.key.home_anchor,
            order=record.order,
        )
        return [Send(reporter, done)]

    def drained(self, key: ContextId, now: float) -> list[Effect]:
        """The drain time is over: former egresses forget, and so do we after a release."""
        record = self.core.records.get(key)
        if record is None or record.stage is not Stage.COMPLETE:
            return []
        effects = self.egress.supersede(record, True, now)
        if record.former and not (record.away or record.drained):
            onward = record.egress
            effects += self.egress.retire(record.context, onward, onward, True, now)
        record.drained = True
        return effects + self.core.keep(record)

    def replicate(self, record: Record, now: float) -> list[Effect]:
        """The companion instance holds the same record."""
        companion = self.core.companion()
        if companion is None:
            return []
        replica = r_ii.BindingReplica(
            context=record.context, egress=record.egress, released=record.released
        )
        to = EntityAddress(companion, FunctionalEntity.FE_IEC)
        return self.replicas.request(record.key, to, replica, now)

    def resend_to(self, node: NodeId, now: float) -> list[Effect]:
        return self.forwards.resend_to(node, now) + self.replicas.resend_to(node, now)

    def repeat(self, timer: str, now: float) -> list[Effect] | None:
        """None when the timer is not ours."""
        for requests in (self.forwards, self.replicas):
            if requests.owns(timer):
                return requests.repeat(timer, now)
        return None

    def forget(self, key: ContextId) -> list[Effect]:
        return self.forwards.settle(key) + self.replicas.settle(key)
