"""Round trips of a reference point over the native binding, beside bare asyncio.

An FE_I asks (R_IC PolicyRequest, about 180 octets in its envelope) and an FE_IEC answers
(PolicyAbsent). Two processes on loopback, each with its own event loop:

* native: `NativeTransport` at both ends, so TLS 1.3 with both ends authenticated, sessions
  with liveness, admission of every envelope by certificate and registry, bounded queues;
* bare: the same envelopes as msgpack behind a length over plain TCP, an `asyncio.Protocol` at
  each end and nothing checked. The floor of any binding written with these means.

Latency is measured one at a time, throughput with 64 requests in flight. Both run in turns,
`--rounds` times, and the median of the rounds is printed with the ratio: on a shared machine
the ratio says more than the numbers.

    python benchmarks/reference_point_rpc.py [--requests 20000] [--rounds 3]
"""

import argparse
import asyncio
import logging
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Protocol

from opendmm.authority.material import Roles, generate, load_node, write
from opendmm.bindings.native.codec import LARGEST_FRAME, FrameBuffer, decode, encode
from opendmm.bindings.native.limits import Endpoint
from opendmm.bindings.native.transport import NativeTransport
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import EntityAddress, FunctionalEntity, NodeId
from opendmm.reference_points import r_ic
from opendmm.reference_points.catalogue import Envelope, ReferencePointName

INGRESS = EntityAddress(NodeId("ingress"), FunctionalEntity.FE_I)
CONTROL = EntityAddress(NodeId("control"), FunctionalEntity.FE_IEC)
PREFIX = HomePrefix.parse("2001:db8:a:1::/64")
REQUEST = Envelope(ReferencePointName.R_IC, INGRESS, CONTROL, r_ic.PolicyRequest(prefix=PREFIX))
ANSWER = Envelope(
    ReferencePointName.R_IC, CONTROL, INGRESS, r_ic.PolicyAbsent(prefix=PREFIX, retry_after=30.0)
)
LOOPBACK = "::1"
IN_FLIGHT = 64

Send = Callable[[Envelope], None]


class Asker:
    """Keeps a number of requests in flight and notes how long each took."""

    def __init__(self, requests: int, in_flight: int) -> None:
        self._left = requests
        self._in_flight = min(requests, in_flight)
        self._began: list[float] = []
        self._answers = 0
        self._requests = requests
        self.latencies: list[float] = []
        self.done = asyncio.Event()

    def start(self, send: Send) -> None:
        self._send = send
        for _ in range(self._in_flight):
            self._ask()

    def answered(self) -> None:
        self.latencies.append(time.perf_counter() - self._began[self._answers])
        self._answers += 1
        if self._left:
            self._ask()
        elif self._answers == self._requests:
            self.done.set()

    def _ask(self) -> None:
        self._left -= 1
        self._began.append(time.perf_counter())
        self._send(REQUEST)


class Client(Protocol):
    """One way to reach the answering process."""

    asker: Asker | None
    send: Send


class Figures:
    """What one measurement gave."""

    def __init__(self, rate: float, p50: float, p99: float) -> None:
        self.rate, self.p50, self.p99 = rate, p50, p99


