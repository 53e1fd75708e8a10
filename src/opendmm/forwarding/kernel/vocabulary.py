"""Numbers in the kernel and actions of the model, translated both ways.

A next hop's number is a hash of what it leads to, so it needs no memory: whoever knows the
egresses of the deployment can read what an earlier life of the node installed.
"""

from collections.abc import Iterable

from opendmm.forwarding.kernel.endpoints import EgressDirectory, identifier
from opendmm.forwarding.kernel.errors import RefusedError
from opendmm.forwarding.kernel.means import Means
from opendmm.forwarding.netlink.lightweight_tunnel import (
    Encapsulation,
    final_segment,
)
from opendmm.forwarding.netlink.next_hop import NextHop
from opendmm.model.addressing import Egress, Locator
from opendmm.model.identity import NodeId
from opendmm.model.rules import Redirect, ToAnchor, Tunnel

IPV6_LENGTH = 16
UNKNOWN = Redirect(Egress(NodeId("unknown"), Locator(bytes(16))))
"""A redirection of ours to an egress that the configuration does not know any more."""


class Vocabulary:
    """Next-hop numbers of egresses and anchors, known from configuration or from use."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._egresses = EgressDirectory()
        self._numbers: dict[tuple[Egress, bool, bool], int] = {}
        self._actions: dict[int, Redirect | ToAnchor | Tunnel] = {}
        for egress in means.config.egresses:
            if egress.locator.is_ipv6:
                self.learn(egress)
        for anchor in means.config.anchors:
            self.anchor(anchor)

    def learn(self, egress: Egress) -> None:
        """Know an egress, in both families and directions. Raises RefusedError."""
        if not egress.locator.is_ipv6:
            raise RefusedError(f"{egress}: tunnels run over IPv6, give the egress such a locator")
        other = self._egresses.find(egress.locator.address)
        if other is not None and other != egress:
            raise RefusedError(f"{egress} and {other} have locators in one /64; each needs its own")
        self._egresses.add(egress)
        for ipv6 in (True, False):
            for uplink in (True, False):
                number = self._means.identifier(egress, ipv6=ipv6, uplink=uplink)
                self._numbers[egress, ipv6, uplink] = number
                self._actions[number] = Redirect(egress)

    def redirection(self, egress: Egress, *, ipv6: bool, uplink: bool) -> int:
        """The number of the next hop to an egress. Raises RefusedError."""
        number = self._numbers.get((egress, ipv6, uplink))
        if number is None:
            self.learn(egress)
            number = self._numbers[egress, ipv6, uplink]
        return number

    def anchor(self, locator: Locator) -> int:
        """The number of the next hop to an anchor."""
        number = identifier("anchor", locator.address)
        self._actions[number] = ToAnchor(locator)
        return number

    def guest(self, care_of: Locator) -> int:
        """The number of the next hop to a care-of address."""
        number = identifier("guest", care_of.address)
        self._actions[number] = Tunnel(care_of, self._means.config.locator)
        return number

    def hear(self, hops: Iterable[NextHop]) -> None:
        """Know the care-of addresses that an earlier life had next hops to."""
        for hop in hops:
            leads_to = final_segment(hop.encapsulation) if hop.encapsulation is not None else b""
            if hop.identifier == identifier("guest", leads_to) and len(leads_to) == IPV6_LENGTH:
                self.guest(Locator(leads_to))

    def action(self, number: int) -> Redirect | ToAnchor | Tunnel:
        """What a next hop of this number does."""
        return self._actions.get(number, UNKNOWN)

    def redirection_by(self, encapsulation: Encapsulation) -> Redirect:
        """What a route with an encapsulation of its own does."""
        return self.redirection_to(self._means.endpoint(encapsulation))

    def redirection_to(self, endpoint: bytes) -> Redirect:
        """What leads to an address out of an egress's block."""
        egress = self._egresses.find(endpoint)
        return UNKNOWN if egress is None else Redirect(egress)
