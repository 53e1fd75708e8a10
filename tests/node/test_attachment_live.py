"""Attachment as the kernel tells it, in real network namespaces."""

import asyncio
import statistics
import time
from collections.abc import Callable

import pytest
from namespaces import inside, namespaces, sh, veth

from opendmm.entities.effects import LinkAttached, LinkDetached
from opendmm.model.identity import MobileNodeId
from opendmm.node.attachment.access import AccessDetection, LinkEvent, Subscriber
from opendmm.node.attachment.watch import Watch

MAC = bytes.fromhex("020000000042")
MN = MobileNodeId("mn1@example.org")

pytestmark = pytest.mark.lab


async def until(reached: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.001)


class Observer:
    """A watch inside a namespace, and what it saw when; complete once it knows the links."""

    def __init__(self, namespace: str, *, absent_too: bool = False) -> None:
        self.seen: list[tuple[float, LinkEvent]] = []
        self.detection = AccessDetection([Subscriber("mn1", MN, MAC)])
        with inside(namespace):
            self.watch = Watch(self.detection, self._note, absent_too=absent_too)

    def _note(self, event: LinkEvent) -> None:
        self.seen.append((time.monotonic(), event))

    @property
    def events(self) -> list[LinkEvent]:
        return [event for _, event in self.seen]

    async def reached(self, count: int) -> None:
        await until(lambda: len(self.seen) == count)

    async def complete(self) -> None:
        await until(lambda: self.detection.complete)


def test_a_link_coming_up_is_an_attachment_within_milliseconds() -> None:
    async def set_radio(state: str) -> float:
        process = await asyncio.create_subprocess_exec("ip", "link", "set", "radio", state)
        await process.wait()
        return time.monotonic()

    async def observe(anchor: str, mobile: str) -> tuple[list[float], list[LinkEvent]]:
        observer = Observer(anchor)
        await observer.complete()
        latencies: list[float] = []
        # From inside, `ip` starts without a change of namespace: less noise.
        with inside(mobile):
            for round_ in range(1, 11):
                ended = await set_radio("up")
                await observer.reached(round_ * 2 - 1)
                latencies.append(observer.seen[-1][0] - ended)
                await set_radio("down")
                await observer.reached(round_ * 2)
        observer.watch.close()
        return latencies, observer.events

    with namespaces(2) as (anchor, mobile):
        veth(anchor, "mn1", mobile, "radio")
        sh(f"ip -n {anchor} link set mn1 up")
        latencies, events = asyncio.run(observe(anchor, mobile))

    assert events == [LinkAttached(MN, "mn1", MAC), LinkDetached(MN, "mn1")] * 10
    # Generous: measured from the end of `ip`, on a machine shared with other work.
    assert statistics.median(latencies) < 0.02


def test_a_router_solicitation_tells_who_came_to_a_shared_link() -> None:
    async def observe(anchor: str, mobile: str) -> list[LinkEvent]:
        observer = Observer(anchor)
        await observer.complete()
        # The kernel solicits routers by itself when the link comes up.
        sh(f"ip -n {mobile} link set radio up")
        await until(lambda: bool(observer.seen))
        await asyncio.sleep(0.1)
        observer.watch.close()
        return observer.events

    with namespaces(2) as (anchor, mobile):
        veth(anchor, "wlan0", mobile, "radio")
        sh(f"ip netns exec {anchor} sysctl -qw net.ipv6.conf.all.forwarding=1")
        sh(f"ip netns exec {mobile} sysctl -qw net.ipv6.conf.radio.router_solicitation_delay=0")
        sh(f"ip -n {mobile} link set radio address {MAC.hex(':')}")
        sh(f"ip -n {anchor} link set wlan0 up")
        events = asyncio.run(observe(anchor, mobile))

    assert events == [LinkAttached(MN, "wlan0", MAC)]


def test_a_departure_that_nobody_watched_is_told_at_the_next_start() -> None:
    async def observe(anchor: str) -> list[LinkEvent]:
        observer = Observer(anchor, absent_too=True)
        await observer.complete()
        observer.watch.close()
        return observer.events

    with namespaces(1) as (anchor,):
        assert asyncio.run(observe(anchor)) == [LinkDetached(MN, "mn1")]
