"""At the home anchor: number and grant moves, and export the context to who is entitled (R_XX).

A claim is believed on the mobile node's own signature where the deployment demands it, else
on the word of an anchor that the registry knows (its access authentication, design §6).
"""

import msgspec

from opendmm.authority.grant import Unauthorised
from opendmm.entities.effects import Effect, Send, SetTimer
from opendmm.entities.fe_mctx.core import Core
from opendmm.entities.fe_mctx.register import Claim, Decision, HomeEntry
from opendmm.model.addressing import HomePrefix
from opendmm.model.context import ContextId, MobilityContext
from opendmm.model.identity import EntityAddress, FunctionalEntity, NodeId
from opendmm.model.order import MoveOrder
from opendmm.reference_points import r_xa, r_xx
from opendmm.reference_points.message import Status, accepted


class Granting:
    """The home register's dealings with other anchors."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._exports: dict[ContextId, list[tuple[EntityAddress, r_xx.ContextResponse]]] = {}

    # A claim

    def requested(
        self, sender: EntityAddress, message: r_xx.ContextRequest, now: float
    ) -> list[Effect]:
        """Another anchor asks for the context and, of a home anchor, for a grant."""
        if message.home_anchor != self.core.node:
            response = _response(message, Status.ACCEPTED)
            return self._export(sender, response)
        problem = self._forbidden(sender, message)
        if problem:
            return [
                self.core.warn("claim-refused", message.key, f"{sender}: {problem}"),
                Send(sender, _response(message, Status.NOT_AUTHORISED)),
            ]
        effects = self._learn(message, now) + self._introduce(message.key, now)
        entry = self.core.register.entry(message.key)
        if entry is None:
            return [*effects, Send(sender, _response(message, Status.UNKNOWN_MOBILE_NODE))]
        claim = Claim(message.new_anchor, message.attached_at, message.predicted, sender.node)
        decision = self.core.register.decide(message.key, claim)
        if not accepted(decision.status):
            stale = _response(message, decision.status, latest=decision.order)
            return [*effects, Send(sender, stale)]
        context, granted = self.grant(message.key, decision, now, predicted=message.predicted)
        response = msgspec.structs.replace(
            _response(message, Status.ACCEPTED),
            context=context,
            previous_anchor=decision.previous_anchor,
            former_anchors=self.former(message.key),
        )
        return [*effects, *granted, *self._export(sender, response)]

    def _forbidden(self, sender: EntityAddress, message: r_xx.ContextRequest) -> str:
        """Why this anchor may not claim this mobile node; empty when it may."""
        if not self.core.authority.registry.may_host(message.new_anchor, FunctionalEntity.FE_MA_C):
            return f"{message.new_anchor} is no anchor of this deployment"
        if not message.predicted and sender.node != message.new_anchor:
            return f"claims for {message.new_anchor}"
        if not (self.core.config.proof_required or message.proof):
            return ""
        try:
            self.core.authority.verify_proof(
                message.proof,
                mobile_node=message.mobile_node,
                anchor=message.new_anchor,
                attached_at=message.attached_at,
            )
        except Unauthorised as problem:
            return str(problem)
        return ""

    def _learn(self, message: r_xx.ContextRequest, now: float) -> list[Effect]:
        """A proven grant above our numbers: we lost memory, or a delegate granted for us."""
        if not message.known_grant:
            return []
        try:
            grant = self.core.authority.verify(message.known_grant, now)
        except Unauthorised:
            return []
        key = message.key
        mine = all(
            self.core.authority.registry.home_of(p) == self.core.node for p in grant.prefixes
        )
        if grant.mobile_node != key.mobile_node or not mine or grant.released:
            return []
        context = MobilityContext(
            mobile_node=key.mobile_node,
            prefixes=grant.prefixes,
            home_anchor=key.home_anchor,
            current_anchor=grant.anchor,
            order=grant.order,
            lifetime=self.core.config.lifetime,
            grant=message.known_grant,
        )
        return self.core.keep_entry(key) if self.core.register.adopt(context) else []

    def _introduce(self, key: ContextId, now: float) -> list[Effect]:
        """A subscriber of ours who turns up at another anchor before ever being at home."""
        profile = self.core.profile(key.mobile_node)
        if (
            self.core.register.entry(key) is not None
            or profile is None
            or profile.home_anchor != self.core.node
        ):
            return []
        return self.introduce(key, profile.prefixes, now)

    def introduce(
        self, key: ContextId, prefixes: tuple[HomePrefix, ...], now: float
    ) -> list[Effect]:
        """Open an entry for a mobile node that is not attached anywhere yet."""
        nowhere = MobilityContext(
            mobile_node=key.mobile_node,
            prefixes=prefixes,
            home_anchor=key.home_anchor,
            current_anchor=key.home_anchor,
            order=MoveOrder(0, 0, key.home_anchor),
            lifetime=self.core.config.lifetime,
        )
        self.core.register.put(HomeEntry(context=nowhere, last_sequence=0))
        return [*self.core.keep_entry(key), self._upkeep(key, now)]

    # A grant

    def former(self, key: ContextId) -> tuple[NodeId, ...]:
        """Anchors that must be told of the latest move."""
        entry = self.core.register.entry(key)
        return tuple(sorted(entry.former)) if entry is not None else ()

    def grant(
        self, key: ContextId, decision: Decision, now: float, *, predicted: bool = False
    ) -> tuple[MobilityContext, list[Effect]]:
        """Sign what the register decided and record it (predicted: only reserve the number)."""
        entry = self.core.register.entry(key)
        if entry is None:
            raise KeyError(str(key))
        prefixes = entry.context.prefixes
        profile = self.core.profile(key.mobile_node)
        if entry.released and profile is not None and profile.home_anchor == key.home_anchor:
            prefixes = profile.prefixes
        context = self._signed(entry.context, prefixes, decision.order, now)
        entry.last_sequence = max(entry.last_sequence, decision.order.sequence)
        if predicted:
            entry.promised.add(decision.order.anchor)
        else:
            self.core.register.record(entry, context)
        return context, [*self.core.keep_entry(key), self._upkeep(key, now)]

    def _signed(
        self,
        context: MobilityContext,
        prefixes: tuple[HomePrefix, ...],
        order: MoveOrder,
        now: float,
        released: bool = False,
    ) -> MobilityContext:
        lifetime = self.core.config.lifetime
        authority = self.core.authority
        delegation = b""
        if self.core.config.delegates and not released:
            delegation = authority.delegate(
                mobile_node=context.mobile_node,
                prefixes=prefixes,
                delegates=self.core.config.delegates,
                now=now,
                lifetime=lifetime,
                not_before=order.attached_at,
                network_attachments=self.core.config.network_delegation,
            )
        grant = authority.issue(
            mobile_node=context.mobile_node,
            prefixes=prefixes,
            anchor=order.anchor,
            order=order,
            now=now,
            lifetime=lifetime,
            released=released,
        )
        return msgspec.structs.replace(
            context,
            prefixes=prefixes,
            current_anchor=order.anchor,
            order=order,
            lifetime=lifetime,
            grant=grant,
            delegation=delegation,
        )

    def release(
        self, key: ContextId, prefixes: tuple[HomePrefix, ...], requested_at: int, now: float
    ) -> tuple[MobilityContext, bool, list[Effect]]:
        """Release prefixes: the new context, whether nothing is left, what to persist."""
        entry = self.core.register.entry(key)
        if entry is None:
            raise KeyError(str(key))
        left = self.core.register.remaining(key, prefixes)
        old = entry.context
        anchor = old.current_anchor if left else self.core.node
        stamp = old.order.attached_at if left else max(requested_at, old.order.attached_at)
        order = MoveOrder(entry.last_sequence + 1, stamp, anchor)
        context = self._signed(old, left or old.prefixes, order, now, released=not left)
        self.core.register.record(entry, context)
        entry.released = not left
        return context, not left, [*self.core.keep_entry(key), self._upkeep(key, now)]

    # Export over R_XA

    def _export(self, to: EntityAddress, response: r_xx.ContextResponse) -> list[Effect]:
        """What the anchor's binding cache knows goes with the answer."""
        self._exports.setdefault(response.key, []).append((to, response))
        query = r_xa.ContextQuery(
            mobile_node=response.mobile_node, home_anchor=response.home_anchor
        )
        return [Send(self.core.anchor, query)]

    def exported(self, report: r_xa.ContextReport) -> list[Effect]:
        """R_XA answered: complete the responses that waited for it."""
        effects: list[Effect] = []
        for to, response in self._exports.pop(report.key, []):
            effects.append(Send(to, _completed(response, report.context)))
        return effects

    # Upkeep

    def _upkeep(self, key: ContextId, now: float) -> SetTimer:
        return SetTimer(f"home {key}", now + 3 * self.core.config.lifetime)

    def expire(self, key: ContextId) -> list[Effect]:
        """No grant of this entry can be valid any more: nothing contradicts starting afresh."""
        self.core.register.remove(key)
        return self.core.keep_entry(key)


def _completed(
    response: r_xx.ContextResponse, known: MobilityContext | None
) -> r_xx.ContextResponse:
    if response.context is None:
        status = response.status if known is not None else Status.UNKNOWN_MOBILE_NODE
        return msgspec.structs.replace(response, status=status, context=known)
    if known is None:
        return response
    context = msgspec.structs.replace(
        response.context,
        link_layer_id=known.link_layer_id,
        access_technology=known.access_technology,
        multicast=known.multicast,
    )
    return msgspec.structs.replace(response, context=context)


def _response(
    request: r_xx.ContextRequest, status: int, latest: MoveOrder | None = None
) -> r_xx.ContextResponse:
    return r_xx.ContextResponse(
        mobile_node=request.mobile_node,
        home_anchor=request.home_anchor,
        attached_at=request.attached_at,
        status=status,
        latest=latest,
    )
