"""What carries payload by optimised routes, and what it tells the procedures."""

from collections.abc import Callable, Iterable
from ipaddress import IPv6Address
from typing import Protocol

from opendmm.bindings.mipv6.node import MobileIpv6Node, Wanted
from opendmm.bindings.mipv6.outputs import Optimise, Restore


class Reports(Protocol):
    """What a data path tells, of packets it has seen (see `outputs`)."""

    def communicates(self, home_address: IPv6Address, correspondent: IPv6Address) -> None:
        """This mobile node and a correspondent, by whatever way."""

    def used(self, correspondent: IPv6Address, home_address: IPv6Address) -> None:
        """This correspondent's binding, for a packet to the mobile node."""

    def unbound(
        self, source: IPv6Address, correspondent: IPv6Address, home_address: IPv6Address
    ) -> None:
        """No binding allows a packet, which has been dropped."""


class DataPath(Protocol):
    """In the transport's event loop."""

    def start(self, reports: Reports) -> None: ...

    def optimise(self, wanted: Optimise) -> None: ...

    def restore(self, wanted: Restore) -> None: ...

    def close(self) -> None: ...


class Procedures:
    """The procedures of a node, as its data path sees them; `carry_out` does what they want."""

    def __init__(
        self,
        node: MobileIpv6Node,
        carry_out: Callable[[Iterable[Wanted]], None],
        now: Callable[[], float],
    ) -> None:
        self._node = node
        self._carry_out = carry_out
        self._now = now
        self._agents = frozenset(node.config.agents.values())

    def communicates(self, home_address: IPv6Address, correspondent: IPv6Address) -> None:
        """Home agents are no correspondents: there is no shorter way to them."""
        optimisation = self._node.optimisations.get(home_address)
        if optimisation is not None and correspondent not in self._agents:
            self._carry_out(optimisation.communicates(correspondent, self._now()))

    def used(self, correspondent: IPv6Address, home_address: IPv6Address) -> None:
        if self._node.correspondent is not None:
            self._node.correspondent.used(correspondent, home_address)
            self._carry_out(())

    def unbound(
        self, source: IPv6Address, correspondent: IPv6Address, home_address: IPv6Address
    ) -> None:
        if self._node.correspondent is not None:
            wanted = self._node.correspondent.unbound(
                source, correspondent, home_address, self._now()
            )
            self._carry_out(wanted)
