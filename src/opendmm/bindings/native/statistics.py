"""What has passed between a node and its peers, and complaints that cannot fill a log."""

import logging
import time
from collections.abc import Callable
from typing import Any

import msgspec

from opendmm.model.identity import NodeId

LOGGER = logging.getLogger("opendmm.native")
SAID_AGAIN_AFTER = 10.0
"""Seconds before the same complaint about the same peer is logged again."""
UNKNOWN = NodeId("unknown to the registry")


class PeerStatistics(msgspec.Struct):
    """Counts of envelopes since the start, and how the peer is now.

    `dropped` could not be sent, `refused` came in and was not believed.
    """

    peer: NodeId
    state: str = "down"
    sent: int = 0
    received: int = 0
    dropped: int = 0
    refused: int = 0
    sessions: int = 0
    queued_frames: int = 0
    queued_octets: int = 0
    reason: str = ""
    """Why it is down."""


class Peers(dict[NodeId, PeerStatistics]):
    """Statistics by peer. Names that `known` denies share one row: anybody can make them up."""

    def __init__(self, known: Callable[[NodeId], bool]) -> None:
        super().__init__()
        self._known = known
        self._complaints: dict[tuple[NodeId, str], float] = {}

    def of(self, node: NodeId) -> PeerStatistics:
        """The peer's row, made if there is none."""
        name = node if self._known(node) else UNKNOWN
        if name not in self:
            self[name] = PeerStatistics(name)
        return self[name]

    def complain(self, event: str, node: NodeId, **fields: Any) -> None:
        """Log a warning, once per peer and event within a while."""
        key = (self.of(node).peer, event)
        now = time.monotonic()
        last = self._complaints.get(key)
        if last is None or now - last >= SAID_AGAIN_AFTER:
            self._complaints[key] = now
            LOGGER.warning(event, extra={"fields": {"peer": node, **fields}})
