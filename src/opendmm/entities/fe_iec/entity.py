"""FE_IEC put together: which part answers which input."""

import msgspec

from opendmm.authority.authority import Authority
from opendmm.entities.effects import (
    Effect,
    Input,
    PeerReachable,
    PeerUnreachable,
    Received,
    RuleOutcome,
    Send,
    SetTimer,
    Started,
    TimerFired,
)
from opendmm.entities.fe_iec.announcement import (
    AGAIN,
    LAST,
    SPREAD,
    TIMERS,
    AnnouncementControl,
)
from opendmm.entities.fe_iec.config import ControllerConfig
from opendmm.entities.fe_iec.continuity import NUMBERED, Continuity
from opendmm.entities.fe_iec.core import Core, entity
from opendmm.entities.fe_iec.egress import EgressControl
from opendmm.entities.fe_iec.ingress import IngressControl
from opendmm.entities.fe_iec.lookup import Lookup
from opendmm.entities.fe_iec.procedure import Procedure
from opendmm.entities.fe_iec.record import Record, Stage
from opendmm.entities.fe_iec.registration import Registration
from opendmm.model.context import ContextId
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points import r_ec, r_ic, r_ii, r_xc
from opendmm.reference_points.message import Message


class FeIec:
    """One FE_IEC instance."""

    kind = FunctionalEntity.FE_IEC

    def __init__(self, config: ControllerConfig, authority: Authority) -> None:
        self.core = Core(config, authority)
        self.ingress = IngressControl(self.core)
        self.egress = EgressControl(self.core)
        announcing = config.announcing
        self.announcement = AnnouncementControl(self.core, announcing) if announcing else None
        spreading = self.announcement or self.ingress
        self.procedure = Procedure(self.core, spreading, self.egress)
        self.registration = Registration(self.core, self.procedure)
        self.lookup = Lookup(self.core)
        self.continuity = Continuity(self.core)

    def handle(self, event: Input, now: float) -> list[Effect]:
        match event:
            case Received(sender, message):
                return self._received(sender, message, now)
            case TimerFired(key):
                return self._timer(key, now)
            case RuleOutcome() if self.announcement is not None:
                return self.announcement.outcome(event, now)
            case PeerReachable(node):
                return self._reachable(node, now)
            case PeerUnreachable(node):
                self.core.unreachable.add(node)
                return self.registration.rehome(now) if self._instance(node) else []
            case Started(facts):
                return self._restore(facts, now)
            case _:
                return []

    def rows(self, table: str) -> list[dict[str, object]]:
        """For `dmm show contexts` and `announcements`."""
        if table == "announcements" and self.announcement is not None:
            return self.announcement.rows()
        if table != "contexts":
            return []
        return [
            {
                "mobile_node": key.mobile_node,
                "home_anchor": key.home_anchor,
                "prefixes": [str(p) for p in record.context.prefixes],
                "anchor": record.context.current_anchor,
                "egress": str(record.egress),
                "order": str(record.order),
                "stage": str(record.stage),
                "expires_at": record.expires_at,
            }
            for key, record in self.core.records.items()
            if not record.released
        ]

    def _received(self, sender: EntityAddress, message: Message, now: float) -> list[Effect]:
        match message:
            case r_xc.LocationUpdate():
                return self.registration.location_update(sender, message, now)
            case r_xc.ContextLookup():
                return self.lookup.asked(sender, message, now)
            case r_xc.ContinuityRequest():
                return self.continuity.requested(sender, message, now)
            case r_ic.PolicySubscribe():
                return self.ingress.subscribed(sender, message, now)
            case r_ic.PolicyRequest():
                return self.ingress.requested(sender, message, now)
            case r_ic.PolicyAcknowledgement():
                return self._policies_acknowledged(sender, message, now)
            case r_ec.DeliverySubscribe():
                return self.egress.subscribed(sender, message, now)
            case r_ec.DeliveryAcknowledgement():
                return self._delivery_acknowledged(sender, message, now)
            case _:
                return self._cooperate(sender, message, now)

    def _cooperate(self, sender: EntityAddress, message: Message, now: float) -> list[Effect]:
        match message:
            case r_ii.LocationForward():
                return self.registration.location_forward(sender, message, now)
            case r_ii.LocationForwardAcknowledgement():
                return self.registration.forward_acknowledged(sender, message)
            case r_ii.IndirectionComplete():
                return self.registration.completed_elsewhere(sender, message, now)
            case r_ii.EgressSuperseded():
                return self.registration.superseded(sender, message, now)
            case r_ii.BindingReplica():
                return self.registration.replica(sender, message, now)
            case r_ii.ReplicaRequest():
                return self.registration.replica_request(sender, now)
            case r_ii.MobileNodeQuery():
                return self.lookup.asked_by_peer(sender, message)
            case r_ii.MobileNodeReply():
                return self.lookup.answered(sender, message)
            case _:
                return []

    def _policies_acknowledged(
        self, sender: EntityAddress, message: r_ic.PolicyAcknowledgement, now: float
    ) -> list[Effect]:
        effects, settled = self.ingress.acknowledged(sender, message)
        for key in sorted(settled):
            record = self.core.records.get(key)
            if record is not None:
                effects += self.procedure.check(record, now)
        return effects

    def _delivery_acknowledged(
        self, sender: EntityAddress, message: r_ec.DeliveryAcknowledgement, now: float
    ) -> list[Effect]:
        effects = self.egress.acknowledged(sender, message)
        record = self.core.records.get(message.key)
        if (
            record is not None
            and record.stage is Stage.EGRESS
            and record.egress.node == sender.node
            and self.egress.delivered(record)
        ):
            effects += self.procedure.egress_ready(record, now)
        return effects

    def _timer(self, key: str, now: float) -> list[Effect]:
        for part in (self.ingress, self.egress, self.procedure):
            repeated = part.repeat(key, now)
            if repeated is not None:
                return repeated
        kind, _, subject = key.partition(" ")
        if kind == "lookup":
            return self.lookup.conclude(MobileNodeId(subject))
        context = ContextId.parse(subject)
        if kind == "drain":
            return self.procedure.drained(context, now)
        if self.announcement is not None and kind in TIMERS:
            return self._announced(self.announcement, kind, context, now)
        expired = self.registration.expired(context, now)
        if isinstance(expired, float):
            return [SetTimer(key, expired)]
        return expired

    def _announced(
        self, announcement: AnnouncementControl, kind: str, key: ContextId, now: float
    ) -> list[Effect]:
        """Routers have had the time to hear of an announcement, or it is to be tried again."""
        record = self.core.records.get(key)
        if record is None:
            return []
        if kind == LAST:
            return announcement.push(record, now)
        if kind != SPREAD:
            return announcement.further(record, now, again=kind == AGAIN)
        announcement.spread(key)
        return self.procedure.check(record, now)

    def _reachable(self, node: NodeId, now: float) -> list[Effect]:
        self.core.unreachable.discard(node)
        effects: list[Effect] = []
        for part in (self.ingress, self.egress, self.procedure):
            effects += part.resend_to(node, now)
        if node == self.core.companion():
            companion = entity(node, FunctionalEntity.FE_IEC)
            effects.append(Send(companion, r_ii.ReplicaRequest()))
        if self._instance(node):
            effects += self.registration.rehome(now)
        return effects

    def _instance(self, node: NodeId) -> bool:
        return node in self.core.config.peers

    def _restore(self, facts: dict[str, bytes], now: float) -> list[Effect]:
        effects: list[Effect] = []
        for name, value in facts.items():
            if name.startswith(NUMBERED):
                self.continuity.restore(name, value)
                continue
            record = msgspec.msgpack.decode(value, type=Record)
            self.core.remember(record)
            if record.expires_at <= now:
                effects += self.core.forget(record.key)
                continue
            effects.append(SetTimer(f"expiry {record.key}", record.expires_at))
            if record.stage is not Stage.COMPLETE:
                effects += self.procedure.begin(record, record.stage is not Stage.EGRESS, now)
                continue
            if self.announcement is not None:
                effects += self.announcement.restored(record, now)
            if record.former:
                drain = now + self.core.config.drain
                effects.append(SetTimer(f"drain {record.key}", drain))
        return effects
