"""Where a mobile node's connection comes in, as the kernel knows it."""

import ipaddress
import socket

from opendmm.bindings.native.admission import AccessLink
from opendmm.forwarding.netlink.attributes import MessageFlag, attribute, message
from opendmm.forwarding.netlink.neighbour import (
    NDMSG,
    RTM_GETNEIGH,
    NeighbourAttribute,
    parse_neighbour,
)
from opendmm.forwarding.netlink.route import AF_INET6
from opendmm.forwarding.netlink.socket import NetlinkError, NetlinkSocket


def kernel_access_link(peer: tuple[object, ...]) -> AccessLink | None:
    """The access link of a connection from this socket address; None when it is on no link.

    Only a link-local IPv6 address is on a link for certain: anything else may have been
    forwarded. The link-layer address is the kernel's neighbour entry for it.
    """
    if len(peer) != 4:
        return None
    host, _, _, scope = peer
    address = ipaddress.ip_address(str(host).partition("%")[0])
    if not (isinstance(scope, int) and scope and address.is_link_local):
        return None
    try:
        return AccessLink(socket.if_indextoname(scope), _link_layer_id(scope, address.packed))
    except OSError:
        # The link went away between the message and now: so did the mobile node.
        return None


def _link_layer_id(interface: int, address: bytes) -> bytes:
    """Empty when the kernel has no entry (a link without link-layer addresses)."""
    question = NDMSG.pack(AF_INET6, 0, interface, 0, 0, 0)
    question += attribute(NeighbourAttribute.DESTINATION, address)
    netlink = NetlinkSocket()
    try:
        answer = netlink.request(message(RTM_GETNEIGH, MessageFlag.REQUEST, question))
    except NetlinkError:
        return b""
    finally:
        netlink.close()
    return parse_neighbour(answer).link_layer_address
