"""R_EC: what the egresses are told, and R_II where another instance speaks to the egress."""

import msgspec

from opendmm.entities.effects import Effect, Send
from opendmm.entities.fe_iec.core import Core, entity
from opendmm.entities.fe_iec.record import Record, Stage
from opendmm.entities.retransmission import Outstanding
from opendmm.model.addressing import Egress
from opendmm.model.context import ContextId, MobilityContext
from opendmm.model.identity import EntityAddress, FunctionalEntity, NodeId
from opendmm.model.policy import Delivery, DeliveryPolicy
from opendmm.reference_points import r_ec, r_ii
from opendmm.reference_points.message import Status, accepted, status_name

PAGE = 5000
"""Contexts named in one message; a frame of the native binding holds some four times that."""

Awaited = tuple[NodeId, ContextId]
"""Which context's policy at which egress node."""


class EgressControl:
    """The delivery policies of the FE_E this instance speaks to, until acknowledged."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._local: Outstanding[Awaited] = Outstanding(
            "R_EC", core.config.retransmit, subject=lambda awaited: awaited[1]
        )
        self._remote: Outstanding[Awaited] = Outstanding(
            "R_II egress", core.config.retransmit, subject=lambda awaited: awaited[1]
        )

    def deliver(self, record: Record, now: float) -> list[Effect]:
        """The new egress: deliver here, or by host route to the anchor behind."""
        anchor = record.context.current_anchor
        beside = anchor == record.egress.node
        policy = self._policy(
            record.context,
            record.egress,
            record.expires_at,
            Delivery.LOCAL if beside else Delivery.ANCHOR,
        )
        if not beside:
            locator = self.core.config.anchors.get(anchor)
            policy = msgspec.structs.replace(policy, anchor=locator)
        return self._tell(record.egress.node, policy, now)

    def delivered(self, record: Record) -> bool:
        """Whether the new egress has acknowledged."""
        return (record.egress.node, record.key) not in self._local

    def controls(self, egress: Egress) -> bool:
        """Whether this instance speaks R_EC to the egress."""
        return self.core.config.egress_controllers.get(egress.node) == self.core.node

    def supersede(self, record: Record, drain: bool, now: float) -> list[Effect]:
        """Every former egress forwards to the present one, or (drain) forgets."""
        effects: list[Effect] = []
        for former in record.former:
            effects += self.retire(record.context, former, record.egress, drain, now)
        return effects

    def retire(
        self, context: MobilityContext, former: Egress, onward: Egress, drain: bool, now: float
    ) -> list[Effect]:
        """One former egress, through the instance that speaks to it."""
        if self.controls(former):
            expires_at = now + context.lifetime
            if drain:
                policy = self._policy(context, former, expires_at, Delivery.REMOVE)
            else:
                policy = self._policy(context, former, expires_at, Delivery.FORWARD)
                policy = msgspec.structs.replace(policy, onward=onward)
            return self._tell(former.node, policy, now)
        controller = self.core.config.egress_controllers.get(former.node)
        if controller is None:
            return []
        message = r_ii.EgressSuperseded(context=context, egress=former, onward=onward, drain=drain)
        to = entity(controller, FunctionalEntity.FE_IEC)
        return self._remote.request((former.node, context.key), to, message, now)

    def _tell(self, node: NodeId, policy: DeliveryPolicy, now: float) -> list[Effect]:
        to = entity(node, FunctionalEntity.FE_E)
        update = r_ec.DeliveryUpdate(policy=policy)
        return self._local.request((node, policy.key), to, update, now)

    def _policy(
        self, context: MobilityContext, egress: Egress, expires_at: float, delivery: Delivery
    ) -> DeliveryPolicy:
        # At home nothing is redirected, and all that a former egress passes on is delivered.
        flows = () if context.at_home else self.core.config.flows_arriving(context)
        return DeliveryPolicy(
            mobile_node=context.mobile_node,
            home_anchor=context.home_anchor,
            prefixes=context.prefixes,
            order=context.order,
            endpoint=egress.locator,
            delivery=delivery,
            expires_at=expires_at,
            flows=flows,
            grant=context.grant,
        )

    def acknowledged(
        self, sender: EntityAddress, message: r_ec.DeliveryAcknowledgement
    ) -> list[Effect]:
        awaited = (sender.node, message.key)
        pending = self._local.get(awaited)
        if pending is None or not isinstance(pending.message, r_ec.DeliveryUpdate):
            return []
        if pending.message.policy.order != message.order:
            return []
        if accepted(message.status) or message.status == Status.STALE:
            settled = self._local.settle(awaited)
            if pending.message.policy.delivery is Delivery.REMOVE:
                settled += self._forgotten(*awaited)
            return settled
        record = self.core.records.get(message.key)
        if record is None:
            return self._local.settle(awaited)
        why = f"{sender} answered: {status_name(message.status)}"
        return [self.core.warn("delivery-not-installed", record.context, why)]

    def superseded_elsewhere(
        self, sender: EntityAddress, message: r_ii.LocationForwardAcknowledgement
    ) -> list[Effect]:
        """The instance that speaks to a former egress has seen to it."""
        effects: list[Effect] = []
        for awaited in self._remote.about(message.key):
            pending = self._remote.get(awaited)
            if (
                pending is not None
                and pending.to == sender
                and isinstance(pending.message, r_ii.EgressSuperseded)
                and pending.message.context.order == message.order
            ):
                effects += self._remote.settle(awaited)
                if pending.message.drain:
                    effects += self._forgotten(*awaited)
        return effects

    def _forgotten(self, egress: NodeId, key: ContextId) -> list[Effect]:
        """A former egress holds nothing any more; only now need nobody tell it again."""
        record = self.core.records.get(key)
        if record is None or not any(former.node == egress for former in record.former):
            return []
        record.former = [former for former in record.former if former.node != egress]
        return self.core.keep(record)

    def subscribed(
        self, sender: EntityAddress, message: r_ec.DeliverySubscribe, now: float
    ) -> list[Effect]:
        """An FE_E reported in: give it again what it should hold, and say what that is."""
        effects: list[Effect] = []
        held: list[ContextId] = []
        for key, record in self.core.records.items():
            here = record.egress.node == sender.node and self.controls(record.egress)
            if record.egress_needed and here:
                held.append(key)
                effects += self.deliver(record, now)
            for former in record.former:
                if former.node == sender.node and self.controls(former):
                    held.append(key)
                    # Until the new egress is ready a former one goes by what it has.
                    if record.stage is not Stage.EGRESS:
                        effects += self.retire(
                            record.context, former, record.egress, record.drained, now
                        )
        pages = [held[start : start + PAGE] for start in range(0, len(held), PAGE)] or [[]]
        for number, page in enumerate(pages, 1):
            done = r_ec.DeliverySynchronised(
                synchronisation=message.synchronisation,
                page=number,
                pages=len(pages),
                held=tuple(page),
            )
            effects.append(Send(sender, done))
        return effects

    def forget(self, key: ContextId) -> list[Effect]:
        effects: list[Effect] = []
        for requests in (self._local, self._remote):
            for awaited in requests.about(key):
                effects += requests.settle(awaited)
        return effects

    def resend_to(self, node: NodeId, now: float) -> list[Effect]:
        return self._local.resend_to(node, now) + self._remote.resend_to(node, now)

    def repeat(self, timer: str, now: float) -> list[Effect] | None:
        """None when the timer is not ours."""
        for requests in (self._local, self._remote):
            if requests.owns(timer):
                return requests.repeat(timer, now)
        return None
