"""What there is to send in a scenario: every flow with its ends, addresses and beginning. Pure."""

import msgspec

from opendmm.constellation.deployment import Deployment, SubscriberPlan
from opendmm.constellation.file import (
    Family,
    ScenarioSection,
    TrafficDirection,
    TrafficKind,
    TrafficSection,
)
from opendmm.constellation.quantities import bits_per_second, seconds
from opendmm.lab.network import home_address
from opendmm.lab.traffic.plan import PATH_PROBE_OCTETS, PROBE_OCTETS, TcpStream, UdpSender
from opendmm.model.identity import NodeId

FIRST_PORT = 40_000
PATH_INTERVAL = 0.02
SETTLING = 0.5
"""Seconds between a mobile node's first attachment and the start of its traffic."""


class Opening(msgspec.Struct, frozen=True):
    """Sessions for which the mobile node chooses its address, when they begin (in seconds from
    the scenario's start), as its kernel does towards the correspondent (RFC 6724)."""

    mobile_node: str
    correspondent: str
    family: Family
    at: float


class Flow(msgspec.Struct, frozen=True):
    """One direction of one UDP session, or (session None) path probes of a mobile node.

    `opening` None: the addresses are known, and it is open from the beginning.
    """

    number: int
    session: int | None
    subscriber: SubscriberPlan
    correspondent: NodeId
    direction: TrafficDirection
    sender: UdpSender
    opening: Opening | None

    @property
    def ends(self) -> tuple[str, str]:
        """The nodes of sender and receiver."""
        pair = (str(self.correspondent), self.subscriber.name)
        return pair if self.direction is TrafficDirection.DOWN else pair[::-1]


class Flows:
    """The traffic of a scenario. `udp` are flows by their numbers, path probes among them;
    `tcp` are sessions, each with the section that asks for it."""

    def __init__(self, deployment: Deployment, scenario: ScenarioSection) -> None:
        self._deployment = deployment
        self._sections = scenario.traffic
        self._begins = _begins(scenario)
        self._by_name = {s.name: s for s in deployment.subscribers.values()}
        self.udp = self._udp_flows()
        self.udp += self._path_flows(len(self.udp))
        self.tcp = [
            self._stream(number, section)
            for number, section in enumerate(scenario.traffic)
            if section.kind is TrafficKind.TCP
        ]

    def path_probes(self, mobile_node: str) -> list[Flow]:
        """The flows of path probes to a mobile node."""
        return [f for f in self.udp if f.session is None and f.subscriber.name == mobile_node]

    def _udp_flows(self) -> list[Flow]:
        flows: list[Flow] = []
        for session, section in enumerate(self._sections):
            if section.kind is not TrafficKind.UDP:
                continue
            directions = [section.direction]
            if section.direction is TrafficDirection.BOTH:
                directions = [TrafficDirection.DOWN, TrafficDirection.UP]
            for direction in directions:
                flows.append(self._flow(len(flows), session, section, direction))
        return flows

    def _path_flows(self, first: int) -> list[Flow]:
        """One flow of path probes for every mobile node that has any traffic, and one for each
        UDP session to a port of its own."""
        found: dict[str, TrafficSection] = {}
        for section in sorted(self._sections, key=lambda s: (s.family is Family.IPV4, _at(s))):
            found.setdefault(section.mobile_node, section)
        sections = list(found.values())
        sections += [s for s in self._sections if _port(s) and s not in sections]
        return [
            self._flow(first + number, None, section, TrafficDirection.DOWN)
            for number, section in enumerate(sections)
        ]

    def _flow(
        self,
        number: int,
        session: int | None,
        section: TrafficSection,
        direction: TrafficDirection,
    ) -> Flow:
        near, far = self.addresses(section)
        down = direction is TrafficDirection.DOWN
        sender = UdpSender(
            flow=number,
            source=near if down else far,
            destination=far if down else near,
            port=_port(section) or FIRST_PORT + number,
            starts_at=self._beginning(section),
            interval=PATH_INTERVAL if session is None else seconds(section.interval),
            octets=PATH_PROBE_OCTETS if session is None else PROBE_OCTETS,
        )
        subscriber = self._by_name[section.mobile_node]
        correspondent, opening = NodeId(section.correspondent), self.opening(section)
        return Flow(number, session, subscriber, correspondent, direction, sender, opening)

    def _beginning(self, section: TrafficSection) -> float:
        return self._begins[section.mobile_node] if section.at is None else seconds(section.at)

    def opening(self, section: TrafficSection) -> Opening | None:
        """With what a session is opened; None: it is open from the beginning."""
        subscriber = self._by_name[section.mobile_node]
        ipv6 = section.family is Family.IPV6
        if not ipv6 or not any(map(subscriber.makes_address_of, subscriber.prefixes)):
            return None
        return Opening(
            section.mobile_node, section.correspondent, section.family, self._beginning(section)
        )

    def addresses(self, section: TrafficSection) -> tuple[str, str]:
        """The correspondent's and the mobile node's address of a session; the latter empty
        when it is chosen later."""
        ipv6 = section.family is Family.IPV6
        plan = self._deployment.nodes[NodeId(section.correspondent)]
        subscriber = self._by_name[section.mobile_node]
        home = None if section.home is None else NodeId(section.home)
        prefix = subscriber.address(home, ipv6=ipv6)
        near = str(plan.locator) if ipv6 else plan.ipv4
        if self.opening(section) is not None or prefix is None:
            return near, ""
        return near, home_address(prefix).split("/")[0]

    def _stream(self, number: int, section: TrafficSection) -> tuple[TrafficSection, TcpStream]:
        near, far = self.addresses(section)
        return section, TcpStream(
            session=number,
            server=near,
            client=far,
            port=section.port or FIRST_PORT + 1000 + number,
            starts_at=self._beginning(section),
            rate=bits_per_second(section.rate),
            down=section.direction is not TrafficDirection.UP,
            up=section.direction is not TrafficDirection.DOWN,
        )


def _begins(scenario: ScenarioSection) -> dict[str, float]:
    """When each mobile node's traffic begins that does not say: shortly after its first
    attachment."""
    begins: dict[str, float] = {}
    for attachment in scenario.attachments:
        at = seconds(attachment.at) + SETTLING
        begins[attachment.mobile_node] = min(at, begins.get(attachment.mobile_node, at))
    return begins


def _port(section: TrafficSection) -> int | None:
    """The port that a UDP session is to have."""
    return section.port if section.kind is TrafficKind.UDP else None


def _at(section: TrafficSection) -> float:
    return 0.0 if section.at is None else seconds(section.at)
