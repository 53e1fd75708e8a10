"""FE_MCTX put together: which part answers which input."""

import msgspec

from opendmm.authority.authority import Authority
from opendmm.entities.effects import (
    Effect,
    Input,
    PeerReachable,
    PeerUnreachable,
    Received,
    SetTimer,
    Started,
    TimerFired,
)
from opendmm.entities.fe_mctx.arrival import Arrival
from opendmm.entities.fe_mctx.config import MctxConfig
from opendmm.entities.fe_mctx.core import Core
from opendmm.entities.fe_mctx.departure import Leaving
from opendmm.entities.fe_mctx.exchanges import CLAIM, LOCATION
from opendmm.entities.fe_mctx.granting import Granting
from opendmm.entities.fe_mctx.prediction import Prediction
from opendmm.entities.fe_mctx.register import HomeEntry
from opendmm.entities.fe_mctx.release import Release
from opendmm.entities.fe_mctx.settling import Settling
from opendmm.entities.fe_mctx.visit import Attachment, Departure, Phase, Visit
from opendmm.model.context import ContextId
from opendmm.model.identity import EntityAddress, FunctionalEntity, NodeId
from opendmm.reference_points import r_xa, r_xc, r_xu, r_xx
from opendmm.reference_points.message import Message


class FeMctx:
    """FE_MCTX of one anchor."""

    kind = FunctionalEntity.FE_MCTX

    def __init__(self, config: MctxConfig, authority: Authority) -> None:
        self.core = Core(config, authority)
        self.granting = Granting(self.core)
        self.settling = Settling(self.core)
        self.arrival = Arrival(self.core, self.granting, self.settling)
        self.leaving = Leaving(self.core, self.settling)
        self.release = Release(self.core, self.granting, self.arrival)
        self.prediction = Prediction(self.core, self.granting, self.arrival)

    def handle(self, event: Input, now: float) -> list[Effect]:
        match event:
            case Received(sender, message):
                return self._received(sender, message, now)
            case TimerFired(key):
                return self._timer(key, now)
            case PeerReachable(node):
                return self._reachable(node, now)
            case PeerUnreachable(node):
                return self._unreachable(node, now)
            case Started(facts):
                return self._restore(facts, now)
            case _:
                return []

    def rows(self, table: str) -> list[dict[str, object]]:
        """For `dmm show contexts`: the contexts anchored here, and the home register."""
        if table != "contexts":
            return []
        visits: list[dict[str, object]] = [
            {
                "mobile_node": key.mobile_node,
                "home_anchor": key.home_anchor,
                "prefixes": [str(p) for p in v.context.prefixes] if v.context else [],
                "anchor": self.core.node,
                "order": str(v.context.order) if v.context else "",
                "stage": str(v.phase),
            }
            for key, v in self.core.visits.items()
        ]
        homes: list[dict[str, object]] = [
            {
                "mobile_node": key.mobile_node,
                "home_anchor": key.home_anchor,
                "prefixes": [str(p) for p in e.context.prefixes],
                "anchor": e.context.current_anchor,
                "order": str(e.context.order),
                "stage": "home register",
            }
            for key, e in self.core.register.entries().items()
            if not e.released
        ]
        return visits + homes

    def _received(self, sender: EntityAddress, message: Message, now: float) -> list[Effect]:
        match message:
            case r_xu.AttachNotification():
                return self.arrival.attached(sender, message, now)
            case r_xu.DetachNotification():
                return [
                    *self.leaving.detached(sender, message, now),
                    *self.arrival.revive(message.mobile_node, now),
                ]
            case r_xu.HandoverPrediction():
                return self.prediction.predicted(sender, message, now)
            case r_xu.ReleaseRequest():
                return self.release.requested(sender, message, now)
            case r_xa.ContextReport():
                return self.granting.exported(message)
            case r_xa.ContextImported():
                return self.arrival.imported(message, now)
            case r_xa.PrefixAllocated():
                return self.arrival.allocated(message, now)
            case r_xa.BindingExpired():
                return self.leaving.binding_expired(message, now)
            case _:
                return self._from_controller(sender, message, now)

    def _from_controller(self, sender: EntityAddress, message: Message, now: float) -> list[Effect]:
        match message:
            case r_xc.LocationAcknowledgement():
                return self.settling.located(sender, message, now)
            case r_xc.IndirectionComplete():
                return [
                    *self.release.withdrawn(message, now),
                    *self.settling.completed(message, now),
                ]
            case r_xc.ContextFound():
                return self.arrival.found(message, now)
            case r_xc.ContinuityResponse():
                return self.arrival.continued(sender, message, now)
            case _:
                return self._from_peer(sender, message, now)

    def _from_peer(self, sender: EntityAddress, message: Message, now: float) -> list[Effect]:
        match message:
            case r_xx.ContextRequest():
                return self.granting.requested(sender, message, now)
            case r_xx.ContextResponse():
                reserved = self.prediction.reserved(sender, message, now)
                if reserved is not None:
                    return reserved
                return self.arrival.responded(sender, message, now)
            case r_xx.ContextPush():
                return self.prediction.pushed(sender, message, now)
            case r_xx.ContextPushAcknowledgement():
                return self.prediction.push_acknowledged(sender, message)
            case r_xx.AnchorChanged():
                return [
                    *self.leaving.anchor_changed(sender, message, now),
                    *self.settling.correct(message.context, now),
                ]
            case r_xx.AnchorChangedAcknowledgement():
                return self.settling.told(sender, message, now)
            case r_xx.MobilityComplete():
                return self.leaving.complete(sender, message, now)
            case _:
                return self._acknowledged(sender, message, now)

    def _acknowledged(self, sender: EntityAddress, message: Message, now: float) -> list[Effect]:
        match message:
            case r_xx.MobilityCompleteAcknowledgement():
                return self.settling.forgotten(sender, message, now)
            case r_xx.AttachmentLost():
                return self.leaving.lost_elsewhere(sender, message)
            case r_xx.AttachmentLostAcknowledgement():
                return self.leaving.loss_known(sender, message)
            case r_xx.ContextRelease():
                return self.release.received(sender, message, now)
            case r_xx.ContextReleased():
                return self.release.answered(sender, message)
            case _:
                return []

    def _timer(self, key: str, now: float) -> list[Effect]:
        if self.core.outstanding.owns(key):
            return self.core.outstanding.repeat(key, now)
        purpose, _, subject = key.partition(" ")
        context = ContextId.parse(subject)
        match purpose:
            case "patience":
                return self.arrival.without_home(context, now)
            case "refresh":
                return self.arrival.refresh(context, now)
            case "standby":
                return self.arrival.retry(context, now)
            case "drain":
                self.arrival.drop_overtaken(context)
                return self.leaving.drained(context)
            case "prepared":
                return self.prediction.expired(context)
            case "home":
                return self.granting.expire(context)
            case _:
                return []

    # Reachability

    def _reachable(self, node: NodeId, now: float) -> list[Effect]:
        self.core.unreachable.discard(node)
        effects = self.core.outstanding.resend_to(node, now)
        for visit in list(self.core.visits.values()):
            anchored = visit.phase in (Phase.REGISTERING, Phase.ANCHORED)
            if anchored and self._reports_to(node):
                effects += self.settling.report(visit, now)
            if anchored and visit.delegated and visit.key.home_anchor == node:
                effects += self.arrival.begin(visit.key, now)
        return effects

    def _unreachable(self, node: NodeId, now: float) -> list[Effect]:
        self.core.unreachable.add(node)
        effects: list[Effect] = []
        for purpose, key, to in self.core.outstanding.pending():
            if to != node:
                continue
            visit = self.core.visits.get(key)
            if purpose == LOCATION and visit is not None:
                effects += self.settling.report(visit, now)
            elif purpose == CLAIM and node == key.home_anchor:
                effects += self.arrival.without_home(key, now)
        return effects

    def _reports_to(self, node: NodeId) -> bool:
        controller = self.core.controller()
        return controller is not None and controller.node == node

    # Facts

    def _restore(self, facts: dict[str, bytes], now: float) -> list[Effect]:
        effects: list[Effect] = []
        for name in sorted(facts):
            purpose, _, _ = name.partition(" ")
            value = facts[name]
            match purpose:
                case "attachment":
                    attachment = msgspec.msgpack.decode(value, type=Attachment)
                    self.core.keep_attachment(attachment)
                case "visit":
                    effects += self._resume(msgspec.msgpack.decode(value, type=Visit), now)
                case "departure":
                    departure = msgspec.msgpack.decode(value, type=Departure)
                    self.core.keep_departure(departure)
                    if departure.draining:
                        drain = now + self.core.config.drain
                        effects.append(SetTimer(f"drain {departure.key}", drain))
                        effects += self.settling.went(departure, now)
                case "lost":
                    lost = msgspec.msgpack.decode(value, type=r_xx.AttachmentLost)
                    effects += self.leaving.tell_lost(lost, now)
                case "home":
                    entry = msgspec.msgpack.decode(value, type=HomeEntry)
                    self.core.register.put(entry)
                    if entry.former:
                        effects += self.release.withdraw(entry.context.key, now)
                    effects.append(SetTimer(name, now + 3 * self.core.config.lifetime))
                case _:
                    continue
        return effects

    def _resume(self, visit: Visit, now: float) -> list[Effect]:
        """Go on where the earlier life stopped: repeat what may not have been answered."""
        self.core.keep_visit(visit)
        match visit.phase:
            case Phase.REQUESTING:
                return self.arrival.begin(visit.key, now)
            case Phase.IMPORTING if visit.context is not None:
                return self.arrival.granted(visit, visit.context, ())
            case Phase.REGISTERING | Phase.ANCHORED:
                refresh = now + self.core.config.lifetime / 3
                return [
                    *self.settling.report(visit, now),
                    *self.settling.tell_former(visit, now),
                    *self.settling.let_go(visit, now),
                    SetTimer(f"refresh {visit.key}", refresh),
                ]
            case Phase.STANDBY:
                return self.arrival.retry(visit.key, now)
            case _:
                return []
