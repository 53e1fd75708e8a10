"""What routers that are not ours have in their kernels for prefixes that move.

Their daemons say nothing of when a route is in place; the kernel does, to whoever listens.
"""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator

from opendmm.constellation.bgp import forwarders
from opendmm.constellation.deployment import Deployment
from opendmm.forwarding.kernel.followed import followed, moved_prefix
from opendmm.forwarding.netlink.attributes import HEADER
from opendmm.forwarding.netlink.route import RTM_DELROUTE, RTM_NEWROUTE, parse_route
from opendmm.forwarding.netlink.socket import NETLINK_ROUTE, SO_RCVBUFFORCE
from opendmm.lab.namespaces import Namespaces, inside
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.report.trace import TraceKind, TraceRecord

IPV4_ROUTES, IPV6_ROUTES = 0x40, 0x400
"""Of the multicast groups of rtnetlink: RTMGRP_IPV4_ROUTE and RTMGRP_IPV6_ROUTE."""
BUFFER = 16 << 20
LARGEST = 1 << 18
PAUSE = 0.2
"""Seconds within which the thread notices that it is to end."""


def routers_of(deployment: Deployment) -> list[NodeId]:
    """The routers that are not ours and forward."""
    told = forwarders(deployment)
    return [name for name, plan in deployment.nodes.items() if plan.router and name in told]


def moved_routes(deployment: Deployment, namespaces: Namespaces) -> dict[NodeId, list[HomePrefix]]:
    """The routes that mobility costs each router now."""
    found: dict[NodeId, list[HomePrefix]] = {}
    for name in routers_of(deployment):
        with inside(namespaces.name(name)):
            found[name] = followed(deployment.pools)
    return found


class RouteWatch(threading.Thread):
    """Listens to every router's kernel; `records` is the trace of their routes."""

    def __init__(self, deployment: Deployment, namespaces: Namespaces) -> None:
        super().__init__(name="routes", daemon=True)
        self.records: list[TraceRecord] = []
        self._pools = deployment.pools
        self._over = False
        self._sockets = {_listening(namespaces.name(name)): name for name in routers_of(deployment)}

    def run(self) -> None:
        while not self._over and self._sockets:
            for ready in select.select(self._sockets, [], [], PAUSE)[0]:
                at = time.time()
                # What a buffer could not hold is lost for the report alone.
                with contextlib.suppress(OSError):
                    data = ready.recv(LARGEST)
                    self.records += self._told(self._sockets[ready], data, at)

    def close(self) -> None:
        """Listen no longer."""
        self._over = True
        if self.is_alive():
            self.join()
        for one in self._sockets:
            one.close()

    def _told(self, node: NodeId, data: bytes, at: float) -> Iterator[TraceRecord]:
        offset = 0
        while offset + HEADER.size <= len(data):
            size, kind, *_ = HEADER.unpack_from(data, offset)
            body = data[offset + HEADER.size : offset + size]
            offset += (size + 3) & ~3
            if kind not in (RTM_NEWROUTE, RTM_DELROUTE):
                continue
            prefix = moved_prefix(self._pools, parse_route(body))
            if prefix is not None:
                happened = "put" if kind == RTM_NEWROUTE else "deleted"
                yield TraceRecord(
                    at=at,
                    node=node,
                    kind=TraceKind.ROUTE,
                    text=f"route to {prefix} {happened}",
                    fields={"prefix": str(prefix), "action": happened},
                )


def _listening(namespace: str) -> socket.socket:
    with inside(namespace):
        listening = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)
    with contextlib.suppress(PermissionError):
        listening.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    listening.bind((0, IPV4_ROUTES | IPV6_ROUTES))
    return listening
