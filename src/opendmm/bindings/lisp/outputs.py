"""What LISP has its transport do, beside what every binding has."""

from ipaddress import IPv4Address, IPv6Address

import msgspec

from opendmm.bindings.mobility.outputs import Wanted as WantedOfPeers

Ip = IPv4Address | IPv6Address


class Send(msgspec.Struct, frozen=True):
    """Octets for an address that is no peer of ours."""

    to: Ip
    port: int
    data: bytes


Wanted = WantedOfPeers | Send
