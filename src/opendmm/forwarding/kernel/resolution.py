"""The next hop toward a locator, as the kernel's own routing has it at this moment."""

from opendmm.forwarding.kernel.conventions import PROTOCOL
from opendmm.forwarding.kernel.errors import RefusedError
from opendmm.forwarding.netlink.next_hop import NextHop
from opendmm.forwarding.netlink.route import AF_INET, AF_INET6, RouteType, parse_route, resolve
from opendmm.forwarding.netlink.socket import NetlinkError, NetlinkSocket
from opendmm.model.addressing import Locator


def gateway_to(socket: NetlinkSocket, locator: Locator, identifier: int) -> NextHop:
    """A next hop object to the gateway toward a locator; the locator itself when on link.

    Raises RefusedError when the locator is unreachable or this node's own.
    """
    try:
        route = parse_route(socket.request(resolve(locator.address)))
    except NetlinkError as problem:
        raise RefusedError(f"no route to {locator}: {problem.strerror}") from problem
    if route.form.kind is not RouteType.UNICAST or not route.form.output:
        raise RefusedError(f"no next hop to {locator}: it is this node's own or unreachable")
    return NextHop(
        identifier,
        AF_INET6 if locator.is_ipv6 else AF_INET,
        PROTOCOL,
        route.form.output,
        gateway=route.form.gateway or locator.address,
    )
