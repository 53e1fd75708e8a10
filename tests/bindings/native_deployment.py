"""A small deployment on loopback for the tests of the native binding."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from opendmm.authority.material import (
    Material,
    Roles,
    generate,
    load_mobile_node,
    load_node,
    write,
)
from opendmm.bindings.native.limits import Endpoint, Limits
from opendmm.bindings.native.session import Liveness
from opendmm.bindings.native.transport import NativeTransport
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points import r_xc, r_xu
from opendmm.reference_points.catalogue import Envelope, ReferencePointName

FE = FunctionalEntity
A, B, C, CONTROL = NodeId("anchor-a"), NodeId("anchor-b"), NodeId("anchor-c"), NodeId("control")
MN = MobileNodeId("mn1@example.org")
LOOPBACK = "::1"

ROLES = {
    A: Roles((FE.FE_MCTX, FE.FE_MA_C, FE.FE_E), (HomePrefix.parse("2001:db8:a::/48"),)),
    B: Roles((FE.FE_MCTX, FE.FE_MA_C, FE.FE_E), (HomePrefix.parse("2001:db8:b::/48"),)),
    C: Roles((FE.FE_MCTX, FE.FE_MA_C, FE.FE_E), (HomePrefix.parse("2001:db8:c::/48"),)),
    CONTROL: Roles((FE.FE_IEC,)),
}
QUICK = Limits(
    handshake=1.0, first_retry=0.01, last_retry=0.1, liveness=Liveness(interval=0.2, dead=0.6)
)


def filed(folder: Path, roles: dict[NodeId, Roles] = ROLES, lifetime: float = 3600.0) -> Path:
    """Material of the deployment in a folder, and the folder."""
    write(made(roles, lifetime), folder)
    return folder


def made(roles: dict[NodeId, Roles] = ROLES, lifetime: float = 3600.0) -> Material:
    return generate("test", roles, [MN], now=time.time(), lifetime=lifetime)


class Recorder:
    """A listener that remembers, and wakes who waits for something to have happened."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.peers: list[tuple[NodeId, bool]] = []
        self._news = asyncio.Event()

    def receive(self, envelopes: Sequence[Envelope]) -> None:
        self.envelopes += envelopes
        self._news.set()

    def peer(self, node: NodeId, reachable: bool) -> None:
        self.peers.append((node, reachable))
        self._news.set()

    async def until(self, condition: Callable[["Recorder"], bool], seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition(self):
                self._news.clear()
                await self._news.wait()

    async def reachable(self, node: NodeId, times: int = 1) -> None:
        await self.until(lambda me: me.peers.count((node, True)) >= times)

    async def unreachable(self, node: NodeId) -> None:
        await self.until(lambda me: (node, False) in me.peers)


@asynccontextmanager
async def node(
    folder: Path, name: NodeId, peers: dict[NodeId, int] | None = None, **options: Any
) -> AsyncIterator[tuple[NativeTransport, Recorder]]:
    """A network element's binding on a free port, with the ports of its peers."""
    own = load_node(folder, name, time.time())
    async with _transport(own.tls, own.authority.registry, peers or {}, options) as running:
        yield running


@asynccontextmanager
async def mobile_node(
    folder: Path, peers: dict[NodeId, int], **options: Any
) -> AsyncIterator[tuple[NativeTransport, Recorder]]:
    """A mobile node's binding; nobody dials it."""
    own = load_mobile_node(folder, MN, time.time())
    options["listen"] = None
    async with _transport(own.tls, own.registry, peers, options) as running:
        yield running


@asynccontextmanager
async def _transport(
    tls: Any, registry: Any, peers: dict[NodeId, int], options: dict[str, Any]
) -> AsyncIterator[tuple[NativeTransport, Recorder]]:
    recorder: Recorder = options.pop("listener", None) or Recorder()
    settings = {"listen": Endpoint(LOOPBACK, 0), "limits": QUICK} | options
    transport = NativeTransport(
        tls,
        registry,
        recorder,
        addresses={name: Endpoint(LOOPBACK, port) for name, port in peers.items()},
        peers=frozenset(peers),
        **settings,
    )
    await transport.start()
    try:
        yield transport, recorder
    finally:
        await transport.close()


def at(port: int) -> Endpoint:
    """A port on loopback."""
    return Endpoint(LOOPBACK, port)


def lookup(sender: NodeId, receiver: NodeId, mobile_node: str = MN) -> Envelope:
    """R_XC: an anchor asks an FE_IEC."""
    return Envelope(
        ReferencePointName.R_XC,
        EntityAddress(sender, FE.FE_MCTX),
        EntityAddress(receiver, FE.FE_IEC),
        r_xc.ContextLookup(mobile_node=MobileNodeId(mobile_node)),
    )


def attach(receiver: NodeId, mobile_node: str = MN, **fields: Any) -> Envelope:
    """R_XU: a mobile node says it is attached."""
    return Envelope(
        ReferencePointName.R_XU,
        EntityAddress(NodeId(MN), FE.FE_MU_C),
        EntityAddress(receiver, FE.FE_MCTX),
        r_xu.AttachNotification(mobile_node=MobileNodeId(mobile_node), attached_at=1, **fields),
    )
