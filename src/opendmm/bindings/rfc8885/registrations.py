"""The serving MAAR's registrations (RFC 8885 §3.1 to §3.4).

A mobile node attaches: whatever the FE_MCTX asks on that occasion, the FE_IEC which contexts there
are and home anchors for theirs, is one PBU to the CMD. The CMD sees to it that all previous
MAARs answer. What comes before it is asked for is kept for a moment: the FE_MCTX will ask.
Pure.
"""

import msgspec

from opendmm.bindings.mobility.outputs import Deliver, Output
from opendmm.bindings.pmipv6.prefixes import ALL_ZERO
from opendmm.bindings.rfc8885.carriage import ends
from opendmm.bindings.rfc8885.carrier import attachment
from opendmm.bindings.rfc8885.config import DistributedConfig
from opendmm.bindings.rfc8885.enclosure import enclosed
from opendmm.bindings.rfc8885.updates import Updates
from opendmm.model.context import MobilityContext
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.quantities import Microseconds
from opendmm.reference_points import r_xc, r_xx
from opendmm.reference_points.catalogue import Envelope
from opendmm.reference_points.message import Message
from opendmm.wire.mobility.numbers import AccessTechnology, HandoffIndicator

KEPT = 2.0
"""Seconds for which an answer is good that nobody has asked for yet."""


class Registration(msgspec.Struct, kw_only=True):
    """One attachment. `asked` and `lookup` await their answers; `early` are answers by home
    anchor that came before their questions, with the time of their arrival."""

    attached_at: Microseconds
    asked: dict[NodeId, r_xx.ContextRequest] = {}
    lookup: r_xc.ContextLookup | None = None
    early: dict[NodeId, tuple[float, r_xx.ContextResponse]] = {}
    again: bool = False
    """The attachment has been registered before: only what is asked for is wanted now."""


class Registrations:
    """By mobile node; the latest attachment of each."""

    def __init__(self, config: DistributedConfig, updates: Updates) -> None:
        self.config = config
        self.updates = updates
        self._held: dict[MobileNodeId, Registration] = {}

    # From the FE_MCTX

    def claims(self, envelope: Envelope) -> bool:
        """Whether a message is part of a registration."""
        message = envelope.message
        match message:
            case r_xx.ContextRequest():
                home, mine = envelope.receiver.node, self.config.node
                claim = home == message.home_anchor and message.new_anchor == mine
                return claim and not message.predicted
            case r_xc.ContextLookup():
                return message.attached_at > 0
            case _:
                return False

    def ask(self, message: r_xx.ContextRequest | r_xc.ContextLookup, now: float) -> list[Output]:
        """Register, unless that is under way or has been answered already."""
        held = self._of(message.mobile_node, message.attached_at)
        if isinstance(message, r_xc.ContextLookup):
            joined = held.lookup is not None
            held.lookup = message
        else:
            known = held.early.pop(message.home_anchor, None)
            if known is not None and now - known[0] <= KEPT:
                return [self._deliver(message.home_anchor, known[1])]
            joined = held.asked.get(message.home_anchor) == message
            held.asked[message.home_anchor] = message
        under_way = _key(message.mobile_node) in self.updates
        # A first PBU of an attachment asks for everything there is.
        if under_way and (joined or not held.again):
            return []
        return self._register(message.mobile_node, held, now)

    def _of(self, mobile_node: MobileNodeId, attached_at: Microseconds) -> Registration:
        held = self._held.get(mobile_node)
        if held is None or held.attached_at != attached_at:
            self.updates.settle(_key(mobile_node))
            held = self._held[mobile_node] = Registration(attached_at=attached_at)
        return held

    def _register(self, mobile_node: MobileNodeId, held: Registration, now: float) -> list[Output]:
        """The PBU of §3.1 and §3.2. The MAAR's own prefix follows when it has been allocated."""
        asked: list[Message] = [held.asked[home] for home in sorted(held.asked)]
        if held.lookup is not None:
            asked.append(held.lookup)
        handoff = (
            HandoffIndicator.NOT_CHANGED
            if held.again
            else HandoffIndicator.BETWEEN_MAGS_SAME_INTERFACE
        )
        options = (
            *enclosed(asked, self.config.nodes),
            ALL_ZERO,
            *attachment(handoff, AccessTechnology.IEEE_802_3),
        )
        return self.updates.request(_key(mobile_node), self.config.database, options, now)

    # From the CMD, or from previous MAARs

    def answered(
        self, messages: tuple[Message, ...], *, final: bool, now: float
    ) -> list[Output] | None:
        """What a PBA holds; None when it answers no registration. `final`: the CMD has said all."""
        mine = [m for m in messages if isinstance(m, r_xx.ContextResponse | r_xc.ContextFound)]
        if not mine or len(mine) != len(messages):
            return None
        mobile_node = mine[0].mobile_node
        held = self._held.get(mobile_node)
        if held is None or not all(self._expected(held, message) for message in mine):
            return None
        if final:
            self.updates.settle(_key(mobile_node))
            held.again = True
        outputs: list[Output] = []
        found: list[MobilityContext] = []
        for message in mine:
            if isinstance(message, r_xc.ContextFound):
                found += message.contexts
                continue
            if message.context is not None:
                found.append(message.context)
            if held.asked.pop(message.home_anchor, None) is not None:
                outputs.append(self._deliver(message.home_anchor, message))
            else:
                held.early[message.home_anchor] = now, message
        return [*self._found(mobile_node, held, found, final=final), *outputs]

    def _expected(
        self, held: Registration, message: r_xx.ContextResponse | r_xc.ContextFound
    ) -> bool:
        if isinstance(message, r_xc.ContextFound):
            return True
        return message.attached_at == held.attached_at

    def _found(
        self,
        mobile_node: MobileNodeId,
        held: Registration,
        found: list[MobilityContext],
        *,
        final: bool,
    ) -> list[Output]:
        """Which contexts there are: the CMD says it by what it sends."""
        if held.lookup is None or not (found or final):
            return []
        if final:
            held.lookup = None
        answer = r_xc.ContextFound(mobile_node=mobile_node, contexts=tuple(found))
        return [self._deliver(self.config.database, answer)]

    def _deliver(self, sender: NodeId, message: Message) -> Deliver:
        return Deliver(ends(message, sender, self.config.node))


def _key(mobile_node: MobileNodeId) -> str:
    return f"registration {mobile_node}"
