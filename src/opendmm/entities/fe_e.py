"""FE_E: egress of the DMM plane. Recognises redirected packets and delivers them.

Packets come out of a tunnel into the node's egress table. Where the FE_MA sits beside, its
own rules deliver and nothing is installed here; where the anchor is behind, a host route
leads there; where the mobile node has moved on, the packets follow (design §5, step 5).
"""

import msgspec

from opendmm.authority.authority import Authority
from opendmm.authority.grant import Unauthorised
from opendmm.entities.effects import (
    CancelTimer,
    Effect,
    Input,
    Install,
    Notice,
    PeerReachable,
    Persist,
    Received,
    Remove,
    RuleOutcome,
    Send,
    SetTimer,
    Severity,
    Started,
    TimerFired,
)
from opendmm.entities.grants import egress_allowed, policy_granted
from opendmm.entities.retransmission import Outstanding
from opendmm.model.addressing import Egress
from opendmm.model.context import ContextId
from opendmm.model.flow import slots_of
from opendmm.model.identity import EntityAddress, FunctionalEntity, NodeId
from opendmm.model.policy import Delivery, DeliveryPolicy
from opendmm.model.rules import Action, Permit, Redirect, Rule, RuleKey, Table, ToAnchor
from opendmm.reference_points import r_ec
from opendmm.reference_points.message import Status, accepted


class _Stored(msgspec.Struct, frozen=True):
    """A policy as persisted, with the FE_IEC it came from."""

    policy: DeliveryPolicy
    source: EntityAddress


class _Answer(msgspec.Struct):
    """An acknowledgement owed when all rules of a policy are in the kernel."""

    to: EntityAddress
    policy: DeliveryPolicy
    waiting: set[RuleKey]
    error: str = ""


