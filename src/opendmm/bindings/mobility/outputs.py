"""What the pure parts of a Mobility Header binding want done."""

from ipaddress import IPv6Address
from typing import Any

import msgspec

from opendmm.bindings.mobility.problems import ParameterProblem
from opendmm.model.identity import NodeId
from opendmm.reference_points.catalogue import Envelope
from opendmm.wire.mobility.message import MobilityMessage

STRANGER = NodeId("stranger")
"""Whoever is no peer: one name for all, who may be as many as there are addresses."""


class Transmit(msgspec.Struct, frozen=True):
    """Send a message to a node."""

    to: NodeId
    message: MobilityMessage


class Deliver(msgspec.Struct, frozen=True):
    """Hand a reference-point message to the entities of this node."""

    envelope: Envelope


class Complain(msgspec.Struct, frozen=True):
    """Something a person should know of a peer; said once per peer within a while."""

    event: str
    peer: NodeId
    fields: dict[str, Any]


class Reachable(msgspec.Struct, frozen=True):
    """A peer answers (again, after a restart), or does not any more."""

    peer: NodeId
    reachable: bool


class Datagram(msgspec.Struct, frozen=True):
    """Send octets, a Mobility Header, to an address."""

    to: IPv6Address
    data: bytes


Output = Transmit | Deliver | Complain | Reachable
"""What a role wants, in messages."""
Wanted = Datagram | Deliver | Complain | Reachable | ParameterProblem
"""What a node wants, in octets."""
