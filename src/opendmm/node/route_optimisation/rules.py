"""Which routes of this node are optimised, in the form in which each packet is looked up. Pure."""

from collections.abc import Iterable
from ipaddress import IPv6Address

from opendmm.bindings.mipv6.outputs import End, Optimise, Restore
from opendmm.node.route_optimisation.rewriting import Optimised, Received, optimised
from opendmm.wire.errors import WireError

PROTECTED = (50, 51)
"""ESP and AH: not dropped for want of a binding where IPsec is (§9.3.1), which is not here."""
Pair = bytes
"""Source and destination as they stand in an IPv6 header, and as transport protocols see them."""


class Route:
    """From one address to another, directly; by the link of index `link`, 0: as routing says."""

    __slots__ = ("how", "link", "used")

    def __init__(self, how: Optimised, link: int) -> None:
        self.how = how
        self.link = link
        self.used = False


class Unbound(Exception):
    """No binding allows the Home Address option of a packet (RFC 6275 §9.3.1)."""

    def __init__(self, source: bytes, correspondent: bytes, home_address: bytes) -> None:
        super().__init__(f"no binding of {IPv6Address(home_address)} to {IPv6Address(source)}")
        self.source = IPv6Address(source)
        self.correspondent = IPv6Address(correspondent)
        self.home_address = IPv6Address(home_address)


class Rules:
    """The node's ends of optimised routes; `home_addresses` are its own."""

    def __init__(self, home_addresses: Iterable[IPv6Address]) -> None:
        self.routes: dict[Pair, Route] = {}
        self._home_addresses = frozenset(address.packed for address in home_addresses)
        self._leaving: dict[Pair, tuple[bytes, int]] = {}
        self._bindings: dict[Pair, bytes] = {}

    def put(self, rule: Optimise, link: int) -> Pair:
        """Packets of this pair go by the care-of address from now on."""
        pair = pair_of(rule)
        if rule.end is End.MOBILE_NODE:
            self._leaving[pair] = (rule.care_of.packed, link)
        else:
            self._bindings[pair] = rule.care_of.packed
        self._join(pair)
        return pair

    def remove(self, rule: Restore) -> Pair:
        """They go so no longer."""
        pair = pair_of(rule)
        held = self._leaving if rule.end is End.MOBILE_NODE else self._bindings
        held.pop(pair, None)
        self._join(pair)
        return pair

    def to(self, destination: bytes) -> bool:
        """Whether any route leads there."""
        return any(pair[16:] == destination for pair in self.routes)

    def used(self) -> list[tuple[IPv6Address, IPv6Address]]:
        """As correspondent and home address: the bindings by which something has been sent since
        this was last asked."""
        found = []
        for pair in self._bindings:
            route = self.routes[pair]
            if route.used:
                route.used = False
                found.append((IPv6Address(pair[:16]), IPv6Address(pair[16:])))
        return found

    def admit(self, packet: Received) -> None:
        """Whether a packet may be taken for what it says it is. Raises WireError for what is
        dropped silently, Unbound for what is answered with a Binding Error."""
        if packet.routed_to and packet.routed_to not in self._home_addresses:
            raise WireError(f"{IPv6Address(packet.routed_to)} is no home address of ours")
        if packet.home_address:
            correspondent = packet.routed_to or packet.destination
            if self._bindings.get(correspondent + packet.home_address) != packet.source:
                if packet.next_header in PROTECTED:
                    raise WireError("IPsec of a mobile node without a binding")
                raise Unbound(packet.source, correspondent, packet.home_address)

    def _join(self, pair: Pair) -> None:
        """Between two mobile nodes a packet is from the one's care-of address to the other's."""
        from_care_of, link = self._leaving.get(pair, (b"", 0))
        to_care_of = self._bindings.get(pair, b"")
        if not from_care_of and not to_care_of:
            self.routes.pop(pair, None)
            return
        how = optimised(pair[:16], pair[16:], from_care_of=from_care_of, to_care_of=to_care_of)
        self.routes[pair] = Route(how, link)


def pair_of(rule: Optimise | Restore) -> Pair:
    """The packets that this end of a route sends."""
    home_address, correspondent = rule.home_address.packed, rule.correspondent.packed
    if rule.end is End.MOBILE_NODE:
        return home_address + correspondent
    return correspondent + home_address
