"""A mobile node's links in the laboratory: up, down, and which of them it sends over.

For a mobile node without a client the laboratory is its connection manager; where one runs
on it, the client switches the default route itself.
"""

import ipaddress
import os
from collections.abc import Sequence

from opendmm.constellation.deployment import SubscriberPlan
from opendmm.forwarding.netlink.address import (
    DEPRECATED,
    GLOBAL,
    dump_addresses,
    parse_address,
    put_address,
)
from opendmm.forwarding.netlink.attributes import MessageFlag, message
from opendmm.forwarding.netlink.link import (
    IFINFOMSG,
    RTM_NEWLINK,
    UP,
    find_link,
    parse_link,
)
from opendmm.forwarding.netlink.route import TABLE_MAIN, RouteForm, put_route
from opendmm.forwarding.netlink.socket import NetlinkSocket
from opendmm.lab.errors import LabError
from opendmm.lab.namespaces import Namespaces, inside
from opendmm.lab.network import MOBILE_IPV6, carrier_commands, router_of
from opendmm.model.identity import NodeId
from opendmm.report.report import HostAddress

RTPROT_STATIC = 4
METRIC = 1024


class MobileNodeLinks:
    """The access links of one mobile node, as they are now."""

    def __init__(self, subscriber: SubscriberPlan, namespaces: Namespaces) -> None:
        self.subscriber = subscriber
        self._namespaces = namespaces
        with inside(namespaces.name(subscriber.name)):
            self._netlink = NetlinkSocket()
        self._index: dict[NodeId, int] = {}
        self.up: list[NodeId] = []
        """Anchors whose link is up, the most recent last."""
        for anchor in subscriber.access:
            link = parse_link(self._netlink.request(find_link(anchor)))
            self._index[anchor] = link.index
            if link.up:
                self.up.append(anchor)
            else:
                self._carrier(anchor, "down")

    def attach(self, anchor: NodeId, *, route: bool) -> None:
        """Bring a link up; `route`: send over it from now on."""
        self._execute([_link(self._index[anchor], UP)])
        self._carrier(anchor, "up")
        # IPv6 addresses of a link vanish when it goes down.
        link_local = ipaddress.ip_address(MOBILE_IPV6).packed
        self._execute([put_address(self._index[anchor], link_local, 64)])
        self._visit(anchor)
        self.up.append(anchor)
        if route:
            self.route_over(anchor)

    def _visit(self, access: NodeId) -> None:
        """What a host has of a link where it is a guest: a care-of address and a router."""
        care_of = self.subscriber.care_of
        if access in care_of:
            self._execute([put_address(self._index[access], care_of[access].address, 128)])
        if care_of:
            router = ipaddress.ip_address(router_of(self.subscriber, access)).packed
            route = _default_route(16, router, self._index[access], METRIC + self._index[access])
            self._execute([route])

    def route_over(self, anchor: NodeId) -> None:
        """Default routes over a link, in place."""
        router = ipaddress.ip_address(router_of(self.subscriber, anchor)).packed
        self._execute([_default_route(size, router, self._index[anchor]) for size in (16, 4)])

    def detach(self, anchor: NodeId) -> None:
        """Take a link down."""
        self._carrier(anchor, "down")
        self._execute([_link(self._index[anchor], 0)])
        self.up.remove(anchor)

    def detach_others(self, anchor: NodeId | None) -> None:
        """Take every link down but one."""
        for other in [link for link in self.up if link != anchor]:
            self.detach(other)

    def addresses(self) -> tuple[HostAddress, ...]:
        """What the mobile node has made out of advertised prefixes, the preferred ones first."""
        found: dict[str, bool] = {}
        for body in self._netlink.dump(dump_addresses()):
            entry = parse_address(body)
            if entry is None or entry.scope != GLOBAL:
                continue
            if entry.interface in self._index.values():
                address = str(ipaddress.ip_address(entry.address))
                deprecated = bool(entry.flags & DEPRECATED)
                found[address] = deprecated and found.get(address, True)
        ordered = sorted(found.items(), key=lambda entry: (entry[1], entry[0]))
        return tuple(HostAddress(address, deprecated) for address, deprecated in ordered)

    def close(self) -> None:
        self._netlink.close()

    def _execute(self, messages: Sequence[bytes]) -> None:
        for refusal in self._netlink.execute(messages).values():
            raise LabError(f"{self.subscriber.name}: the kernel refused: {refusal.text}")

    def _carrier(self, anchor: NodeId, state: str) -> None:
        relay = carrier_commands(self._namespaces, self.subscriber.name, anchor)
        if relay.exists():
            # Never waits: a relay that is gone is an error, not a reason to stand still.
            pipe = os.open(relay, os.O_WRONLY | os.O_NONBLOCK)
            os.write(pipe, f"{state}\n".encode())
            os.close(pipe)


def _link(index: int, flags: int) -> bytes:
    return message(RTM_NEWLINK, MessageFlag.REQUEST, IFINFOMSG.pack(0, 0, index, flags, UP))


def _default_route(size: int, router: bytes, index: int, metric: int = METRIC) -> bytes:
    """IPv4 goes by the anchor's IPv6 address, too (RFC 8950): one neighbour to resolve."""
    ipv6 = size == 16
    form = RouteForm(
        table=TABLE_MAIN,
        protocol=RTPROT_STATIC,
        metric=metric,
        output=index,
        gateway=router if ipv6 else b"",
        via=b"" if ipv6 else router,
    )
    return put_route(bytes(size), 0, form)
