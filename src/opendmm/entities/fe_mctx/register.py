"""The home register: which anchor each of our mobile nodes is at, and the number of its moves.

Pure bookkeeping, the serialiser of the whole procedure: every claim is accepted with the
next number or refused as stale, and what was accepted is never forgotten before every grant
that could contradict it has expired.
"""

import msgspec

from opendmm.model.addressing import HomePrefix
from opendmm.model.context import ContextId, MobilityContext
from opendmm.model.identity import NodeId
from opendmm.model.order import NEVER, MoveOrder
from opendmm.reference_points.message import Status


class HomeEntry(msgspec.Struct, kw_only=True):
    """A mobile node of ours. `context` is its latest accepted move, grant included.

    `last_sequence` counts reservations too (predicted moves that may never happen).
    `former` are anchors that may still hold something of earlier moves. `promised` are those
    with a grant for a predicted move, which they may use before we hear of it. `ended` says
    for each anchor which of its attachments has ended last, by when it began; `over` is the
    latest move that is known to have ended with its attachment.
    """

    context: MobilityContext
    last_sequence: int
    released: bool = False
    former: set[NodeId] = set()
    promised: set[NodeId] = set()
    ended: dict[NodeId, int] = {}
    over: MoveOrder = NEVER

    @property
    def detached(self) -> bool:
        """The current anchor has lost the mobile node, so any other anchor's word is news."""
        order = self.context.order
        ended = self.ended.get(order.anchor, -1) >= order.attached_at
        return order.sequence == 0 or ended or order <= self.over


class Claim(msgspec.Struct, frozen=True):
    """An anchor says that a mobile node is with it (or, predicted, soon will be)."""

    anchor: NodeId
    attached_at: int
    predicted: bool = False
    claimant: NodeId | None = None
    """Who sends the claim; the current anchor for a predicted one."""


class Decision(msgspec.Struct, frozen=True):
    """What the register makes of a claim: `order` to grant when the status accepts."""

    status: int
    order: MoveOrder
    previous_anchor: NodeId | None = None


class HomeRegister:
    """Entries by context. The caller persists what `entry` returns after each change."""

    def __init__(self) -> None:
        self._entries: dict[ContextId, HomeEntry] = {}

    def entry(self, key: ContextId) -> HomeEntry | None:
        return self._entries.get(key)

    def entries(self) -> dict[ContextId, HomeEntry]:
        return self._entries

    def put(self, entry: HomeEntry) -> None:
        self._entries[entry.context.key] = entry

    def remove(self, key: ContextId) -> None:
        self._entries.pop(key, None)

    def decide(self, key: ContextId, claim: Claim) -> Decision:
        """Judge a claim without recording it. Raises KeyError for an unknown context.

        The same attachment claimed again gets the same order: a duplicate or a refresh. An
        older attachment than the recorded one is stale, unless the recorded one has ended; so is
        one from before a release.
        """
        entry = self._entries[key]
        latest = entry.context.order
        owner = entry.context.current_anchor
        if claim.attached_at <= entry.ended.get(claim.anchor, -1):
            return Decision(Status.STALE, latest)
        following = MoveOrder(entry.last_sequence + 1, claim.attached_at, claim.anchor)
        if claim.predicted:
            allowed = claim.claimant == owner and not entry.released
            return Decision(Status.ACCEPTED if allowed else Status.STALE, following, owner)
        if claim.anchor == latest.anchor and claim.attached_at == latest.attached_at:
            status = Status.STALE if entry.released else Status.ACCEPTED_ALREADY
            return Decision(status, latest)
        if claim.attached_at > latest.attached_at or entry.detached:
            return Decision(Status.ACCEPTED, following, owner)
        return Decision(Status.STALE, latest)

    def adopt(self, context: MobilityContext) -> bool:
        """A valid grant shows a later move than ours (a reservation used, a delegate's grant), or
        an earlier one to an anchor that we did not know of, which may hold something; whether
        that is news."""
        entry = self._entries.get(context.key)
        if entry is None:
            self._entries[context.key] = HomeEntry(
                context=context, last_sequence=context.order.sequence
            )
            return True
        if entry.context.order >= context.order:
            anchor = context.current_anchor
            if anchor == entry.context.current_anchor or anchor in entry.former:
                return False
            entry.former.add(anchor)
            return True
        self.record(entry, context)
        return True

    def record(self, entry: HomeEntry, context: MobilityContext) -> None:
        """A later move becomes the latest; the anchor before joins the former ones."""
        before = entry.former | entry.promised | {entry.context.current_anchor}
        entry.former = before - {context.current_anchor}
        entry.promised = set()
        entry.context = context
        entry.last_sequence = max(entry.last_sequence, context.order.sequence)
        entry.released = False

    def detach(
        self, key: ContextId, anchor: NodeId, attached_at: int, order: MoveOrder | None
    ) -> bool:
        """An attachment has ended, and with it the move of this order; whether that is news.

        A predicted move bears the time of its prediction, so the attachment's own does not
        say whether it is this one that has ended.
        """
        entry = self._entries.get(key)
        if entry is None:
            return False
        over = max(entry.over, order or NEVER)
        if entry.ended.get(anchor, -1) >= attached_at and over == entry.over:
            return False
        entry.ended[anchor] = max(attached_at, entry.ended.get(anchor, -1))
        entry.over = over
        return True

    def settled(self, key: ContextId, order: MoveOrder) -> bool:
        """All former anchors have let go, if this is still the latest move."""
        entry = self._entries.get(key)
        if entry is None or entry.context.order != order or not entry.former:
            return False
        entry.former = set()
        return True

    def remaining(self, key: ContextId, released: tuple[HomePrefix, ...]) -> tuple[HomePrefix, ...]:
        """The prefixes a context keeps after a release (of all when `released` is empty)."""
        entry = self._entries[key]
        if not released:
            return ()
        return tuple(p for p in entry.context.prefixes if p not in released)
