"""A mobile node's registrations with several home agents at once (draft §4.1).

Each home address is registered with the home agent it belongs to, wherever the mobile node is, as
if there were no other. Pure.
"""

from collections.abc import Mapping
from ipaddress import IPv6Address
from typing import Protocol

import msgspec

from opendmm.bindings.mipv6.config import MipConfig
from opendmm.bindings.mipv6.home_registration import Attachment
from opendmm.bindings.mipv6.mobile_node import MobileNode
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mipv6.sealing import Output
from opendmm.bindings.mobility.outputs import Complain
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.reference_points.catalogue import Envelope
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingError


class Registering(Protocol):
    """What a mobile node's node asks of its registrations, with one home agent after another or
    with several at once; as in `MobileNode`."""

    def send(self, envelope: Envelope, now: float) -> list[Output]: ...

    def fire(self, now: float) -> list[Output]: ...

    def next_timer(self) -> float: ...

    def acknowledged(
        self, agent: NodeId, packet: Packet, message: BindingAcknowledgement, now: float
    ) -> list[Output]: ...

    def refresh_requested(self, agent: NodeId, now: float) -> list[Output]: ...

    def error(self, agent: NodeId, message: BindingError, now: float) -> list[Output]: ...

    def registered(self, agent: NodeId, home_address: IPv6Address) -> IPv6Address | None: ...

    def registered_with(self, agent: NodeId) -> bool: ...

    def registered_until(self, home_address: IPv6Address) -> float | None: ...

    def attachment_of(self, home_address: IPv6Address) -> Attachment | None: ...


def registering(config: MipConfig, mobile_node: MobileNodeId) -> Registering:
    """The registrations of a mobile node, as its profile has it."""
    homes = config.profiles[mobile_node].homes
    if not homes:
        return MobileNode(config, mobile_node)
    roles = {home: MobileNode(_with_one(config, mobile_node, home), mobile_node) for home in homes}
    return SeveralHomeAgents(roles, homes)


def _with_one(config: MipConfig, mobile_node: MobileNodeId, home: NodeId) -> MipConfig:
    profile = config.profiles[mobile_node]
    own = msgspec.structs.replace(
        profile, home_addresses=profile.homes[home], agents=frozenset({home}), homes={}
    )
    return msgspec.structs.replace(
        config,
        agents={home: config.agents[home]},
        profiles={mobile_node: own},
        home_links={mobile_node: str(home)},
    )


class SeveralHomeAgents:
    """Roles by home agent; `homes` are the home addresses with each."""

    def __init__(
        self,
        roles: Mapping[NodeId, MobileNode],
        homes: Mapping[NodeId, tuple[IPv6Address, ...]],
    ) -> None:
        self.roles = roles
        self._by_address = {
            address: roles[home] for home, addresses in homes.items() for address in addresses
        }

    def send(self, envelope: Envelope, now: float) -> list[Output]:
        role = self.roles.get(envelope.receiver.node)
        if role is None:
            fields = {"message": type(envelope.message).__name__}
            return [Complain("no-home-agent", envelope.receiver.node, fields)]
        return role.send(envelope, now)

    def fire(self, now: float) -> list[Output]:
        return [output for role in self.roles.values() for output in role.fire(now)]

    def next_timer(self) -> float:
        return min(role.next_timer() for role in self.roles.values())

    def acknowledged(
        self, agent: NodeId, packet: Packet, message: BindingAcknowledgement, now: float
    ) -> list[Output]:
        return self.roles[agent].acknowledged(agent, packet, message, now)

    def refresh_requested(self, agent: NodeId, now: float) -> list[Output]:
        role = self.roles.get(agent)
        return role.refresh_requested(agent, now) if role is not None else []

    def error(self, agent: NodeId, message: BindingError, now: float) -> list[Output]:
        role = self.roles.get(agent)
        return role.error(agent, message, now) if role is not None else []

    def registered(self, agent: NodeId, home_address: IPv6Address) -> IPv6Address | None:
        role = self.roles.get(agent)
        return role.registered(agent, home_address) if role is not None else None

    def registered_with(self, agent: NodeId) -> bool:
        role = self.roles.get(agent)
        return role is not None and role.registered_with(agent)

    def registered_until(self, home_address: IPv6Address) -> float | None:
        return self._by_address[home_address].registered_until(home_address)

    def attachment_of(self, home_address: IPv6Address) -> Attachment | None:
        return self._by_address[home_address].attachment_of(home_address)
