"""All TCP sessions of one node: content that can be checked octet by octet, at a steady rate.

`python -m opendmm.lab.traffic.tcp PLAN RESULT`. The mobile node connects from its home
address; each side sends a pseudo-random pattern and closes; a session has survived when
both sides have received all that the other sent, unaltered.
"""

import asyncio
import contextlib
import os
import random
import sys
import time
from pathlib import Path

import msgspec

from opendmm.lab.traffic.plan import TcpPlan, TcpResult, TcpStream, await_opening, write

PATTERN = random.Random(7333).randbytes(1 << 20)
"""What is sent over and over."""

TICK = 0.005
"""Seconds between writes."""

CHUNK = 65_536
PATIENCE = 5.0
"""Seconds a connection attempt may take."""


class _Checker:
    """Compares what arrives with the pattern, and remembers the longest wait for it."""

    def __init__(self, began: float) -> None:
        self.received = 0
        self.intact = True
        self.longest_stall = 0.0
        self._last = began

    def take(self, data: bytes) -> None:
        now = time.time()
        self.longest_stall = max(self.longest_stall, now - self._last)
        self._last = now
        while data:
            position = self.received % len(PATTERN)
            expected = PATTERN[position : position + len(data)]
            if data[: len(expected)] != expected:
                self.intact = False
            self.received += len(expected)
            data = data[len(expected) :]


async def _send(writer: asyncio.StreamWriter, stream: TcpStream, stops_at: float) -> int:
    """The pattern at the session's rate until `stops_at`, then end of stream; the octets sent."""
    sent = 0
    while (now := time.time()) < stops_at:
        due = int((now - stream.starts_at) * stream.rate / 8) - sent
        while due > 0:
            position = sent % len(PATTERN)
            piece = PATTERN[position : position + min(due, CHUNK)]
            writer.write(piece)
            sent += len(piece)
            due -= len(piece)
        await writer.drain()
        await asyncio.sleep(TICK)
    writer.write_eof()
    return sent


async def _receive(reader: asyncio.StreamReader, checker: _Checker) -> None:
    while data := await reader.read(CHUNK):
        checker.take(data)


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, plan: TcpPlan, stream: TcpStream
) -> TcpResult:
    sends = stream.down if plan.serving else stream.up
    expects = stream.up if plan.serving else stream.down
    checker = _Checker(max(time.time(), stream.starts_at))
    sent, error = 0, ""
    try:
        async with asyncio.timeout(plan.until - time.time()):
            receiving = asyncio.create_task(_receive(reader, checker))
            if sends:
                sent = await _send(writer, stream, plan.stops_at)
            else:
                writer.write_eof()
            await receiving
            writer.close()
            await writer.wait_closed()
    except TimeoutError:
        error = "no end of stream in time"
    except OSError as problem:
        error = str(problem)
    writer.transport.abort()
    return TcpResult(
        session=stream.session,
        sent=sent,
        received=checker.received,
        intact=checker.intact,
        longest_stall=checker.longest_stall if expects else 0.0,
        error=error,
    )


def _failed(session: int, error: str) -> TcpResult:
    return TcpResult(session, 0, 0, True, 0.0, error)


async def _serve(plan: TcpPlan) -> list[TcpResult]:
    results: list[TcpResult] = []
    done = asyncio.Event()
    servers = []
    for stream in plan.streams:

        async def accept(
            reader: asyncio.StreamReader,
            writer: asyncio.StreamWriter,
            stream: TcpStream = stream,
        ) -> None:
            results.append(await _converse(reader, writer, plan, stream))
            if len(results) == len(plan.streams):
                done.set()

        servers.append(await asyncio.start_server(accept, stream.server, stream.port))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(plan.until - time.time() + 0.5):
            await done.wait()
    for server in servers:
        server.close()
    missing = {stream.session for stream in plan.streams} - {one.session for one in results}
    nobody = "the mobile node never connected"
    return results + [_failed(session, nobody) for session in sorted(missing)]


async def _connect(plan: TcpPlan, stream: TcpStream) -> TcpResult:
    await asyncio.sleep(max(0.0, stream.starts_at - time.time()))
    try:
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(stream.server, stream.port, local_addr=(stream.client, 0)),
            PATIENCE,
        )
    except (OSError, TimeoutError) as problem:
        why = str(problem) or "no answer"
        return _failed(stream.session, f"cannot connect: {why}")
    return await _converse(reader, writer, plan, stream)


async def _connect_all(plan: TcpPlan) -> list[TcpResult]:
    return await asyncio.gather(*(_connect(plan, stream) for stream in plan.streams))


def main() -> None:
    """Entry point of the process."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=TcpPlan)
    with contextlib.suppress(OSError):
        os.nice(-5)
    plan = plan.opened(*await_opening())
    write(Path(sys.argv[2]), asyncio.run(_serve(plan) if plan.serving else _connect_all(plan)))


if __name__ == "__main__":
    main()
