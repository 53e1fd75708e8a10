"""One link between two namespaces: its pair of devices, and what spoils it.

A veth pair with distinct interface indexes at its ends: where they are equal, the kernel
takes carrier changes for not urgent and tells of them up to a second late. Delay is netem's
where the kernel has it, else a relayed pair of TAPs; the rate is a token bucket, the loss an
nftables rule at the receiver.
"""

import subprocess
from pathlib import Path

import msgspec

from opendmm.lab.dropping import drop_arriving
from opendmm.lab.namespaces import Namespaces, configure, execute
from opendmm.lab.relaying import RelayProcess

RESOLUTION = 100_000
"""Of the loss: one packet in so many."""
QUEUE = 100_000
"""Packets that may be under way: a fast link with delay holds many."""


class LinkEnd(msgspec.Struct, frozen=True):
    """A device, by the node it is on and its name there."""

    node: str
    interface: str


class Impairment(msgspec.Struct, frozen=True):
    """One way: delay in seconds, rate in bit/s (0: unlimited), share of packets lost."""

    delay: float = 0.0
    rate: float = 0.0
    loss: float = 0.0


def join(
    namespaces: Namespaces,
    ends: tuple[LinkEnd, LinkEnd],
    indexes: tuple[int, int],
    impairment: Impairment,
    *,
    relay: RelayProcess | None,
    commands: Path | None = None,
) -> None:
    """Make the two devices, down.

    `relay` delays what is to be delayed (None: the kernel does); `commands` is where it is to
    be told of the carrier. Raises LabError.
    """
    if impairment.delay and relay is not None:
        places = [(namespaces.name(end.node), end.interface) for end in ends]
        relay.join((places[0], places[1]), impairment.delay, commands)
    else:
        a, b = ends
        configure(
            namespaces.name(a.node),
            [
                f"link add {a.interface} index {indexes[0]} type veth peer name {b.interface} "
                f"index {indexes[1]} netns {namespaces.name(b.node)}"
            ],
        )
    for end in ends:
        namespace = namespaces.name(end.node)
        if discipline := _discipline(impairment, netem=relay is None):
            where = ("tc", "qdisc", "add", "dev", end.interface, "root")
            execute(namespace, *where, *discipline)
        if impairment.loss:
            lost = round(impairment.loss * RESOLUTION)
            chance = f"numgen random mod {RESOLUTION} < {lost}"
            drop_arriving(namespace, end.interface, "loss", chance)


def _discipline(impairment: Impairment, *, netem: bool) -> list[str]:
    """Arguments of `tc qdisc add`; none when nothing is to be done."""
    rate = f"{round(impairment.rate)}bit"
    if impairment.delay and netem:
        netem_arguments = ["netem", "delay", f"{impairment.delay * 1e6:.0f}us"]
        limited = ["rate", rate] if impairment.rate else []
        return [*netem_arguments, *limited, "limit", str(QUEUE)]
    if impairment.rate:
        # A hundredth of a second's worth: the kernel refills it once a tick at worst.
        burst = max(64_000, round(impairment.rate / 8 / 100))
        return ["tbf", "rate", rate, "burst", str(burst), "latency", "50ms"]
    return []


def netem_available() -> bool:
    """Whether this kernel can delay packets by itself (CONFIG_NET_SCH_NETEM)."""
    trial = "ip link set lo up && tc qdisc add dev lo root netem delay 1ms"
    command = ["unshare", "--net", "sh", "-c", trial]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