class FeE:
    """FE_E of one node. `controllers` are the FE_IEC instances it reports in to;
    `retransmit` is the first repetition interval in seconds. With `announced` packets come by host
    routes, too, not in tunnels alone, and are delivered alike."""

    kind = FunctionalEntity.FE_E

    def __init__(
        self,
        node: NodeId,
        controllers: tuple[NodeId, ...],
        authority: Authority,
        *,
        retransmit: float = 0.2,
        announced: bool = False,
    ) -> None:
        self.node = node
        self.controllers = controllers
        self.authority = authority
        self._tables = (Table.EGRESS, Table.DOWNLINK) if announced else (Table.EGRESS,)
        self.policies: dict[ContextId, DeliveryPolicy] = {}
        """Held policies; a REMOVE one is kept until it expires, so that order holds."""
        self._sources: dict[ContextId, EntityAddress] = {}
        self._subscriptions: Outstanding[NodeId] = Outstanding("subscribe", retransmit)
        self._unconfirmed: dict[NodeId, set[ContextId]] = {}
        self._missing_pages: dict[NodeId, set[int]] = {}
        self._synchronisation = 0
        self._answers: dict[ContextId, _Answer] = {}
        self._waiting: dict[RuleKey, ContextId] = {}

    def handle(self, event: Input, now: float) -> list[Effect]:
        match event:
            case Received(sender, r_ec.DeliveryUpdate(policy=policy)):
                return self._update(sender, policy, now)
            case Received(sender, r_ec.DeliverySynchronised() as answer):
                return self._synchronised(sender, answer)
            case RuleOutcome():
                return self._outcome(event)
            case TimerFired(key) if self._subscriptions.owns(key):
                return self._subscriptions.repeat(key, now)
            case TimerFired(key):
                return self._expired(ContextId.parse(key), now)
            case Started(facts):
                return self._restore(facts, now)
            case PeerReachable(node) if node in self.controllers:
                return self._subscribe(node, now)
            case _:
                return []

    def rows(self, table: str) -> list[dict[str, object]]:
        """For `dmm show deliveries`."""
        if table != "deliveries":
            return []
        return [
            {
                "mobile_node": p.mobile_node,
                "home_anchor": p.home_anchor,
                "prefixes": [str(prefix) for prefix in p.prefixes],
                "endpoint": str(p.endpoint),
                "flows": [str(flow) for flow in p.flows],
                "delivery": str(p.delivery),
                "to": str(p.anchor or p.onward or self.node),
                "order": str(p.order),
                "expires_at": p.expires_at,
            }
            for p in self.policies.values()
            if p.delivery is not Delivery.REMOVE
        ]

    def _update(self, sender: EntityAddress, policy: DeliveryPolicy, now: float) -> list[Effect]:
        try:
            grant = policy_granted(self.authority, policy, now)
            self._check_endpoint(policy)
            if policy.onward is not None:
                egress_allowed(self.authority, grant, policy.onward)
        except Unauthorised as problem:
            return [
                Notice(
                    "delivery-refused",
                    {
                        "mobile_node": policy.mobile_node,
                        "order": str(policy.order),
                        "from": str(sender),
                        "why": str(problem),
                    },
                    Severity.WARNING,
                ),
                _acknowledge(sender, policy, Status.NOT_AUTHORISED),
            ]
        policy = msgspec.structs.replace(
            policy, expires_at=min(policy.expires_at, grant.expires_at)
        )
        held = self.policies.get(policy.key)
        if held is not None and _later(held, policy):
            return [_acknowledge(sender, policy, Status.STALE)]
        self._sources[policy.key] = sender
        self._unconfirmed.get(sender.node, set()).discard(policy.key)
        return self._change(sender, held, policy)

    def _check_endpoint(self, policy: DeliveryPolicy) -> None:
        """Raises Unauthorised unless the registry has this egress with that endpoint. One that
        it had and has no more may still be told to forget."""
        endpoint = Egress(self.node, policy.endpoint)
        if policy.delivery is not Delivery.REMOVE and not self.authority.registry.has_egress(
            endpoint
        ):
            raise Unauthorised(f"{endpoint} is no egress: nothing would arrive there")

    def _change(
        self, sender: EntityAddress, held: DeliveryPolicy | None, policy: DeliveryPolicy
    ) -> list[Effect]:
        key = policy.key
        self.policies[key] = policy
        effects: list[Effect] = [
            Persist(str(key), msgspec.msgpack.encode(_Stored(policy, sender))),
            SetTimer(str(key), policy.expires_at),
        ]
        rules = self._rules(policy)
        wanted = {rule.key for rule in rules}
        before = {rule.key for rule in self._rules(held)} if held is not None else set()
        effects += [Remove(slot) for slot in sorted(before - wanted)]
        self._stop_waiting(key)
        if not rules:
            return [*effects, _acknowledge(sender, policy, Status.ACCEPTED)]
        self._answers[key] = _Answer(sender, policy, set(wanted))
        self._waiting.update(dict.fromkeys(wanted, key))
        return effects + [Install(rule) for rule in rules]

    def _stop_waiting(self, key: ContextId) -> None:
        answer = self._answers.pop(key, None)
        for slot in answer.waiting if answer else ():
            self._waiting.pop(slot, None)

    def _outcome(self, outcome: RuleOutcome) -> list[Effect]:
        key = self._waiting.get(outcome.rule.key)
        answer = self._answers.get(key) if key is not None else None
        if key is None or answer is None or answer.policy.order != outcome.rule.order:
            return []
        del self._waiting[outcome.rule.key]
        answer.waiting.discard(outcome.rule.key)
        answer.error = answer.error or outcome.error
        if answer.waiting:
            return []
        del self._answers[key]
        status = Status.FORWARDING_FAILED if answer.error else Status.ACCEPTED
        effects: list[Effect] = [_acknowledge(answer.to, answer.policy, status)]
        if not accepted(status):
            fields = {"mobile_node": key.mobile_node, "why": answer.error}
            effects.append(Notice("delivery-failed", fields, Severity.WARNING))
        return effects

    def _subscribe(self, node: NodeId, now: float) -> list[Effect]:
        self._synchronisation += 1
        self._unconfirmed[node] = {k for k, s in self._sources.items() if s.node == node}
        self._missing_pages.pop(node, None)
        message = r_ec.DeliverySubscribe(synchronisation=self._synchronisation)
        to = EntityAddress(node, FunctionalEntity.FE_IEC)
        return self._subscriptions.request(node, to, message, now)

    def _synchronised(
        self, sender: EntityAddress, answer: r_ec.DeliverySynchronised
    ) -> list[Effect]:
        """What the controller had given us when we asked, and no longer knows, is over."""
        pending = self._subscriptions.get(sender.node)
        if pending is None or pending.message != r_ec.DeliverySubscribe(
            synchronisation=answer.synchronisation
        ):
            return []
        unconfirmed = self._unconfirmed.get(sender.node, set())
        unconfirmed.difference_update(answer.held)
        missing = self._missing_pages.setdefault(sender.node, set(range(1, answer.pages + 1)))
        missing.discard(answer.page)
        if missing:
            return []
        effects = self._subscriptions.settle(sender.node)
        for key in sorted(self._unconfirmed.pop(sender.node, set())):
            if key in self.policies and self._sources.get(key) == sender:
                effects += self._forget(key)
        return effects

    def _expired(self, key: ContextId, now: float) -> list[Effect]:
        policy = self.policies.get(key)
        if policy is None:
            return []
        if now < policy.expires_at:
            return [SetTimer(str(key), policy.expires_at)]
        return self._forget(key)

    def _forget(self, key: ContextId) -> list[Effect]:
        policy = self.policies.pop(key)
        self._sources.pop(key, None)
        self._stop_waiting(key)
        return [
            Persist(str(key), None),
            CancelTimer(str(key)),
            *(Remove(rule.key) for rule in self._rules(policy)),
        ]

    def _restore(self, facts: dict[str, bytes], now: float) -> list[Effect]:
        effects: list[Effect] = []
        for value in facts.values():
            stored = msgspec.msgpack.decode(value, type=_Stored)
            policy = stored.policy
            self.policies[policy.key] = policy
            self._sources[policy.key] = stored.source
            if policy.expires_at <= now:
                effects += self._forget(policy.key)
                continue
            effects.append(SetTimer(str(policy.key), policy.expires_at))
            effects += [Install(rule) for rule in self._rules(policy)]
        # A controller on this very node has no session that could come up.
        for node in self.controllers:
            if node == self.node:
                effects += self._subscribe(node, now)
        return effects

    def _rules(self, policy: DeliveryPolicy) -> list[Rule]:
        action = _action(policy)
        if action is None:
            return _recognition(policy)
        return [
            *_recognition(policy),
            *(
                Rule(RuleKey(table, prefix), action, policy.order)
                for prefix in policy.prefixes
                for table in self._tables
            ),
        ]