async def measure(client: Client, requests: int) -> Figures:
    """Latency one at a time, then throughput with many in flight."""
    alone = client.asker = Asker(max(requests // 10, 100), 1)
    alone.start(client.send)
    await alone.done.wait()
    many = client.asker = Asker(requests, IN_FLIGHT)
    began = time.perf_counter()
    many.start(client.send)
    await many.done.wait()
    rate = requests / (time.perf_counter() - began)
    percentiles = statistics.quantiles(alone.latencies, n=100)
    return Figures(rate, percentiles[49], percentiles[98])


# Native


class NativeAnswerer:
    def __init__(self) -> None:
        self.transport: NativeTransport

    def receive(self, envelopes: Sequence[Envelope]) -> None:
        for _ in envelopes:
            self.transport.send(ANSWER)

    def peer(self, node: NodeId, reachable: bool) -> None:
        """Nobody to tell."""


class NativeClient:
    def __init__(self) -> None:
        self.asker: Asker | None = None
        self.send: Send = lambda _envelope: None
        self.connected = asyncio.Event()

    def receive(self, envelopes: Sequence[Envelope]) -> None:
        for _ in envelopes:
            if self.asker is not None:
                self.asker.answered()

    def peer(self, node: NodeId, reachable: bool) -> None:
        if reachable and node == CONTROL.node:
            self.connected.set()


async def answer_natively(folder: Path, tell: Callable[[int], None]) -> None:
    own = load_node(folder, CONTROL.node, time.time())
    answerer = NativeAnswerer()
    answerer.transport = NativeTransport(
        own.tls, own.authority.registry, answerer, addresses={}, listen=Endpoint(LOOPBACK, 0)
    )
    await answerer.transport.start()
    tell(answerer.transport.port)
    await asyncio.Event().wait()


async def ask_natively(folder: Path, port: int, requests: int) -> Figures:
    own = load_node(folder, INGRESS.node, time.time())
    client = NativeClient()
    transport = NativeTransport(
        own.tls,
        own.authority.registry,
        client,
        addresses={CONTROL.node: Endpoint(LOOPBACK, port)},
        peers=frozenset({CONTROL.node}),
        listen=None,
    )
    client.send = transport.send
    await transport.start()
    await client.connected.wait()
    try:
        return await measure(client, requests)
    finally:
        await transport.close()


# Bare


class BareProtocol(asyncio.Protocol):
    """Envelopes over TCP; `received` is called for each."""

    def __init__(self, received: Callable[[], None]) -> None:
        self._received = received
        self._frames = FrameBuffer()
        self._frames.largest = LARGEST_FRAME
        self._pieces: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._frames.feed(data)
        for content in self._frames.contents():
            decode(content)
            self._received()

    def send(self, envelope: Envelope) -> None:
        if not self._pieces:
            asyncio.get_running_loop().call_soon(self._flush)
        self._pieces.append(encode(envelope))

    def _flush(self) -> None:
        self._transport.write(b"".join(self._pieces))
        self._pieces.clear()


class BareClient:
    def __init__(self) -> None:
        self.asker: Asker | None = None
        self.protocol = BareProtocol(self._answered)
        self.send: Send = self.protocol.send

    def _answered(self) -> None:
        if self.asker is not None:
            self.asker.answered()


async def answer_barely(_folder: Path, tell: Callable[[int], None]) -> None:
    def protocol() -> BareProtocol:
        answering = BareProtocol(lambda: answering.send(ANSWER))
        return answering

    server = await asyncio.get_running_loop().create_server(protocol, LOOPBACK, 0)
    tell(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def ask_barely(_folder: Path, port: int, requests: int) -> Figures:
    client = BareClient()
    await asyncio.get_running_loop().create_connection(lambda: client.protocol, LOOPBACK, port)
    return await measure(client, requests)


# Both

Answer = Callable[[Path, Callable[[int], None]], Awaitable[None]]
Ask = Callable[[Path, int, int], Awaitable[Figures]]
WAYS: dict[str, tuple[Answer, Ask]] = {
    "native": (answer_natively, ask_natively),
    "bare": (answer_barely, ask_barely),
}


def serve(way: str, folder: Path, pipe: Pipe) -> None:
    """The answering process."""
    answer, _ = WAYS[way]
    # Here a session ends when the measurement is over; should it end before, the other says so.
    logging.getLogger("opendmm.native").setLevel(logging.ERROR)

    async def forever() -> None:
        await answer(folder, pipe.send)

    asyncio.run(forever())


def run(way: str, folder: Path, requests: int) -> Figures:
    """One measurement with an answering process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(way, folder, theirs), daemon=True)
    server.start()
    port = ours.recv()
    _, ask = WAYS[way]

    async def asking() -> Figures:
        return await ask(folder, port, requests)

    try:
        return asyncio.run(asking())
    finally:
        server.terminate()
        server.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    roles = {
        INGRESS.node: Roles((FunctionalEntity.FE_I,)),
        CONTROL.node: Roles((FunctionalEntity.FE_IEC,)),
    }
    results: dict[str, list[Figures]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write(generate("benchmark", roles, now=time.time()), folder)
        for _ in range(arguments.rounds):
            for way, figures in results.items():
                figures.append(run(way, folder, arguments.requests))
    medians = {
        way: Figures(
            statistics.median(one.rate for one in figures),
            statistics.median(one.p50 for one in figures),
            statistics.median(one.p99 for one in figures),
        )
        for way, figures in results.items()
    }
    print(f"{'':8}{'round trips/s':>16}{'p50':>12}{'p99':>12}")
    for way, one in medians.items():
        print(f"{way:8}{one.rate:16,.0f}{one.p50 * 1e3:9.3f} ms{one.p99 * 1e3:9.3f} ms")
    native, bare = medians["native"], medians["bare"]
    print(
        f"{'ratio':8}{native.rate / bare.rate:16.2f}"
        f"{native.p50 / bare.p50:12.2f}{native.p99 / bare.p99:12.2f}"
    )


if __name__ == "__main__":
    main()
