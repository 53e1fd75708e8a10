"""Who holds the context of a mobile node, asked over R_XC and passed on over R_II."""

import msgspec

from opendmm.entities.effects import CancelTimer, Effect, Send, SetTimer
from opendmm.entities.fe_iec.core import Core, entity
from opendmm.model.context import MobilityContext
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points import r_ii, r_xc


class _Search(msgspec.Struct):
    """A question passed on to the other instances."""

    askers: set[EntityAddress]
    waiting: set[NodeId]
    found: dict[NodeId, MobilityContext]


class Lookup:
    """Answers from the records, and asks the companions for what they hold."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._searches: dict[MobileNodeId, _Search] = {}

    def asked(self, sender: EntityAddress, message: r_xc.ContextLookup, now: float) -> list[Effect]:
        mobile_node = message.mobile_node
        peers = [peer for peer in self.core.config.peers if peer not in self.core.unreachable]
        known = {c.home_anchor: c for c in self.core.contexts_of(mobile_node)}
        if not peers:
            return [_found(sender, mobile_node, known)]
        search = self._searches.setdefault(mobile_node, _Search(set(), set(), {}))
        search.askers.add(sender)
        search.waiting = set(peers)
        search.found = known
        effects: list[Effect] = [
            Send(
                entity(peer, FunctionalEntity.FE_IEC),
                r_ii.MobileNodeQuery(mobile_node=mobile_node),
            )
            for peer in peers
        ]
        timeout = now + self.core.config.lookup_timeout
        return [*effects, SetTimer(f"lookup {mobile_node}", timeout)]

    def asked_by_peer(self, sender: EntityAddress, message: r_ii.MobileNodeQuery) -> list[Effect]:
        contexts = self.core.contexts_of(message.mobile_node)
        return [
            Send(sender, r_ii.MobileNodeReply(mobile_node=message.mobile_node, contexts=contexts))
        ]

    def answered(self, sender: EntityAddress, message: r_ii.MobileNodeReply) -> list[Effect]:
        search = self._searches.get(message.mobile_node)
        if search is None:
            return []
        search.waiting.discard(sender.node)
        for context in message.contexts:
            held = search.found.get(context.home_anchor)
            if held is None or held.order < context.order:
                search.found[context.home_anchor] = context
        if search.waiting:
            return []
        timer = CancelTimer(f"lookup {message.mobile_node}")
        return [timer, *self.conclude(message.mobile_node)]

    def conclude(self, mobile_node: MobileNodeId) -> list[Effect]:
        """All have answered, or those that have not are not waited for any longer."""
        search = self._searches.pop(mobile_node, None)
        if search is None:
            return []
        return [_found(asker, mobile_node, search.found) for asker in sorted(search.askers)]


def _found(
    to: EntityAddress, mobile_node: MobileNodeId, contexts: dict[NodeId, MobilityContext]
) -> Send:
    found = tuple(contexts[home] for home in sorted(contexts))
    return Send(to, r_xc.ContextFound(mobile_node=mobile_node, contexts=found))