def _action(policy: DeliveryPolicy) -> Action | None:
    """An FE_MA beside delivers by rules of its own."""
    match policy.delivery:
        case Delivery.ANCHOR if policy.anchor is not None:
            return ToAnchor(policy.anchor)
        case Delivery.FORWARD if policy.onward is not None:
            return Redirect(policy.onward)
        case _:
            return None


def _later(held: DeliveryPolicy, policy: DeliveryPolicy) -> bool:
    """Whether the held policy stands above. Within one move, removal is the last word."""
    if held.order != policy.order:
        return held.order > policy.order
    return held.delivery is Delivery.REMOVE and policy.delivery is not Delivery.REMOVE


def _recognition(policy: DeliveryPolicy) -> list[Rule]:
    """Without flows whatever arrives at the endpoint is recognised: no rule is needed."""
    if policy.delivery is Delivery.REMOVE or not policy.flows:
        return []
    return [
        Rule(RuleKey(Table.RECOGNITION, prefix, flow), Permit(), policy.order)
        for prefix in policy.prefixes
        for flow in slots_of(prefix, policy.flows)
    ]


def _acknowledge(to: EntityAddress, policy: DeliveryPolicy, status: int) -> Send:
    return Send(
        to,
        r_ec.DeliveryAcknowledgement(
            mobile_node=policy.mobile_node,
            home_anchor=policy.home_anchor,
            order=policy.order,
            status=status,
        ),
    )
