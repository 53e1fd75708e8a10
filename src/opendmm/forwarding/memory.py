"""A forwarding driver without a kernel: for the simulator and for tests.

Its rules live in a dictionary that stands for the kernel. Give the same dictionary to a
second driver and it finds what the first one left, as a restarted daemon does.
"""

from collections.abc import Callable, Sequence

from opendmm.forwarding.contract import Capabilities, Counter, Installed
from opendmm.model.addressing import HomePrefix
from opendmm.model.rules import Action, Change, RuleKey, Table


def _never(_change: Change) -> str:
    return ""


class MemoryForwarding:
    """Keeps rules in memory and can be told to fail.

    `rules` is the stand-in for the kernel, shared by drivers that succeed each other on one
    node. `failure` is asked before each change: an error text makes that change fail and
    leaves its slot as it was; empty lets it pass. It may be replaced at any time.
    `history` holds every change that was carried out, in order.
    """

    def __init__(
        self,
        rules: dict[RuleKey, Action] | None = None,
        *,
        failure: Callable[[Change], str] = _never,
    ) -> None:
        self.rules: dict[RuleKey, Action] = {} if rules is None else rules
        self.failure = failure
        self.history: list[Change] = []

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("memory", ipv4=True, ipv6=True, overhead=0, counters=False)

    def start(self) -> None:
        """Nothing to set up."""

    def apply(self, changes: Sequence[Change]) -> list[str]:
        """Carry out a batch in order; for each change an error text, empty on success."""
        return [self._change(change) for change in changes]

    def installed(self) -> list[Installed]:
        """Every rule, whichever driver put it there."""
        return [Installed(key, action) for key, action in self.rules.items()]

    def counters(self) -> list[Counter]:
        """No packets, no counters."""
        return []

    def close(self, *, remove: bool) -> None:
        """Forget everything when told to remove; else leave the rules for a successor."""
        if remove:
            self.rules.clear()

    def lookup(self, table: Table, address: bytes) -> Action | None:
        """What a table does with a packet for (or, in source tables, from) a packed address.

        The longest prefix wins, as in the kernel; None where no rule covers the address.
        """
        bits = len(address) * 8
        value = int.from_bytes(address, "big")
        for length in range(bits, -1, -1):
            shift = bits - length
            network = ((value >> shift) << shift).to_bytes(len(address), "big")
            action = self.rules.get(RuleKey(table, HomePrefix(network, length)))
            if action is not None:
                return action
        return None

    def _change(self, change: Change) -> str:
        error = self.failure(change)
        if error:
            return error
        if change.action is None:
            self.rules.pop(change.key, None)
        else:
            self.rules[change.key] = change.action
        self.history.append(change)
        return ""
