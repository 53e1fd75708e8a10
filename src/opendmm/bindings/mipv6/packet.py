"""A Mobility Header with what stands around it in its packet."""

from ipaddress import IPv6Address

import msgspec


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """A packet that was received, or is to be sent.

    `source` and `destination` are those of the IPv6 header. With a `home_address` it has a Home
    Address option (RFC 6275 §6.3), and is from there; with `routed_to` a type 2 routing header
    (§6.4), and is for there. `interface` is the link it came by, or must leave by; empty where
    routing decides.
    """

    source: IPv6Address
    destination: IPv6Address
    data: bytes
    home_address: IPv6Address | None = None
    routed_to: IPv6Address | None = None
    interface: str = ""

    @property
    def sender(self) -> IPv6Address:
        """Who it is from: the source of the checksum's pseudo-header (§6.1.1)."""
        return self.home_address or self.source

    @property
    def receiver(self) -> IPv6Address:
        """Who it is for: the destination of the pseudo-header."""
        return self.routed_to or self.destination
