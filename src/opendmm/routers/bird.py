"""bird.conf: a router or reflector with BIRD 2, and what announces for an anchor of ours.

BIRD tells kernel routes apart by their protocol number and puts their metric into attributes,
so an anchor announces by setting routes in a table of its own (`ANNOUNCED_TABLE`).
"""

from opendmm.forwarding.kernel.conventions import ANNOUNCED_TABLE, PROTOCOL, RINGS
from opendmm.model.rules import EVERYWHERE
from opendmm.routers.speaker import (
    CONNECT_RETRY,
    HOLD,
    IPV4,
    IPV6,
    KEEPALIVE,
    MOVE_NUMBER,
    Speaker,
)
from opendmm.routers.templates import render

NETLINK_BUFFER = 64 << 20
"""Octets. With the kernel's default, 10 000 routes at once overrun it, and what was lost is only
found by the next scan: tens of seconds in place of a third of one."""
SCAN = 60
"""Seconds between readings of the whole table, in case something was lost nevertheless."""

METRIC = 1024
"""Of routes that BIRD sets on an anchor: after our own rules, before the last resort that keeps
packets of a home pool from leaving it again."""


def bird_conf(speaker: Speaker) -> str:
    """The whole bird.conf."""
    return render(
        "bird.conf.j2",
        speaker=speaker,
        families=(IPV6, IPV4),
        table=ANNOUNCED_TABLE,
        protocol=PROTOCOL,
        rings=RINGS,
        everywhere=EVERYWHERE,
        move_number=MOVE_NUMBER,
        metric=METRIC,
        buffer=NETLINK_BUFFER,
        scan=SCAN,
        hold=HOLD,
        keepalive=KEEPALIVE,
        retry=CONNECT_RETRY,
    )
