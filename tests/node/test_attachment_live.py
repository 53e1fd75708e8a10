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
from opendmm.node.attachment.kernel_events import KernelEvent, KernelEvents
from opendmm.node.attachment.solicitations import Solicitations

MAC = bytes.fromhex("020000000042")
MN = MobileNodeId("mn1@example.org")

pytestmark = pytest.mark.lab


async def until(reached: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.001)


def test_a_link_coming_up_is_an_attachment_within_milliseconds() -> None:
    async def watch(anchor: str, mobile: str) -> tuple[list[float], list[LinkEvent]]:
        detection = AccessDetection([Subscriber("mn1", MN, MAC)])
        seen: list[tuple[float, LinkEvent]] = []
        complete = asyncio.Event()

        def on_event(event: KernelEvent) -> None:
            found = detection.kernel_event(event, time.monotonic())
            if found is not None:
                seen.append((time.monotonic(), found))

        with inside(anchor):
            events = KernelEvents(on_event, complete.set)
        await complete.wait()
        latencies: list[float] = []
        with inside(mobile):
            # From inside, `ip` starts without a change of namespace: less noise.
            for _ in range(10):
                process = await asyncio.create_subprocess_exec("ip", "link", "set", "radio", "up")
                await process.wait()
                ended = time.monotonic()
                await until(lambda: bool(seen) and isinstance(seen[-1][1], LinkAttached))
                latencies.append(seen[-1][0] - ended)
                process = await asyncio.create_subprocess_exec("ip", "link", "set", "radio", "down")
                await process.wait()
                await until(lambda: isinstance(seen[-1][1], LinkDetached))
        events.close()
        return latencies, [event for _, event in seen]

    with namespaces(2) as (anchor, mobile):
        veth(anchor, "mn1", mobile, "radio")
        sh(f"ip -n {anchor} link set mn1 up")
        latencies, seen = asyncio.run(watch(anchor, mobile))

    assert seen == [LinkAttached(MN, "mn1", MAC), LinkDetached(MN, "mn1")] * 10
    # Generous: measured from the end of `ip`, on a machine shared with other work.
    assert statistics.median(latencies) < 0.02


def test_a_router_solicitation_tells_who_came_to_a_shared_link() -> None:
    async def watch(anchor: str, mobile: str) -> list[LinkEvent]:
        detection = AccessDetection([Subscriber("mn1", MN, MAC)])
        seen: list[LinkEvent] = []
        complete = asyncio.Event()

        def note(found: LinkEvent | None) -> None:
            if found is not None:
                seen.append(found)

        def on_complete() -> None:
            detection.complete = True
            complete.set()

        with inside(anchor):
            events = KernelEvents(
                lambda event: note(detection.kernel_event(event, time.monotonic())), on_complete
            )
            solicitations = Solicitations(
                lambda index, who: note(detection.solicitation(index, who, time.monotonic()))
            )
        await complete.wait()
        # The kernel solicits routers by itself when the link comes up.
        sh(f"ip -n {mobile} link set radio up")
        await until(lambda: bool(seen))
        await asyncio.sleep(0.1)
        events.close()
        solicitations.close()
        return seen

    with namespaces(2) as (anchor, mobile):
        veth(anchor, "wlan0", mobile, "radio")
        sh(f"ip netns exec {anchor} sysctl -qw net.ipv6.conf.all.forwarding=1")
        sh(f"ip netns exec {mobile} sysctl -qw net.ipv6.conf.radio.router_solicitation_delay=0")
        sh(f"ip -n {mobile} link set radio address {MAC.hex(':')}")
        sh(f"ip -n {anchor} link set wlan0 up")
        seen = asyncio.run(watch(anchor, mobile))

    assert seen == [LinkAttached(MN, "wlan0", MAC)]
