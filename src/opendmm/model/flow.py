"""Flow identification rules: which packets of a mobile node a policy is about (draft R_EC).

A rule is written for packets on their way to the mobile node (downlink): the source is the
correspondent's, the destination the mobile node's.
"""

import socket
from collections.abc import Iterable
from typing import Annotated

import msgspec

from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import MobileNodeId

LAST_PROTOCOL = 255
LAST_PORT = 65_535

PROTOCOLS = {
    "tcp": socket.IPPROTO_TCP,
    "udp": socket.IPPROTO_UDP,
    "sctp": socket.IPPROTO_SCTP,
    "icmp": socket.IPPROTO_ICMP,
    "icmpv6": socket.IPPROTO_ICMPV6,
}
"""Those that can be called by name (IANA, Assigned Internet Protocol Numbers)."""
WITH_PORTS = frozenset({PROTOCOLS[name] for name in ("tcp", "udp", "sctp")})
NAMES = {number: name for name, number in PROTOCOLS.items()}
FAMILIES = {socket.IPPROTO_ICMP: 4, socket.IPPROTO_ICMPV6: 16}
"""Protocols of one family only, with the octets of its addresses."""


Port = Annotated[int, msgspec.Meta(ge=0, le=LAST_PORT)]


class PortRange(msgspec.Struct, frozen=True, order=True, array_like=True):
    """Ports from `first` to `last`, both included. Raises ValueError when there are none."""

    first: Port = 0
    last: Port = LAST_PORT

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last <= LAST_PORT:
            raise ValueError(f"{self.first}-{self.last} is no range of ports")

    @classmethod
    def parse(cls, text: str) -> "PortRange":
        """From "5001" or "5000-5099". Raises ValueError."""
        first, _, last = text.partition("-")
        return cls(int(first), int(last or first))

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"


ANY_PORT = PortRange()


class FlowRule(msgspec.Struct, frozen=True):
    """Packets that match every field that is set.

    `protocol` is the IP protocol number, 0 for any; `source` holds the correspondents'
    addresses. Ports are of a protocol that has them. Raises ValueError for a rule that can
    match nothing.
    """

    protocol: Annotated[int, msgspec.Meta(ge=0, le=LAST_PROTOCOL)] = 0
    source: HomePrefix | None = None
    source_ports: PortRange = ANY_PORT
    destination_ports: PortRange = ANY_PORT

    def __post_init__(self) -> None:
        if not 0 <= self.protocol <= LAST_PROTOCOL:
            raise ValueError(f"{self.protocol} is no IP protocol number")
        if self.by_ports and self.protocol not in WITH_PORTS:
            raise ValueError(f"ports are of tcp, udp or sctp, not of {self._protocol_name}")
        if self.source is not None and not self.source.length:
            raise ValueError(f"{self.source} is any source: leave it out")
        octets = FAMILIES.get(self.protocol)
        if octets and self.source is not None and len(self.source.network) != octets:
            raise ValueError(f"nothing from {self.source} is {self._protocol_name}")

    @property
    def by_ports(self) -> bool:
        """Whether ports tell the flow from others of its protocol."""
        return (self.source_ports, self.destination_ports) != (ANY_PORT, ANY_PORT)

    def concerns(self, prefix: HomePrefix) -> bool:
        """Whether packets to this prefix can match: they are of one family with the rule."""
        octets = FAMILIES.get(self.protocol, len(prefix.network))
        source = self.source or prefix
        return octets == len(source.network) == len(prefix.network)

    @property
    def _protocol_name(self) -> str:
        return NAMES.get(self.protocol, str(self.protocol or "any protocol"))

    def __str__(self) -> str:
        """Such as "udp from 2001:db8:c::/48 port 5000-5099 to port 5001"."""
        parts = [self._protocol_name]
        if self.source is not None:
            parts.append(f"from {self.source}")
        if self.source_ports != ANY_PORT:
            parts.append(f"{'' if self.source else 'from '}port {self.source_ports}")
        if self.destination_ports != ANY_PORT:
            parts.append(f"to port {self.destination_ports}")
        return " ".join(parts)


class FlowSelection(msgspec.Struct, frozen=True):
    """A flow, and of whom: of one mobile node, of those with a prefix under `group`, or (where
    neither is given) of everyone."""

    rule: FlowRule
    mobile_node: MobileNodeId | None = None
    group: HomePrefix | None = None

    def concerns(self, mobile_node: MobileNodeId, prefixes: Iterable[HomePrefix]) -> bool:
        """Whether it is a flow of this mobile node."""
        group = self.group
        return self.mobile_node in (None, mobile_node) and (
            group is None or any(group.covers(prefix) for prefix in prefixes)
        )


def selected(
    flows: Iterable[FlowSelection], mobile_node: MobileNodeId, prefixes: Iterable[HomePrefix]
) -> tuple[FlowRule, ...]:
    """The flows of one mobile node. Empty when no flow is named for it: then all its packets
    are meant."""
    return tuple(dict.fromkeys(f.rule for f in flows if f.concerns(mobile_node, prefixes)))


def slots_of(prefix: HomePrefix, flows: Iterable[FlowRule]) -> list[FlowRule | None]:
    """What a policy with these flows asks for a prefix: each flow that concerns it, or (None)
    all packets where it names no flow at all."""
    named = list(dict.fromkeys(flows))
    return [flow for flow in named if flow.concerns(prefix)] if named else [None]
