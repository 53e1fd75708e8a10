"""What every forwarding driver offers (design §7): apply, read back, count, say what it can.

A driver carries out changes to rule slots; it does not decide between entities (the plan
does, `opendmm.forwarding.plan`). A change is idempotent and in place: a slot goes from one
action to the next without an instant in between with neither.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from opendmm.model.rules import Action, Change, RuleKey


class Installed(msgspec.Struct, frozen=True):
    """A rule of ours as the kernel has it, in the words of the model."""

    key: RuleKey
    action: Action


class Counter(msgspec.Struct, frozen=True):
    """Packets and octets a rule slot has seen since it was installed."""

    key: RuleKey
    packets: int
    octets: int


class Capabilities(msgspec.Struct, frozen=True):
    """What a driver can do here, and what its encapsulation costs per packet in octets."""

    name: str
    ipv4: bool
    ipv6: bool
    overhead: int
    counters: bool


class ForwardingDriver(Protocol):
    """A node's forwarding plane, programmed and read."""

    @property
    def capabilities(self) -> Capabilities: ...

    def start(self) -> None:
        """Set up what does not depend on a mobile node (tunnel ends). Idempotent."""
        ...

    def apply(self, changes: Sequence[Change]) -> list[str]:
        """Carry out a batch in order; for each change an error text, empty on success."""
        ...

    def installed(self) -> list[Installed]:
        """Read back every rule of ours, whoever put it there (an earlier run of ours, too)."""
        ...

    def counters(self) -> list[Counter]:
        """Empty when the driver does not count."""
        ...

    def close(self, *, remove: bool) -> None:
        """Stop; with `remove` take away everything of ours, else leave it forwarding."""
        ...
