"""A mobile node's links in the laboratory: up, down, and which of them it sends over.

For a mobile node without a client the laboratory is its connection manager; where one runs
on it, the client switches the default route itself.
"""

import os
from typing import Any

from pyroute2 import IPRoute

from opendmm.constellation.deployment import SubscriberPlan
from opendmm.lab.namespaces import Namespaces
from opendmm.lab.network import ANCHOR_IPV4, ANCHOR_IPV6, MOBILE_IPV6, carrier_commands
from opendmm.model.identity import NodeId

IFF_UP = 0x1
IFA_F_NODAD = 0x02
RTNH_F_ONLINK = 0x04


class MobileNodeLinks:
    """The access links of one mobile node, as they are now."""

    def __init__(self, subscriber: SubscriberPlan, namespaces: Namespaces) -> None:
        self.subscriber = subscriber
        self._namespaces = namespaces
        # Its methods are made at run time; no type describes them.
        self._netlink: Any = IPRoute(netns=namespaces.name(subscriber.name))
        self._index: dict[NodeId, int] = {}
        self.up: list[NodeId] = []
        for anchor in subscriber.access:
            link = self._netlink.link("get", ifname=str(anchor))[0]
            self._index[anchor] = link["index"]
            if link["flags"] & IFF_UP:
                self.up.append(anchor)
            else:
                self._carrier(anchor, "down")

    def attach(self, anchor: NodeId, *, route: bool) -> None:
        """Bring a link up; `route`: send over it from now on."""
        self._netlink.link("set", index=self._index[anchor], state="up")
        self._carrier(anchor, "up")
        # IPv6 addresses of a link vanish when it goes down.
        self._netlink.addr(
            "replace",
            index=self._index[anchor],
            address=MOBILE_IPV6,
            prefixlen=64,
            flags=IFA_F_NODAD,
        )
        self.up.append(anchor)
        if route:
            self.route_over(anchor)

    def route_over(self, anchor: NodeId) -> None:
        """Default routes over a link, in place."""
        index = self._index[anchor]
        self._netlink.route("replace", dst="::/0", gateway=ANCHOR_IPV6, oif=index)
        self._netlink.route(
            "replace", dst="0.0.0.0/0", gateway=ANCHOR_IPV4, oif=index, flags=RTNH_F_ONLINK
        )

    def detach(self, anchor: NodeId) -> None:
        """Take a link down."""
        self._carrier(anchor, "down")
        self._netlink.link("set", index=self._index[anchor], state="down")
        self.up.remove(anchor)

    def detach_others(self, anchor: NodeId | None) -> None:
        """Take every link down but one."""
        for other in [link for link in self.up if link != anchor]:
            self.detach(other)

    def close(self) -> None:
        self._netlink.close()

    def _carrier(self, anchor: NodeId, state: str) -> None:
        relay = carrier_commands(self._namespaces, self.subscriber.name, anchor)
        if relay.exists():
            # Never waits: a relay that is gone is an error, not a reason to stand still.
            pipe = os.open(relay, os.O_WRONLY | os.O_NONBLOCK)
            os.write(pipe, f"{state}\n".encode())
            os.close(pipe)
