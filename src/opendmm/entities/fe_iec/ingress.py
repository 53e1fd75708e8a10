"""R_IC: what the ingresses are told, unsolicited and on request."""

from collections.abc import Iterable

import msgspec

from opendmm.entities.effects import Effect, Send
from opendmm.entities.fe_iec.core import Core, entity
from opendmm.entities.fe_iec.record import Record, Stage
from opendmm.entities.retransmission import Outstanding
from opendmm.model.addressing import Egress
from opendmm.model.context import ContextId
from opendmm.model.flow import FlowRule
from opendmm.model.identity import EntityAddress, FunctionalEntity, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.policy import Direction, ForwardingPolicy
from opendmm.reference_points import r_ic
from opendmm.reference_points.message import Status, accepted, status_name

BATCH = 500
"""Policies per message when a subscription is answered."""

RETRY_AFTER = 30.0
"""Seconds an FE_I may take "no redirection" for granted; it is told earlier of a change."""

Awaited = tuple[NodeId, Direction, ContextId]
"""Which policy of which FE_I."""


class IngressControl:
    """The policies of every FE_I of this instance, until each has acknowledged them."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.outstanding: Outstanding[int] = Outstanding("R_IC", core.config.retransmit)
        self._synchronisations: Outstanding[NodeId] = Outstanding(
            "R_IC sync", core.config.retransmit
        )
        self._transaction = 0
        self._awaited: dict[Awaited, int] = {}
        self._carried: dict[int, list[Awaited]] = {}
        self._interested: dict[ContextId, set[NodeId]] = {}

    def waits_for(self, key: ContextId) -> bool:
        """Whether an FE_I still owes an acknowledgement for this context."""
        concerned = self._concerned_now(key)
        return any((node, d, key) in self._awaited for node in concerned for d in Direction)

    def push(self, record: Record, now: float) -> list[Effect]:
        """Tell every FE_I concerned; what each had not acknowledged before is superseded."""
        record.told = None
        effects: list[Effect] = []
        if record.away:
            told = self._wanting(record)
            record.redirected |= told
        else:
            told = set(record.redirected)
        egress = record.egress if record.away else None
        for node in sorted(told):
            effects += self._tell(node, record, Direction.DOWNLINK, egress, now)
        return effects + self._push_uplink(record, now)

    def _push_uplink(self, record: Record, now: float) -> list[Effect]:
        effects: list[Effect] = []
        anchor = record.context.current_anchor
        home = record.context.home_anchor
        back = self.core.config.way_back(home, anchor) if record.away else None
        for former in sorted(record.uplink - ({anchor} if back else set())):
            effects += self._tell(former, record, Direction.UPLINK, None, now)
        if back is not None:
            record.uplink.add(anchor)
            effects += self._tell(anchor, record, Direction.UPLINK, back, now)
        return effects

    def _tell(
        self,
        node: NodeId,
        record: Record,
        direction: Direction,
        egress: Egress | None,
        now: float,
    ) -> list[Effect]:
        awaited = (node, direction, record.key)
        effects = self._abandon(awaited)
        self._transaction += 1
        self._awaited[awaited] = self._transaction
        self._carried[self._transaction] = [awaited]
        flows = self._flows(node, record, direction)
        update = r_ic.PolicyUpdate(
            transaction=self._transaction, policies=(record.policy(direction, egress, flows),)
        )
        to = entity(node, FunctionalEntity.FE_I)
        return effects + self.outstanding.request(self._transaction, to, update, now)

    def _abandon(self, awaited: Awaited) -> list[Effect]:
        transaction = self._awaited.pop(awaited, None)
        if transaction is None:
            return []
        carried = self._carried[transaction]
        carried.remove(awaited)
        if carried:
            return []
        del self._carried[transaction]
        return self.outstanding.settle(transaction)

    def acknowledged(
        self, sender: EntityAddress, message: r_ic.PolicyAcknowledgement
    ) -> tuple[list[Effect], set[ContextId]]:
        """What the answer settles, and the contexts it concerns."""
        effects: list[Effect] = []
        subscription = self._synchronisations.get(sender.node)
        if (
            not message.results
            and subscription is not None
            and isinstance(subscription.message, r_ic.PolicySynchronised)
            and subscription.message.synchronisation == message.transaction
        ):
            return self._synchronisations.settle(sender.node), set()
        settled: dict[ContextId, MoveOrder] = {}
        for result in message.results:
            key = ContextId(result.mobile_node, result.home_anchor)
            record = self.core.records.get(key)
            if accepted(result.status) or result.status == Status.STALE:
                settled[key] = result.order
            elif record is not None:
                why = f"{sender} answered: {status_name(result.status)}"
                effects.append(self.core.warn("policy-not-installed", record.context, why))
        for awaited in list(self._carried.get(message.transaction, ())):
            if awaited[2] in settled and awaited[0] == sender.node:
                effects += self._abandon(awaited)
                self._withdrawn(awaited, settled[awaited[2]])
        return effects, set(settled)

    def _withdrawn(self, awaited: Awaited, order: MoveOrder) -> None:
        """An FE_I that has confirmed a withdrawal holds nothing any more. What it confirms of
        an earlier move is no withdrawal: that it holds, and has yet to be told."""
        node, direction, key = awaited
        record = self.core.records.get(key)
        if record is None or record.order != order:
            return
        if direction is Direction.UPLINK:
            if not (record.away and record.context.current_anchor == node):
                record.uplink.discard(node)
        elif not record.away:
            record.redirected.discard(node)

    # Subscriptions

    def subscribed(
        self, sender: EntityAddress, message: r_ic.PolicySubscribe, now: float
    ) -> list[Effect]:
        """Answer with every policy the FE_I should have, in batches."""
        node = sender.node
        for prefix in message.held:
            record = self.core.covering(prefix)
            if record is not None:
                self._interested.setdefault(record.key, set()).add(node)
        policies: list[tuple[Awaited, ForwardingPolicy]] = []
        for record in self.core.records.values():
            policies += self._due(node, record)
        effects: list[Effect] = []
        for start in range(0, len(policies), BATCH):
            batch = policies[start : start + BATCH]
            effects += self._send_batch(sender, batch, message.synchronisation, now)
        done = r_ic.PolicySynchronised(
            synchronisation=message.synchronisation, policies=len(policies)
        )
        return effects + self._synchronisations.request(node, sender, done, now)

    def _due(self, node: NodeId, record: Record) -> list[tuple[Awaited, ForwardingPolicy]]:
        if self.core.responsible(record.context) != self.core.node or not record.away:
            return []
        due: list[tuple[Awaited, ForwardingPolicy]] = []
        if node in self._wanting(record):
            record.redirected.add(node)
            flows = self._flows(node, record, Direction.DOWNLINK)
            policy = record.policy(Direction.DOWNLINK, record.egress, flows)
            # To an FE_E that is not ready nobody may redirect yet.
            current = record.told if record.stage is Stage.EGRESS else policy
            if current is not None:
                current = msgspec.structs.replace(current, flows=flows)
                due.append(((node, Direction.DOWNLINK, record.key), current))
        back = self.core.config.way_back(record.context.home_anchor, node)
        if back is not None and record.context.current_anchor == node:
            record.uplink.add(node)
            uplink = record.policy(Direction.UPLINK, back)
            due.append(((node, Direction.UPLINK, record.key), uplink))
        return due

    def _send_batch(
        self,
        to: EntityAddress,
        batch: list[tuple[Awaited, ForwardingPolicy]],
        synchronisation: int,
        now: float,
    ) -> list[Effect]:
        effects: list[Effect] = []
        for awaited, _ in batch:
            effects += self._abandon(awaited)
        self._transaction += 1
        self._carried[self._transaction] = [awaited for awaited, _ in batch]
        self._awaited.update({awaited: self._transaction for awaited, _ in batch})
        update = r_ic.PolicyUpdate(
            transaction=self._transaction,
            policies=tuple(policy for _, policy in batch),
            synchronisation=synchronisation,
        )
        return effects + self.outstanding.request(
            self._transaction, to, update, now, weight=len(batch)
        )

    # On request

    def requested(
        self, sender: EntityAddress, message: r_ic.PolicyRequest, now: float
    ) -> list[Effect]:
        """Answer a first packet; whoever asks is told of every later change."""
        record = self.core.covering(message.prefix)
        if record is None or self.core.responsible(record.context) != self.core.node:
            return [self._absent(sender, message, retry_after=1.0)]
        self._interested.setdefault(record.key, set()).add(sender.node)
        if not record.away:
            return [self._absent(sender, message, retry_after=RETRY_AFTER)]
        record.redirected.add(sender.node)
        return self._tell(sender.node, record, Direction.DOWNLINK, record.egress, now)

    def _absent(self, to: EntityAddress, message: r_ic.PolicyRequest, retry_after: float) -> Send:
        return Send(to, r_ic.PolicyAbsent(prefix=message.prefix, retry_after=retry_after))

    # Upkeep

    def forget(self, key: ContextId) -> list[Effect]:
        self._interested.pop(key, None)
        return [
            effect
            for node in self._concerned_now(key)
            for direction in Direction
            for effect in self._abandon((node, direction, key))
        ]

    def resend_to(self, node: NodeId, now: float) -> list[Effect]:
        return self.outstanding.resend_to(node, now) + self._synchronisations.resend_to(node, now)

    def repeat(self, timer: str, now: float) -> list[Effect] | None:
        """None when the timer is not ours."""
        for requests in (self.outstanding, self._synchronisations):
            if requests.owns(timer):
                return requests.repeat(timer, now)
        return None

    def _flows(self, node: NodeId, record: Record, direction: Direction) -> tuple[FlowRule, ...]:
        """What an FE_I redirects of the mobile node. An uplink tunnel takes everything back."""
        scope = self.core.config.ingresses.get(node)
        if scope is None or direction is Direction.UPLINK:
            return ()
        return scope.flows_of(record.context)

    def _wanting(self, record: Record) -> set[NodeId]:
        """Every FE_I that is to be told of this context."""
        pushed = {
            node
            for node, scope in self.core.config.ingresses.items()
            if scope.mode is r_ic.PolicyMode.PUSH and scope.covers(record.context.prefixes)
        }
        return pushed | self._interested.get(record.key, set())

    def _concerned_now(self, key: ContextId) -> Iterable[NodeId]:
        record = self.core.records.get(key)
        held = (record.redirected | record.uplink) if record is not None else set()
        return held | set(self.core.config.ingresses) | self._interested.get(key, set())
