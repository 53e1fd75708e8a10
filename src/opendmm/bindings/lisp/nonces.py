"""Nonces: every message of a node has a greater one than all before, also after a restart.

They are microseconds since 1970, so nothing has to be remembered (RFC 9301 §5.6 asks for a nonce
that outlives a restart, or for another key), and a receiver that was restarted itself can tell what
is too old to be new.
"""

from collections import OrderedDict

from opendmm.model.identity import NodeId
from opendmm.model.quantities import Seconds

PER_SECOND = 1_000_000
CLOSE_ENOUGH: Seconds = 7.0
"""How far the clocks of two ends may be apart; what is older may be a replay."""


class Nonces:
    """Those that a node has sent, and those it has had from its peers."""

    def __init__(self) -> None:
        self._last = 0
        self._greatest: dict[NodeId, int] = {}
        self._heard: dict[NodeId, OrderedDict[int, None]] = {}

    def next(self, now: float) -> int:
        """A greater one than ever before."""
        self._last = max(self._last + 1, int(now * PER_SECOND))
        return self._last

    def refusal(self, peer: NodeId, nonce: int, now: float, *, in_order: bool = False) -> str:
        """Why a peer's nonce is not believed to be new; empty when it is, and it is used up.

        With `in_order` it must be greater than all before of that kind (RFC 9301 §5.6).
        """
        if abs(nonce / PER_SECOND - now) > CLOSE_ENOUGH:
            return f"nonce {nonce:#x} is no time near to now"
        heard = self._heard.setdefault(peer, OrderedDict())
        if nonce in heard or (in_order and nonce <= self._greatest.get(peer, 0)):
            return f"nonce {nonce:#x} has come before, or a later one"
        heard[nonce] = None
        if in_order:
            self._greatest[peer] = nonce
        while heard and next(iter(heard)) / PER_SECOND < now - CLOSE_ENOUGH:
            heard.popitem(last=False)
        return ""
