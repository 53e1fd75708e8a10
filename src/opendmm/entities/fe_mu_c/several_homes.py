"""FE_MU_C of a mobile node with several home agents at once: no anchor changes (draft §4.1).

Each of its home addresses stays with the home agent it belongs to, and each of these is told of
every link. So this is one client for each, side by side.
"""

from collections.abc import Mapping

import msgspec

from opendmm.entities.effects import (
    CancelTimer,
    Effect,
    HandoverExpected,
    Input,
    LinkAttached,
    Notice,
    Persist,
    Received,
    SessionsEnded,
    SetTimer,
    Started,
    TimerFired,
)
from opendmm.entities.fe_mu_c.host import HostClient
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import FunctionalEntity, NodeId


class SeveralHomesClient:
    """Clients by home agent; `prefixes` are the home addresses with each."""

    kind = FunctionalEntity.FE_MU_C

    def __init__(
        self,
        clients: Mapping[NodeId, HostClient],
        prefixes: Mapping[NodeId, tuple[HomePrefix, ...]],
    ) -> None:
        self.clients = clients
        self.prefixes = prefixes

    def handle(self, event: Input, now: float) -> list[Effect]:
        match event:
            case Received(sender=sender):
                return self._to(sender.node, event, now)
            case TimerFired(key):
                home, _, rest = key.partition(" ")
                return self._to(NodeId(home), TimerFired(rest), now)
            case HandoverExpected(mobile_node):
                return [Notice("prediction-without-change", {"mobile_node": mobile_node})]
            case _:
                return [
                    effect
                    for home in self.clients
                    if (mine := self._of(home, event)) is not None
                    for effect in self._to(home, mine, now)
                ]

    def rows(self, table: str) -> list[dict[str, object]]:
        """Nothing of its own to show."""
        del table
        return []

    def _of(self, home: NodeId, event: Input) -> Input | None:
        """What one client hears of an event; None when that is no concern of its."""
        match event:
            case Started(facts):
                mine = {
                    key.removeprefix(f"{home} "): value
                    for key, value in facts.items()
                    if key.startswith(f"{home} ")
                }
                return Started(mine)
            case LinkAttached():
                care_of = None if event.interface == home else event.care_of
                return msgspec.structs.replace(event, anchor=home, care_of=care_of)
            case SessionsEnded(mobile_node, prefixes) if prefixes:
                mine_too = tuple(p for p in prefixes if p in self.prefixes[home])
                return SessionsEnded(mobile_node, mine_too) if mine_too else None
            case _:
                return event

    def _to(self, home: NodeId, event: Input, now: float) -> list[Effect]:
        client = self.clients.get(home)
        if client is None:
            return []
        return [_named(home, effect) for effect in client.handle(event, now)]


def _named(home: NodeId, effect: Effect) -> Effect:
    """Timers and facts of one client, told from those of another."""
    match effect:
        case SetTimer(key) | CancelTimer(key) | Persist(key):
            return msgspec.structs.replace(effect, key=f"{home} {key}")
        case _:
            return effect
