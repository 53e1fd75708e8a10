"""FE_I: ingress to the DMM plane. Deviates packets from standard routing to an egress.

Its FE_IEC instances tell it policies unsolicited (push), or it asks on the first packet and
is then kept informed (pull). A policy without egress takes the redirection away and stays
known until its grant runs out, so that no late older policy revives it.
"""

import msgspec

from opendmm.authority.authority import Authority
from opendmm.authority.grant import Grant, Unauthorised
from opendmm.entities.effects import (
    CancelTimer,
    Effect,
    Input,
    Install,
    Notice,
    PacketWithoutPolicy,
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
from opendmm.model.addressing import HomePrefix
from opendmm.model.context import ContextId
from opendmm.model.flow import slots_of
from opendmm.model.identity import EntityAddress, FunctionalEntity, NodeId
from opendmm.model.policy import Direction, ForwardingPolicy
from opendmm.model.rules import Redirect, Rule, RuleKey, Table
from opendmm.reference_points import r_ic
from opendmm.reference_points.message import Status

REMEMBERED_ABSENCES = 10_000
"""Prefixes without a redirection kept in mind before the outdated ones are dropped."""


class PolicyKey(msgspec.Struct, frozen=True, order=True):
    """One policy per context and direction."""

    context: ContextId
    direction: Direction

    @classmethod
    def of(cls, policy: ForwardingPolicy) -> "PolicyKey":
        return cls(policy.key, policy.direction)

    @classmethod
    def parse(cls, text: str) -> "PolicyKey":
        direction, _, context = text.partition(" ")
        return cls(ContextId.parse(context), Direction(direction))

    def __str__(self) -> str:
        return f"{self.direction} {self.context}"


class _Batch(msgspec.Struct):
    """A batch from an FE_IEC whose rules are not all confirmed yet."""

    to: EntityAddress
    transaction: int
    results: dict[PolicyKey, r_ic.PolicyResult]
    waiting: set[RuleKey]


class _Stored(msgspec.Struct, frozen=True):
    """A policy as persisted, with the FE_IEC it came from."""

    policy: ForwardingPolicy
    source: EntityAddress


class _Synchronisation(msgspec.Struct):
    """The answer to one subscription, as far as it has come.

    `unconfirmed` are the policies this FE_IEC had given before and has not named since.
    """

    number: int
    unconfirmed: set[PolicyKey]
    arrived: set[PolicyKey]
    expected: int | None = None


class FeI:
    """FE_I of one node.

    `controllers` are all FE_IEC instances it subscribes to; `groups` limits what it wants
    (empty: everything); `retransmit` is the first repetition interval in seconds.
    """

    kind = FunctionalEntity.FE_I

    def __init__(
        self,
        node: NodeId,
        controllers: tuple[NodeId, ...],
        authority: Authority,
        *,
        mode: r_ic.PolicyMode = r_ic.PolicyMode.PUSH,
        groups: tuple[HomePrefix, ...] = (),
        retransmit: float = 0.2,
    ) -> None:
        self.node = node
        self.controllers = controllers
        self.authority = authority
        self.mode = mode
        self.groups = groups
        self.policies: dict[PolicyKey, ForwardingPolicy] = {}
        self._sources: dict[PolicyKey, EntityAddress] = {}
        self._batches: dict[tuple[EntityAddress, int], _Batch] = {}
        self._waiting: dict[RuleKey, set[tuple[EntityAddress, int]]] = {}
        self._synchronisations: dict[NodeId, _Synchronisation] = {}
        self._subscriptions: Outstanding[NodeId] = Outstanding("subscribe", retransmit)
        self._synchronisation = 0
        self._requests: Outstanding[tuple[NodeId, HomePrefix]] = Outstanding("ask", retransmit)
        self._absent_until: dict[HomePrefix, float] = {}

    def handle(self, event: Input, now: float) -> list[Effect]:
        match event:
            case Received(sender, r_ic.PolicyUpdate() as update):
                return self._update(sender, update, now)
            case Received(sender, r_ic.PolicySynchronised() as answer):
                return self._synchronised(sender, answer)
            case Received(sender, r_ic.PolicyAbsent() as answer):
                return self._absent(sender, answer, now)
            case RuleOutcome():
                return self._outcome(event)
            case PacketWithoutPolicy(prefix):
                return self._ask(prefix, now)
            case TimerFired(key) if self._requests.owns(key):
                return self._requests.repeat(key, now)
            case TimerFired(key) if self._subscriptions.owns(key):
                return self._subscriptions.repeat(key, now)
            case TimerFired(key):
                return self._expired(PolicyKey.parse(key), now)
            case Started(facts):
                return self._restore(facts, now)
            case PeerReachable(node) if node in self.controllers:
                return self._subscribe(node, now)
            case _:
                return []

    def rows(self, table: str) -> list[dict[str, object]]:
        """For `dmm show policies`."""
        if table != "policies":
            return []
        return [
            {
                "mobile_node": p.mobile_node,
                "home_anchor": p.home_anchor,
                "prefixes": [str(prefix) for prefix in p.prefixes],
                "direction": str(p.direction),
                "flows": [str(flow) for flow in p.flows],
                "egress": str(p.egress),
                "order": str(p.order),
                "expires_at": p.expires_at,
            }
            for p in self.policies.values()
            if p.egress is not None
        ]

    # Policies

    def _update(self, sender: EntityAddress, update: r_ic.PolicyUpdate, now: float) -> list[Effect]:
        batch = _Batch(sender, update.transaction, {}, set())
        effects: list[Effect] = []
        for policy in update.policies:
            key = PolicyKey.of(policy)
            self._confirm(sender, key, update.synchronisation)
            status, changes, rules = self._take(sender, policy, now)
            batch.results[key] = r_ic.PolicyResult(
                policy.mobile_node, policy.home_anchor, policy.order, status
            )
            # What takes a packet over is asked for before what had it is given up.
            effects += [Install(rule) for rule in rules]
            effects += changes
            batch.waiting |= {rule.key for rule in rules}
        effects += self._finish_synchronisation(sender)
        if not batch.waiting:
            return [*effects, _acknowledge(batch)]
        name = (sender, update.transaction)
        self._batches[name] = batch
        for slot in batch.waiting:
            self._waiting.setdefault(slot, set()).add(name)
        return effects

    def _take(
        self, sender: EntityAddress, policy: ForwardingPolicy, now: float
    ) -> tuple[int, list[Effect], list[Rule]]:
        """One policy: its status, what changes at once, and the rules to wait for."""
        try:
            grant = policy_granted(self.authority, policy, now)
            _egress_allowed(self.authority, grant, policy)
        except Unauthorised as problem:
            fields = {
                "mobile_node": policy.mobile_node,
                "order": str(policy.order),
                "from": str(sender),
                "why": str(problem),
            }
            return Status.NOT_AUTHORISED, [Notice("policy-refused", fields, Severity.WARNING)], []
        policy = msgspec.structs.replace(
            policy, expires_at=min(policy.expires_at, grant.expires_at)
        )
        key = PolicyKey.of(policy)
        held = self.policies.get(key)
        if held is not None and held.order > policy.order:
            return Status.STALE, [], []
        self.policies[key] = policy
        self._sources[key] = sender
        effects: list[Effect] = [
            Persist(str(key), msgspec.msgpack.encode(_Stored(policy, sender))),
            SetTimer(str(key), policy.expires_at),
        ]
        effects += self._settle_requests(policy)
        rules = _rules(policy)
        before = {rule.key for rule in _rules(held)} if held is not None else set()
        effects += [Remove(slot) for slot in sorted(before - {rule.key for rule in rules})]
        return Status.ACCEPTED, effects, rules

    def _outcome(self, outcome: RuleOutcome) -> list[Effect]:
        effects: list[Effect] = []
        for name in self._waiting.pop(outcome.rule.key, set()):
            batch = self._batches[name]
            batch.waiting.discard(outcome.rule.key)
            if outcome.error:
                effects += self._failed(batch, outcome)
            if not batch.waiting:
                del self._batches[name]
                effects.append(_acknowledge(batch))
        return effects

    def _failed(self, batch: _Batch, outcome: RuleOutcome) -> list[Effect]:
        for key, result in batch.results.items():
            policy = self.policies.get(key)
            if policy is not None and outcome.rule.key.prefix in policy.prefixes:
                batch.results[key] = msgspec.structs.replace(
                    result, status=Status.FORWARDING_FAILED
                )
        fields = {"rule": str(outcome.rule.key), "why": outcome.error}
        return [Notice("redirection-failed", fields, Severity.WARNING)]

    # Synchronisation with an FE_IEC

    def _subscribe(self, node: NodeId, now: float) -> list[Effect]:
        self._synchronisation += 1
        before = {key for key, source in self._sources.items() if source.node == node}
        self._synchronisations[node] = _Synchronisation(self._synchronisation, before, set())
        subscription = r_ic.PolicySubscribe(
            synchronisation=self._synchronisation,
            mode=self.mode,
            groups=self.groups,
            held=self._interests(now) if self.mode is r_ic.PolicyMode.PULL else (),
        )
        return self._subscriptions.request(node, _iec(node), subscription, now)

    def _interests(self, now: float) -> tuple[HomePrefix, ...]:
        held = {p for policy in self.policies.values() for p in policy.prefixes}
        held |= {prefix for prefix, until in self._absent_until.items() if until > now}
        return tuple(sorted(held))

    def _confirm(self, sender: EntityAddress, key: PolicyKey, number: int) -> None:
        under_way = self._synchronisations.get(sender.node)
        if under_way is None:
            return
        under_way.unconfirmed.discard(key)
        if number == under_way.number:
            under_way.arrived.add(key)

    def _synchronised(self, sender: EntityAddress, answer: r_ic.PolicySynchronised) -> list[Effect]:
        under_way = self._synchronisations.get(sender.node)
        if under_way is not None and under_way.number == answer.synchronisation:
            under_way.expected = answer.policies
            return self._finish_synchronisation(sender)
        return [_confirm_synchronisation(sender, answer.synchronisation)]

    def _finish_synchronisation(self, sender: EntityAddress) -> list[Effect]:
        """Once all has arrived: what this FE_IEC gave us before and no longer knows is over."""
        under_way = self._synchronisations.get(sender.node)
        if under_way is None or under_way.expected is None:
            return []
        if len(under_way.arrived) < under_way.expected:
            return []
        del self._synchronisations[sender.node]
        effects = self._subscriptions.settle(sender.node)
        for key in sorted(under_way.unconfirmed):
            if key in self.policies and self._sources.get(key) == sender:
                effects += self._forget(key)
        return [*effects, _confirm_synchronisation(sender, under_way.number)]

    # On request (pull)

    def _ask(self, prefix: HomePrefix, now: float) -> list[Effect]:
        if self.mode is not r_ic.PolicyMode.PULL or self._absent_until.get(prefix, 0.0) > now:
            return []
        effects: list[Effect] = []
        for node in self.controllers:
            if (node, prefix) not in self._requests:
                request = r_ic.PolicyRequest(prefix=prefix)
                effects += self._requests.request((node, prefix), _iec(node), request, now)
        return effects

    def _absent(self, sender: EntityAddress, answer: r_ic.PolicyAbsent, now: float) -> list[Effect]:
        """No redirection: believed only of an instance that was asked."""
        settled = self._requests.settle((sender.node, answer.prefix))
        if settled:
            if len(self._absent_until) >= REMEMBERED_ABSENCES:
                still = self._absent_until.items()
                self._absent_until = {prefix: until for prefix, until in still if until > now}
            self._absent_until[answer.prefix] = now + answer.retry_after
        return settled

    def _settle_requests(self, policy: ForwardingPolicy) -> list[Effect]:
        return [
            effect
            for node, prefix in self._requests.pending()
            if any(held.covers(prefix) for held in policy.prefixes)
            for effect in self._requests.settle((node, prefix))
        ]

    # The end of a policy

    def _expired(self, key: PolicyKey, now: float) -> list[Effect]:
        policy = self.policies.get(key)
        if policy is None:
            return []
        if now < policy.expires_at:
            return [SetTimer(str(key), policy.expires_at)]
        return self._forget(key)

    def _forget(self, key: PolicyKey) -> list[Effect]:
        policy = self.policies.pop(key)
        self._sources.pop(key, None)
        return [
            Persist(str(key), None),
            CancelTimer(str(key)),
            *(Remove(rule.key) for rule in _rules(policy)),
        ]

    def _restore(self, facts: dict[str, bytes], now: float) -> list[Effect]:
        effects: list[Effect] = []
        for value in facts.values():
            stored = msgspec.msgpack.decode(value, type=_Stored)
            policy = stored.policy
            key = PolicyKey.of(policy)
            self.policies[key] = policy
            self._sources[key] = stored.source
            if policy.expires_at <= now:
                effects += self._forget(key)
                continue
            effects.append(SetTimer(str(key), policy.expires_at))
            effects += [Install(rule) for rule in _rules(policy)]
        # A controller on this very node has no session that could come up.
        for node in self.controllers:
            if node == self.node:
                effects += self._subscribe(node, now)
        return effects


def _egress_allowed(authority: Authority, grant: Grant, policy: ForwardingPolicy) -> None:
    if policy.egress is None:
        if policy.direction is Direction.DOWNLINK and grant.anchor != policy.home_anchor:
            raise Unauthorised("only a move home or a release takes a redirection away")
    elif policy.direction is Direction.DOWNLINK:
        egress_allowed(authority, grant, policy.egress)
    elif not authority.registry.may_host(policy.egress.node, FunctionalEntity.FE_E):
        raise Unauthorised(f"{policy.egress.node} hosts no FE_E")


def _iec(node: NodeId) -> EntityAddress:
    return EntityAddress(node, FunctionalEntity.FE_IEC)


def _rules(policy: ForwardingPolicy) -> list[Rule]:
    if policy.egress is None:
        return []
    table = Table.DOWNLINK if policy.direction is Direction.DOWNLINK else Table.UPLINK
    return [
        Rule(RuleKey(table, prefix, flow), Redirect(policy.egress), policy.order)
        for prefix in policy.prefixes
        for flow in slots_of(prefix, policy.flows)
    ]


def _confirm_synchronisation(to: EntityAddress, number: int) -> Send:
    return Send(to, r_ic.PolicyAcknowledgement(transaction=number, results=()))


def _acknowledge(batch: _Batch) -> Send:
    return Send(
        batch.to,
        r_ic.PolicyAcknowledgement(
            transaction=batch.transaction, results=tuple(batch.results.values())
        ),
    )
