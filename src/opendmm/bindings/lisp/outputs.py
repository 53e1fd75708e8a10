"""What LISP has its transport do, beside what every binding has."""

from ipaddress import IPv4Address, IPv6Address

import msgspec

from opendmm.bindings.mobility.outputs import Wanted as WantedOfPeers
from opendmm.model.addressing import HomePrefix

Ip = IPv4Address | IPv6Address


class Send(msgspec.Struct, frozen=True):
    """Octets for an address that is no peer of ours."""

    to: Ip
    port: int
    data: bytes


class Mapped(msgspec.Struct, frozen=True):
    """Packets to a prefix go to an RLOC from now on; None: as if there were no LISP."""

    prefix: HomePrefix
    rloc: IPv6Address | None


Wanted = WantedOfPeers | Send | Mapped
