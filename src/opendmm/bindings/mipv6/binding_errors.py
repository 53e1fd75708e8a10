"""Binding Errors and ICMPv6 errors, to whoever sends what cannot be processed (RFC 6275 §9.3.3).

Their receiver has proved nothing, so they are as few as ICMPv6 errors would be.
"""

from ipaddress import IPv6Address

from opendmm.bindings.mipv6.addresses import routable
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mipv6.token_bucket import TokenBucket
from opendmm.bindings.mipv6.wire_form import assemble
from opendmm.bindings.mobility.problems import ParameterProblem
from opendmm.wire.mobility.binding import BindingError
from opendmm.wire.mobility.codec import encode
from opendmm.wire.mobility.numbers import MOBILITY_HEADER, BindingErrorStatus

UNSPECIFIED = IPv6Address("::")


class BindingErrors:
    """Of one node."""

    def __init__(self) -> None:
        self._bucket = TokenBucket()

    def unknown_binding(
        self, source: IPv6Address, destination: IPv6Address, home_address: IPv6Address, now: float
    ) -> list[Packet]:
        """For a packet with a Home Address option that no binding allows (§9.3.1).

        `source` is as on the wire, before the option was processed.
        """
        return self._error(
            BindingErrorStatus.UNKNOWN_BINDING, source, destination, home_address, now
        )

    def unrecognised(self, packet: Packet, now: float) -> list[Packet]:
        """For a Mobility Header of unknown type (§9.2)."""
        home_address = packet.home_address or UNSPECIFIED
        return self._error(
            BindingErrorStatus.UNRECOGNIZED_MH_TYPE,
            packet.source,
            packet.receiver,
            home_address,
            now,
        )

    def wrong_field(self, packet: Packet, offset: int, now: float) -> list[ParameterProblem]:
        """An ICMPv6 error for a Mobility Header of which an octet is wrong (§9.2)."""
        if not routable(packet.source) or not self._bucket.take(now):
            return []
        whole = assemble(
            packet.source,
            packet.destination,
            MOBILITY_HEADER,
            packet.data,
            home_address=packet.home_address,
            routed_to=packet.routed_to,
        )
        return [
            ParameterProblem(
                source=packet.destination,
                to=packet.source,
                pointer=len(whole) - len(packet.data) + offset,
                invoking=whole,
            )
        ]

    def _error(
        self,
        status: BindingErrorStatus,
        source: IPv6Address,
        destination: IPv6Address,
        home_address: IPv6Address,
        now: float,
    ) -> list[Packet]:
        if not routable(source) or not self._bucket.take(now):
            return []
        error = BindingError(status=status, home_address=home_address)
        data = encode(error, destination, source)
        return [Packet(source=destination, destination=source, data=data)]
