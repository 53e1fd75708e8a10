"""FE_MA_C: the mobility anchor's control plane; its binding cache and the delivery to its links.

Home and imported prefixes are delivered alike, on the access link or by the tunnel to the
mobile access gateway (FE_MA_U is the kernel's forwarding, programmed by rules). An imported
prefix is an identifier: it is delivered here, never announced, and let through the anchor's
own source filter while it is in use. When the mobile node has moved on, what still arrives is
forwarded to its new egress until the FE_MCTX releases the binding.
"""

from collections.abc import Collection
from enum import StrEnum

import msgspec

from opendmm.authority.authority import Authority
from opendmm.authority.grant import Unauthorised
from opendmm.entities.effects import (
    CancelTimer,
    Effect,
    Input,
    Install,
    Notice,
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
from opendmm.entities.grants import granted
from opendmm.model.addressing import BITS, NETWORK_PREFIX, Egress, HomePrefix, Locator
from opendmm.model.context import ContextId, MobilityContext
from opendmm.model.identity import EntityAddress, FunctionalEntity, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.rules import Access, Action, Permit, Redirect, Rule, RuleKey, Table, Tunnel
from opendmm.reference_points import r_xa
from opendmm.reference_points.message import Message, Status

DELIVERY_TABLES = (Table.DOWNLINK, Table.EGRESS)
"""A mobile node's packets arrive as they are, or out of a DMM tunnel."""

FIRST_ALLOCATED = 0x1000
"""The numbers below, in each pool, are for prefixes that the operator gives to subscribers."""
MOST_BITS = 24


class BindingState(StrEnum):
    """What the anchor does with packets for the binding's prefixes."""

    DELIVERING = "delivering"
    DETACHED = "detached"
    FORWARDING = "forwarding"


class AnchorBinding(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the binding cache (RFC 5213 §5.1 in part); `expires_at` in seconds since 1970.

    `egress` is where packets are forwarded when the mobile node has left; `gateway` the mobile
    access gateway by which it is reached, if it is not on a link of this anchor, `care_of` its own
    address there, if it has a client that registers it (RFC 6275).
    """

    context: MobilityContext
    state: BindingState
    interface: str
    link_layer_id: bytes
    order: MoveOrder
    expires_at: float
    egress: Egress | None = None
    gateway: Egress | None = None
    care_of: Locator | None = None


class _Import(msgspec.Struct):
    """An import whose rules are not all confirmed yet."""

    order: MoveOrder
    waiting: set[RuleKey]
    error: str = ""


class FeMaC:
    """FE_MA_C of one anchor. `pools` are the prefixes this anchor is home to, `locator` is its
    own address, where its tunnels to care-of addresses begin."""

    kind = FunctionalEntity.FE_MA_C

    def __init__(
        self,
        node: NodeId,
        pools: tuple[HomePrefix, ...],
        authority: Authority,
        locator: Locator,
    ) -> None:
        self.node = node
        self.locator = locator
        self.pools = pools
        self.authority = authority
        self.bindings: dict[ContextId, AnchorBinding] = {}
        self._imports: dict[ContextId, _Import] = {}
        self._waiting: dict[RuleKey, ContextId] = {}
        self._allocated: dict[HomePrefix, ContextId] = {}
        self._mctx = EntityAddress(node, FunctionalEntity.FE_MCTX)

    def handle(self, event: Input, now: float) -> list[Effect]:
        match event:
            case Received(_, message):
                return self._received(message, now)
            case RuleOutcome():
                return self._outcome(event)
            case TimerFired(key):
                return self._expired(key, now)
            case Started(facts):
                return self._restore(facts, now)
            case _:
                return []

    def rows(self, table: str) -> list[dict[str, object]]:
        """For `dmm show bindings`."""
        if table != "bindings":
            return []
        return [
            {
                "mobile_node": key.mobile_node,
                "home_anchor": key.home_anchor,
                "prefixes": [str(p) for p in b.context.prefixes],
                "state": str(b.state),
                "interface": b.interface,
                "gateway": str(b.gateway) if b.gateway else None,
                "care_of": str(b.care_of) if b.care_of else None,
                "order": str(b.order),
                "egress": str(b.egress) if b.egress else None,
                "expires_at": b.expires_at,
            }
            for key, b in self.bindings.items()
        ]

    def _received(self, message: Message, now: float) -> list[Effect]:
        match message:
            case r_xa.ContextQuery():
                binding = self.bindings.get(message.key)
                context = binding.context if binding else None
                return [
                    Send(
                        self._mctx,
                        r_xa.ContextReport(
                            mobile_node=message.mobile_node,
                            home_anchor=message.home_anchor,
                            context=context,
                        ),
                    )
                ]
            case r_xa.PrefixAllocate():
                return self._allocate(message)
            case r_xa.ContextImport():
                return self._import(message, now)
            case r_xa.ContextExported():
                return self._exported(message)
            case r_xa.ContextRelease():
                binding = self.bindings.get(message.key)
                if binding is None or binding.order > message.order:
                    return []
                return self._forget(message.key)
            case _:
                return []

    # Import: deliver here

    def _import(self, message: r_xa.ContextImport, now: float) -> list[Effect]:
        context = message.context
        key = context.key
        try:
            grant = granted(self.authority, context, now)
            if context.current_anchor != self.node:
                raise Unauthorised(f"granted to {context.current_anchor}")
        except Unauthorised as problem:
            return [
                _refusal(context, str(problem)),
                self._imported(context, Status.NOT_AUTHORISED),
            ]
        held = self.bindings.get(key)
        if held is not None and held.order > context.order:
            return [self._imported(context, Status.STALE)]
        binding = AnchorBinding(
            context=context,
            state=BindingState.DELIVERING,
            interface=message.interface,
            link_layer_id=message.link_layer_id,
            order=context.order,
            expires_at=grant.expires_at,
            gateway=message.gateway,
            care_of=message.care_of,
        )
        refresh = (
            held is not None
            and msgspec.structs.replace(held, context=context, expires_at=grant.expires_at)
            == binding
        )
        effects = self._record(key, binding)
        if refresh and key not in self._imports:
            return [*effects, self._imported(context, Status.ACCEPTED_ALREADY)]
        effects += self._drop_prefixes(held, context)
        rules = self._delivery_rules(binding)
        self._stop_waiting(key)
        self._imports[key] = _Import(context.order, {rule.key for rule in rules})
        self._waiting.update({rule.key: key for rule in rules})
        return effects + [Install(rule) for rule in rules]

    def _delivery_rules(self, binding: AnchorBinding) -> list[Rule]:
        access: Action = Access(binding.interface, binding.link_layer_id)
        if binding.gateway is not None:
            access = Redirect(binding.gateway)
        elif binding.care_of is not None:
            access = Tunnel(binding.care_of, entry=self.locator)
        rules = [
            Rule(RuleKey(table, prefix), access, binding.order)
            for prefix in binding.context.prefixes
            for table in DELIVERY_TABLES
        ]
        rules += [
            Rule(RuleKey(Table.SOURCE_FILTER, prefix), Permit(), binding.order)
            for prefix in binding.context.prefixes
            if not self._is_home(prefix)
        ]
        return rules

    def _drop_prefixes(self, held: AnchorBinding | None, context: MobilityContext) -> list[Effect]:
        """A later context of the same mobile node may hold fewer prefixes (partial release)."""
        if held is None:
            return []
        gone = set(held.context.prefixes) - set(context.prefixes)
        return [effect for prefix in sorted(gone) for effect in self._removals(prefix)]

    def _outcome(self, outcome: RuleOutcome) -> list[Effect]:
        key = self._waiting.get(outcome.rule.key)
        pending = self._imports.get(key) if key is not None else None
        if key is None or pending is None or outcome.rule.order != pending.order:
            return []
        del self._waiting[outcome.rule.key]
        pending.waiting.discard(outcome.rule.key)
        pending.error = pending.error or outcome.error
        if pending.waiting:
            return []
        del self._imports[key]
        context = self.bindings[key].context
        if pending.error:
            return [
                _forwarding_failed(context, pending.error),
                self._imported(context, Status.FORWARDING_FAILED),
            ]
        return [self._imported(context, Status.ACCEPTED)]

    def _stop_waiting(self, key: ContextId) -> None:
        pending = self._imports.pop(key, None)
        if pending is not None:
            for slot in pending.waiting:
                self._waiting.pop(slot, None)

    # Export: the mobile node is elsewhere

    def _exported(self, message: r_xa.ContextExported) -> list[Effect]:
        held = self.bindings.get(message.key)
        if held is None or held.order > message.order:
            return []
        if message.egress is None:
            if held.state is not BindingState.DELIVERING:
                return []
            return self._record(
                message.key, msgspec.structs.replace(held, state=BindingState.DETACHED)
            )
        self._stop_waiting(message.key)
        binding = msgspec.structs.replace(
            held, state=BindingState.FORWARDING, order=message.order, egress=message.egress
        )
        return self._record(message.key, binding) + [
            Install(rule) for rule in _forwarding_rules(binding, message.egress)
        ]

    # The end of a binding

    def _forget(self, key: ContextId) -> list[Effect]:
        binding = self.bindings.pop(key)
        self._stop_waiting(key)
        effects: list[Effect] = [Persist(str(key), None), CancelTimer(str(key))]
        for prefix in binding.context.prefixes:
            effects += self._removals(prefix)
        return effects

    def _removals(self, prefix: HomePrefix) -> list[Effect]:
        effects: list[Effect] = [Remove(RuleKey(table, prefix)) for table in DELIVERY_TABLES]
        if not self._is_home(prefix):
            effects.append(Remove(RuleKey(Table.SOURCE_FILTER, prefix)))
        return effects

    def _expired(self, timer: str, now: float) -> list[Effect]:
        key = ContextId.parse(timer)
        binding = self.bindings.get(key)
        if binding is None:
            return []
        if now < binding.expires_at:
            return [SetTimer(timer, binding.expires_at)]
        expired = r_xa.BindingExpired(
            mobile_node=key.mobile_node, home_anchor=key.home_anchor, order=binding.order
        )
        return [*self._forget(key), Send(self._mctx, expired)]

    # Home prefixes

    def _allocate(self, message: r_xa.PrefixAllocate) -> list[Effect]:
        key = ContextId(message.mobile_node, self.node)
        wanted = message.wanted or self._free(key)
        mine = all(self._is_home(p) and self._allocated.get(p, key) == key for p in wanted)
        prefixes = wanted if mine else ()
        effects: list[Effect] = []
        for prefix in prefixes:
            self._allocated[prefix] = key
            effects.append(Persist(f"allocated {prefix}", msgspec.msgpack.encode(key)))
        answer = r_xa.PrefixAllocated(mobile_node=message.mobile_node, prefixes=prefixes)
        return [*effects, Send(self._mctx, answer)]

    def _free(self, key: ContextId) -> tuple[HomePrefix, ...]:
        """Out of each pool the prefixes this mobile node had, or the next free one."""
        had = tuple(p for p, owner in self._allocated.items() if owner == key)
        if had:
            return had
        free = (_first_free(pool, self._allocated) for pool in self.pools)
        return tuple(prefix for prefix in free if prefix is not None)

    def _is_home(self, prefix: HomePrefix) -> bool:
        return any(pool.covers(prefix) for pool in self.pools)

    # Facts

    def _record(self, key: ContextId, binding: AnchorBinding) -> list[Effect]:
        self.bindings[key] = binding
        return [
            Persist(str(key), msgspec.msgpack.encode(binding)),
            SetTimer(str(key), binding.expires_at),
        ]

    def _restore(self, facts: dict[str, bytes], now: float) -> list[Effect]:
        effects: list[Effect] = []
        for name, value in facts.items():
            if name.startswith("allocated "):
                prefix = HomePrefix.parse(name.removeprefix("allocated "))
                self._allocated[prefix] = msgspec.msgpack.decode(value, type=ContextId)
                continue
            binding = msgspec.msgpack.decode(value, type=AnchorBinding)
            key = binding.context.key
            self.bindings[key] = binding
            if binding.expires_at <= now:
                effects += self._forget(key)
                continue
            effects.append(SetTimer(str(key), binding.expires_at))
            rules = (
                _forwarding_rules(binding, binding.egress)
                if binding.egress is not None
                else self._delivery_rules(binding)
            )
            effects += [Install(rule) for rule in rules]
        return effects

    def _imported(self, context: MobilityContext, status: int) -> Send:
        return Send(
            self._mctx,
            r_xa.ContextImported(
                mobile_node=context.mobile_node,
                home_anchor=context.home_anchor,
                order=context.order,
                status=status,
            ),
        )


def _first_free(pool: HomePrefix, allocated: Collection[HomePrefix]) -> HomePrefix | None:
    """IPv6: a network prefix of its own (RFC 5213 §3), out of which a host makes addresses by
    itself; out of a smaller pool, and in IPv4, an address. None when the pool is exhausted."""
    bits = BITS[len(pool.network)]
    length = max(NETWORK_PREFIX, pool.length) if pool.is_ipv6 else bits
    if length == pool.length:
        length = bits
    count = 1 << min(length - pool.length, MOST_BITS)
    base = int.from_bytes(pool.network, "big") >> (bits - length)
    wide = [prefix for prefix in allocated if prefix.length < length]
    taken = {
        int.from_bytes(prefix.network, "big") >> (bits - length)
        for prefix in allocated
        if prefix.is_ipv6 == pool.is_ipv6
    }
    for number in range(base + min(FIRST_ALLOCATED, count // 2), base + count):
        if number in taken:
            continue
        network = (number << (bits - length)).to_bytes(len(pool.network), "big")
        found = HomePrefix(network, length)
        if not any(prefix.covers(found) for prefix in wide):
            return found
    return None


def _forwarding_rules(binding: AnchorBinding, egress: Egress) -> list[Rule]:
    return [
        Rule(RuleKey(table, prefix), Redirect(egress), binding.order)
        for prefix in binding.context.prefixes
        for table in DELIVERY_TABLES
    ]


def _refusal(context: MobilityContext, why: str) -> Notice:
    return Notice(
        "context-refused",
        {"mobile_node": context.mobile_node, "order": str(context.order), "why": why},
        Severity.WARNING,
    )


def _forwarding_failed(context: MobilityContext, why: str) -> Notice:
    return Notice(
        "delivery-failed",
        {"mobile_node": context.mobile_node, "order": str(context.order), "why": why},
        Severity.WARNING,
    )
