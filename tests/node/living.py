"""A daemon that lives in the test's process, with a scripted entity and a kernel in memory."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripted import HERE, IEC, PREFIX, RULE, THERE, Scripted

from opendmm.bindings.native.listening import PortTakenError
from opendmm.entities.effects import Effect, Input, Install, Persist, Started
from opendmm.entities.host import EntityHost
from opendmm.forwarding.memory import MemoryForwarding
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.rules import Action, RuleKey
from opendmm.node.daemon import Daemon, Doors, Renewal
from opendmm.node.role import Role
from opendmm.reference_points.catalogue import Envelope
from opendmm.store.embedded import EmbeddedStore


class NoTransport:
    """A binding without a network."""

    def __init__(self) -> None:
        self.peers: frozenset[NodeId] = frozenset()
        self.breaks = False
        self.port_taken = False

    def listen(self) -> None:
        if self.port_taken:
            raise PortTakenError("TCP port 7333 is taken")

    async def start(self) -> None: ...

    def send(self, envelope: Envelope) -> None: ...

    def set_peers(self, peers: frozenset[NodeId]) -> None:
        self.peers = peers

    def link_up(self, anchor: NodeId, interface: str) -> None: ...

    def link_down(self, anchor: NodeId) -> None: ...

    def rows(self) -> list[dict[str, object]]:
        return [{"peer": str(THERE), "state": "down"}]

    async def broken(self) -> None:
        if self.breaks:
            raise OSError("the door is gone")
        await asyncio.Event().wait()

    async def close(self) -> None: ...


def wants_rule(event: Input) -> list[Effect]:
    return [Install(RULE), Persist("k", b"v")] if isinstance(event, Started) else []


class Node:
    """A daemon with its folder; `kernel` outlives it as the real one would."""

    def __init__(self, folder: Path) -> None:
        self.control = folder / "run" / "here.sock"
        self.trace = folder / "trace.jsonl"
        self.store = folder / "here.db"
        self.kernel: dict[RuleKey, Action] = {}
        self.script: Callable[[Input], list[Effect]] = wants_rule
        self.transport = NoTransport()
        self.reread: Callable[[], Renewal | None] = lambda: None

    def role(self, peers: frozenset[NodeId] = frozenset({THERE})) -> Role:
        return Role(
            name=HERE,
            entities=(IEC,),
            build=lambda: EntityHost(HERE, [Scripted(self.script)]),
            driver=lambda: MemoryForwarding(self.kernel),
            detection=None,
            first_packets=(),
            advertised=None,
            peers=peers,
            owners={PREFIX: MobileNodeId("mn1@example.org")},
            carried=lambda _envelope: "",
            mobile=False,
        )

    def live(self, meanwhile: Callable[[], Any], *, remove: bool = False) -> Any:
        """Run the daemon; when ready do `meanwhile` in a thread, then SIGTERM."""

        async def life() -> Any:
            daemon = Daemon(
                self.role(),
                EmbeddedStore(self.store),
                Doors(self.control, self.trace, remove),
                lambda _runtime: self.transport,
                self.reread,
            )
            ready = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(daemon.run(ready.set))
                await ready.wait()
                try:
                    result = await asyncio.to_thread(meanwhile)
                finally:
                    os.kill(os.getpid(), signal.SIGTERM)
                await running
            return result

        return asyncio.run(life())
