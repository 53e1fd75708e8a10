"""What routing daemons have put into this kernel for prefixes that move."""

from collections.abc import Sequence

from opendmm.forwarding.kernel.conventions import PROTOCOL
from opendmm.forwarding.netlink.route import (
    AF_INET,
    AF_INET6,
    TABLE_MAIN,
    Route,
    dump_routes,
    parse_route,
)
from opendmm.forwarding.netlink.socket import NetlinkSocket
from opendmm.model.addressing import HomePrefix


def followed(pools: Sequence[HomePrefix]) -> list[HomePrefix]:
    """The parts of mobility anchors' pools that this kernel has routes to: what mobility costs a
    router besides the pools. Raises OSError."""
    kernel = NetlinkSocket()
    try:
        routes = [
            parse_route(body)
            for family in (AF_INET6, AF_INET)
            for body in kernel.dump(dump_routes(family, table=TABLE_MAIN))
        ]
    finally:
        kernel.close()
    moved = (moved_prefix(pools, route) for route in routes)
    return sorted(prefix for prefix in moved if prefix is not None)


def moved_prefix(pools: Sequence[HomePrefix], route: Route) -> HomePrefix | None:
    """What a route is to, if it is to a part of a pool, and not one of ours."""
    if route.form.table != TABLE_MAIN or route.form.protocol == PROTOCOL:
        return None
    prefix = HomePrefix(route.destination, route.length)
    return prefix if any(p.covers(prefix) and p != prefix for p in pools) else None
