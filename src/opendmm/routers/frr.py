"""frr.conf: a router or reflector with FRR 8 or later (zebra and bgpd)."""

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

ZEBRA_OPTIONS = ("--v6-rr-semantics",)
"""Replace IPv6 routes in place, rather than delete and add them."""


def frr_conf(speaker: Speaker) -> str:
    """The whole frr.conf, for all of FRR's daemons."""
    return render(
        "frr.conf.j2",
        speaker=speaker,
        families=(IPV6, IPV4),
        number=f"{speaker.as_number}:{MOVE_NUMBER}:",
        options=" ".join(ZEBRA_OPTIONS),
        hold=HOLD,
        keepalive=KEEPALIVE,
        retry=CONNECT_RETRY,
    )
