"""Granting in a home anchor's place, when it is dead or always (design §6, delegated).

The home anchor let this FE_IEC do so, but only together with the mobile node's own signed
word that it is at the new anchor: an FE_IEC gone bad steals nothing. Unless the delegation says
that the network's word is enough; then FE_IEC is trusted as an anchor is.
"""

import msgspec

from opendmm.authority.grant import Unauthorised
from opendmm.entities.effects import Effect, Persist, Send
from opendmm.entities.fe_iec.core import Core
from opendmm.entities.fe_iec.record import Record
from opendmm.model.context import ContextId, MobilityContext
from opendmm.model.identity import EntityAddress, NodeId
from opendmm.model.order import MoveOrder
from opendmm.reference_points import r_xc
from opendmm.reference_points.message import Status

FRESH = 3 / 4
"""Of a grant's lifetime: the least that a delegation must still be good for when the home anchor
could grant itself. What is granted lasts no longer than the delegation, and an anchor refreshes
after two thirds."""
NUMBERED = "numbered "
"""Prefix of the facts that say which orders were granted last for a context."""


class Continuity:
    """Numbers moves above everything known while the home anchor is away."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._granted: dict[ContextId, list[MoveOrder]] = {}

    def restore(self, name: str, value: bytes) -> None:
        key = ContextId.parse(name.removeprefix(NUMBERED))
        self._granted[key] = msgspec.msgpack.decode(value, type=list[MoveOrder])

    def requested(
        self, sender: EntityAddress, message: r_xc.ContinuityRequest, now: float
    ) -> list[Effect]:
        record = self.core.records.get(message.key)
        refusal = self._refusal(sender, message, record)
        if refusal or record is None:
            return [self._response(sender, message, refusal, None)]
        context = record.context
        if self._stale(context, now):
            return [self._response(sender, message, Status.REFUSED, None)]
        # Granted here and not yet reported by the anchor it was granted to.
        pending = [o for o in self._granted.get(message.key, ()) if o > context.order]
        latest = max([context.order, *pending])
        if (latest.anchor, latest.attached_at) == (message.new_anchor, message.attached_at):
            order = latest
        elif message.attached_at <= latest.attached_at:
            stale = self._response(sender, message, Status.STALE, record)
            return [stale]
        else:
            order = MoveOrder(latest.sequence + 1, message.attached_at, message.new_anchor)
        try:
            grant = self.core.authority.issue(
                mobile_node=context.mobile_node,
                prefixes=context.prefixes,
                anchor=message.new_anchor,
                order=order,
                now=now,
                lifetime=context.lifetime,
                delegation=context.delegation,
                proof=message.proof,
            )
            self.core.authority.verify(grant, now)
        except Unauthorised as problem:
            why = self.core.warn("continuity-refused", context, str(problem))
            return [why, self._response(sender, message, Status.NOT_AUTHORISED, None)]
        former = {context.current_anchor, *(o.anchor for o in pending)} - {message.new_anchor}
        self._granted[message.key] = [*(o for o in pending if o != order), order]
        moved = msgspec.structs.replace(
            context, current_anchor=message.new_anchor, order=order, grant=grant
        )
        return [
            Persist(f"{NUMBERED}{message.key}", msgspec.msgpack.encode(self._granted[message.key])),
            Send(
                sender,
                r_xc.ContinuityResponse(
                    mobile_node=message.mobile_node,
                    home_anchor=message.home_anchor,
                    attached_at=message.attached_at,
                    status=Status.ACCEPTED,
                    context=moved,
                    former_anchors=tuple(sorted(former)),
                ),
            ),
        ]

    def _refusal(
        self,
        sender: EntityAddress,
        message: r_xc.ContinuityRequest,
        record: Record | None,
    ) -> int:
        """The status that refuses, 0 when nothing speaks against granting."""
        if record is None or record.released:
            return Status.UNKNOWN_MOBILE_NODE
        if self._home_grants(message.home_anchor):
            return Status.REFUSED
        if sender.node != message.new_anchor or not record.context.delegation:
            return Status.NOT_AUTHORISED
        return 0

    def _home_grants(self, home: NodeId) -> bool:
        """Whether this is none of our business: the home anchor is there to be asked."""
        return not self.core.config.grants_always and home not in self.core.unreachable

    def _stale(self, context: MobilityContext, now: float) -> bool:
        """Whether the home anchor, which is there, had better be asked for a new delegation."""
        if context.home_anchor in self.core.unreachable:
            return False
        try:
            ends = self.core.authority.delegated_until(context.delegation)
        except Unauthorised:
            return True
        return ends - now < FRESH * context.lifetime

    def _response(
        self,
        to: EntityAddress,
        message: r_xc.ContinuityRequest,
        status: int,
        record: Record | None,
    ) -> Send:
        return Send(
            to,
            r_xc.ContinuityResponse(
                mobile_node=message.mobile_node,
                home_anchor=message.home_anchor,
                attached_at=message.attached_at,
                status=status,
                latest=record.order if record is not None else None,
            ),
        )
