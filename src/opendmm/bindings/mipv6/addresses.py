"""Which addresses can be registered, answered, or communicated with."""

from ipaddress import IPv6Address

from opendmm.wire.errors import WireError
from opendmm.wire.layout import unicast_routable


def routable(address: IPv6Address) -> bool:
    """Whether it is a unicast routable address (RFC 6275 §3)."""
    try:
        unicast_routable(address.packed, 0)
    except WireError:
        return False
    return True
