"""Answers to Mobility Headers of peers that cannot be decoded (RFC 6275 §9.2)."""

import math
from ipaddress import IPv6Address

from opendmm.bindings.mobility.association import SecurityAssociation
from opendmm.bindings.mobility.outputs import Complain, Output, Transmit
from opendmm.bindings.mobility.problems import ParameterProblem
from opendmm.model.identity import NodeId
from opendmm.wire.errors import Reaction, WireError
from opendmm.wire.mobility.binding import BindingError
from opendmm.wire.mobility.numbers import BindingErrorStatus

UNSPECIFIED = IPv6Address("::")
BETWEEN_ANSWERS = 1.0
"""Seconds, for one peer: forging is free, answering not."""


class Unreadable:
    """Of one node, whose own address is `address`."""

    def __init__(self, address: IPv6Address) -> None:
        self._address = address
        self._answered: dict[NodeId, float] = {}

    def answer(
        self, association: SecurityAssociation, data: bytes, problem: WireError, now: float
    ) -> list[Output | ParameterProblem]:
        """A Binding Error for an unknown MH Type, an ICMPv6 Parameter Problem for a wrong field."""
        peer = association.peer
        said = Complain("message-malformed", peer, {"why": str(problem)})
        if problem.reaction is Reaction.DISCARD:
            return [said]
        if now - self._answered.get(peer, -math.inf) < BETWEEN_ANSWERS:
            return [said]
        self._answered[peer] = now
        if problem.reaction is Reaction.BINDING_ERROR:
            status = BindingErrorStatus.UNRECOGNIZED_MH_TYPE
            return [said, Transmit(peer, BindingError(status=status, home_address=UNSPECIFIED))]
        wrong = ParameterProblem.in_header(data, problem.offset, association.address, self._address)
        return [said, wrong]
