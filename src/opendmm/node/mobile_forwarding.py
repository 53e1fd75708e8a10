"""The forwarding of a mobile node (FE_MU_U): its default routes point to one anchor.

FE_MU_C asks for a rule whose prefix is everything (::/0, 0.0.0.0/0) in the uplink table and
whose action is the interface to use. Every anchor answers to the same addresses on its access
links (RFC 6543 §3 does so for Proxy Mobile IPv6), so only the interface changes, in place.
"""

import ipaddress
import socket
from collections.abc import Sequence

from opendmm.forwarding.contract import Capabilities, Counter, Installed
from opendmm.forwarding.kernel.conventions import METRIC, PROTOCOL
from opendmm.forwarding.netlink.attributes import PUT, MessageFlag, attribute, message, u32
from opendmm.forwarding.netlink.route import (
    AF_INET,
    AF_INET6,
    RTM_DELROUTE,
    RTM_NEWROUTE,
    RTMSG,
    TABLE_MAIN,
    RouteAttribute,
    RouteType,
    dump_routes,
    parse_route,
)
from opendmm.forwarding.netlink.socket import NetlinkSocket
from opendmm.model.addressing import HomePrefix
from opendmm.model.rules import Access, Change, RuleKey, Table

ANCHOR_ADDRESSES = {16: "fe80::1", 4: "169.254.0.1"}
RTNH_F_ONLINK = 4
"""The gateway is on the link although no route of ours says so."""


class MobileNodeForwarding:
    """Default routes of one mobile node. Bound to the caller's network namespace."""

    def __init__(self) -> None:
        self._socket = NetlinkSocket()

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("mobile-node", ipv4=True, ipv6=True, overhead=0, counters=False)

    def start(self) -> None:
        """Nothing to set up."""

    def apply(self, changes: Sequence[Change]) -> list[str]:
        """Carry out a batch in order; for each change an error text, empty on success."""
        return [self._change(change) for change in changes]

    def installed(self) -> list[Installed]:
        """Our default routes."""
        found = []
        for family in (AF_INET6, AF_INET):
            for body in self._socket.dump(dump_routes(family, PROTOCOL, TABLE_MAIN)):
                route = parse_route(body)
                if route.length == 0 and route.form.protocol == PROTOCOL:
                    key = RuleKey(Table.UPLINK, HomePrefix(route.destination, 0))
                    found.append(Installed(key, Access(_name(route.form.output), b"")))
        return found

    def counters(self) -> list[Counter]:
        """Routes do not count."""
        return []

    def close(self, *, remove: bool) -> None:
        """Stop; with `remove` take the default routes away."""
        if remove:
            self.apply([Change(rule.key, None) for rule in self.installed()])
        self._socket.close()

    def _change(self, change: Change) -> str:
        if change.key.table is not Table.UPLINK or change.key.prefix.length:
            return f"a mobile node has default routes only, no rule {change.key}"
        size = len(change.key.prefix.network)
        if change.action is None:
            refused = self._socket.execute([_default_route(RTM_DELROUTE, size, 0)])
        elif isinstance(change.action, Access):
            try:
                index = socket.if_nametoindex(change.action.interface)
            except OSError as error:
                return f"interface {change.action.interface}: {error}"
            refused = self._socket.execute([_default_route(RTM_NEWROUTE, size, index)])
        else:
            return f"a mobile node cannot do {change.action}"
        return refused[0].text if refused else ""


def _default_route(kind: int, size: int, index: int) -> bytes:
    family = AF_INET6 if size == 16 else AF_INET
    flags = RTNH_F_ONLINK if index else 0
    body = RTMSG.pack(family, 0, 0, 0, TABLE_MAIN, PROTOCOL, 0, RouteType.UNICAST, flags)
    body += u32(RouteAttribute.PRIORITY, METRIC)
    if index:
        gateway = ipaddress.ip_address(ANCHOR_ADDRESSES[size]).packed
        body += attribute(RouteAttribute.GATEWAY, gateway) + u32(RouteAttribute.OUTPUT, index)
    return message(kind, PUT if kind == RTM_NEWROUTE else MessageFlag.REQUEST, body)


def _name(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return f"#{index}"
