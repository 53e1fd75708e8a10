"""Care-of addresses and home agents have one label, which nothing else has.

So the kernel prefers the care-of address to other addresses of its link as the source of what
goes to a home agent (RFC 6724 §5 rule 6), and with it of the tunnel's outer header.
"""

from collections.abc import Iterable

from opendmm.forwarding.netlink.address_label import (
    AddressLabel,
    delete_address_label,
    dump_address_labels,
    parse_address_label,
    put_address_label,
)
from opendmm.forwarding.netlink.socket import NetlinkSocket

LABEL = 0x7306


def labelled(netlink: NetlinkSocket) -> set[bytes]:
    """The packed addresses that have it."""
    entries = map(parse_address_label, netlink.dump(dump_address_labels()))
    return {entry.address for entry in entries if entry.label == LABEL}


def give(netlink: NetlinkSocket, addresses: Iterable[bytes]) -> list[bytes]:
    """The messages by which all have it; the kernel would give it to some a second time."""
    return [
        put_address_label(AddressLabel(address, LABEL))
        for address in sorted(set(addresses) - labelled(netlink))
    ]


def take(addresses: Iterable[bytes]) -> list[bytes]:
    """The messages by which none of them has it."""
    return [delete_address_label(AddressLabel(address, LABEL)) for address in addresses]
