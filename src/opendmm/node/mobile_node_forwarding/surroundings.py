"""What a mobile node's kernel knows of the links it is a guest on."""

import ipaddress

import msgspec

from opendmm.forwarding.kernel.conventions import PROTOCOL
from opendmm.forwarding.kernel.errors import RefusedError
from opendmm.forwarding.netlink.address import dump_addresses, parse_address
from opendmm.forwarding.netlink.attributes import integer, parse
from opendmm.forwarding.netlink.link import IFINFOMSG, LinkAttribute, dump_links, parse_link
from opendmm.forwarding.netlink.route import AF_INET6, TABLE_MAIN, dump_routes, parse_route
from opendmm.forwarding.netlink.socket import NetlinkSocket

ANCHOR = ipaddress.ip_address("fe80::1").packed
"""What anchors answer to on their access links."""
LEAST_MTU = 1280


class Visited(msgspec.Struct, frozen=True):
    """A link with a care-of address: the interface's index, its MTU in octets, and the packed
    address of the router there."""

    interface: int
    mtu: int
    router: bytes


def visited(netlink: NetlinkSocket, care_of: bytes) -> Visited:
    """The link that has this address. Raises RefusedError when none has."""
    for body in netlink.dump(dump_addresses()):
        address = parse_address(body)
        if address is not None and address.address == care_of:
            interface = address.interface
            return Visited(interface, _mtu(netlink, interface), _router(netlink, interface))
    raise RefusedError(f"no interface has the care-of address {ipaddress.IPv6Address(care_of)}")


def _mtu(netlink: NetlinkSocket, interface: int) -> int:
    for body in netlink.dump(dump_links()):
        if parse_link(body).index == interface:
            return integer(parse(body[IFINFOMSG.size :]).get(LinkAttribute.MTU, b"")) or LEAST_MTU
    return LEAST_MTU


def _router(netlink: NetlinkSocket, interface: int) -> bytes:
    """Its default router by Router Advertisement or configuration (RFC 4861 §6.3.4)."""
    routes = map(parse_route, netlink.dump(dump_routes(AF_INET6, table=TABLE_MAIN)))
    found = [
        (route.form.metric, route.form.gateway)
        for route in routes
        if not route.length
        and route.form.output == interface
        and route.form.gateway
        and route.form.protocol != PROTOCOL
    ]
    return min(found)[1] if found else ANCHOR
