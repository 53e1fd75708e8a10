"""The daemon: a role, run until it is told to stop.

Start: forwarding plane, facts, entities, adoption of what the kernel has, then the doors
(binding, attachment, control socket), then readiness is told. A stop goes the other way
round and leaves forwarding in place unless told otherwise, so that packets flow on while a
daemon is replaced.
"""

import asyncio
import gc
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from opendmm.entities.effects import LinkAttached, PacketWithoutPolicy
from opendmm.forwarding.kernel.errors import ForwardingUnavailableError
from opendmm.forwarding.kernel.libnftables import NftablesError
from opendmm.forwarding.plane import ForwardingPlane
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.node.attachment.access import LinkEvent
from opendmm.node.attachment.advertisements import Advertisements
from opendmm.node.attachment.watch import Watch
from opendmm.node.clock import steady_clock
from opendmm.node.control import ControlServer
from opendmm.node.first_packets import FirstPackets
from opendmm.node.introspection import Introspection
from opendmm.node.logs import warn
from opendmm.node.notify import notify
from opendmm.node.recorder import Recorder
from opendmm.node.role import Role
from opendmm.node.runtime import NodeRuntime
from opendmm.reference_points.catalogue import Envelope
from opendmm.store.contract import FactStore, StoreError

FORGETFUL_ADOPTION = 30.0
"""Seconds that a node which lost its facts leaves the kernel's rules alone: its peers will
have told it by then what is true, and until then the rules are the better guess."""


ALLOCATIONS_BEFORE_COLLECTION = 50_000
"""The state of a million bindings is frozen after the start; what is left has few cycles."""


class Transport(Protocol):
    """The binding between nodes, as the daemon runs it."""

    def listen(self) -> None:
        """Take what only one process can have; raises what stands in the way."""
        ...

    async def start(self) -> None:
        """Let peers in and begin to connect; after `listen`."""
        ...

    def send(self, envelope: Envelope) -> None: ...

    def set_peers(self, peers: frozenset[NodeId]) -> None:
        """Keep sessions with these nodes."""
        ...

    def link_up(self, anchor: NodeId, interface: str) -> None:
        """On a mobile node: the anchor can be reached over this interface."""
        ...

    def link_down(self, anchor: NodeId) -> None:
        """On a mobile node: it cannot any more."""
        ...

    def rows(self) -> list[dict[str, object]]:
        """For `dmm show peers`."""
        ...

    async def broken(self) -> None:
        """Waits for ever, unless the binding cannot go on: raises what broke it."""
        ...

    async def close(self) -> None: ...


class Doors(msgspec.Struct, frozen=True):
    """Where a daemon is spoken to and writes to, and what a clean stop leaves behind."""

    control: Path
    trace: Path | None
    remove_forwarding: bool


class Renewal(msgspec.Struct, frozen=True):
    """What a reload found: the role as it is now, and `apply`, which tells the binding."""

    role: Role
    apply: Callable[[], None]


class Daemon:
    """One node's daemon.

    `connect` makes the binding, given the runtime to report to. `reread` reads the files
    again, in another thread; None when they cannot be used (it has said why).
    """

    def __init__(
        self,
        role: Role,
        store: FactStore,
        doors: Doors,
        connect: Callable[[NodeRuntime], Transport],
        reread: Callable[[], Renewal | None],
    ) -> None:
        self._role = role
        self._doors = doors
        self._reread = reread
        self._failure: StoreError | None = None
        self._stopped = asyncio.Event()
        self._hung_up = asyncio.Event()
        trace = doors.trace.open("ab") if doors.trace else None
        self._recorder = Recorder(role.name, trace, role.owners, role.carried)
        self._driver = role.driver()
        self._forgetful = bool(store.notice)
        self._runtime = NodeRuntime(
            role.build,
            ForwardingPlane(self._driver),
            store,
            self._recorder,
            steady_clock(),
            self._store_failed,
        )
        self._transport = connect(self._runtime)
        self._runtime.sender = self._transport
        self._introspection = Introspection(role, self._runtime, self._transport.rows)
        self._control = ControlServer(doors.control, self._introspection.handlers())
        self._watch: Watch | None = None
        self._first_packets: FirstPackets | None = None
        self._advertisements: Advertisements | None = None

    async def run(self, ready: Callable[[], None]) -> None:
        """Until SIGTERM or SIGINT; `ready` is called once everything works.

        Raises StoreError when facts can no longer be kept; ControlError, OSError, the
        binding's and the driver's errors when the node cannot be started.
        """
        await self._control.start()
        try:
            # What another daemon has put into the kernel is not ours to correct.
            self._transport.listen()
        except BaseException:
            await self._control.close()
            raise
        try:
            self._begin()
            await self._transport.start()
            self._open_watches()
            self._handle_signals()
            _settle_memory()
            self._introspection.ready = True
            notify("READY=1", f"STATUS={', '.join(self._role.entities)}")
            ready()
            await self._live()
        finally:
            notify("STOPPING=1")
            await self._end()
        if self._failure is not None:
            raise self._failure

    async def _live(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            company = [
                tasks.create_task(self._reload_when_told()),
                tasks.create_task(self._transport.broken()),
            ]
            await self._stopped.wait()
            for task in company:
                task.cancel()

    def _begin(self) -> None:
        self._driver.start()
        self._runtime.start()
        if self._forgetful:
            asyncio.get_running_loop().call_later(FORGETFUL_ADOPTION, self._adopt)
        else:
            self._adopt()

    def _adopt(self) -> None:
        if not self._role.mobile:
            self._runtime.adopt()

    async def _end(self) -> None:
        self._close_watches(remove=self._doors.remove_forwarding)
        await self._transport.close()
        self._runtime.stop()
        self._driver.close(remove=self._doors.remove_forwarding)
        await self._control.close()

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopped.set)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up.set)

    def _store_failed(self, error: StoreError) -> None:
        self._failure = error
        self._stopped.set()

    # Attachment and first packets

    def _open_watches(self) -> None:
        role = self._role
        if role.advertised is not None:
            self._open_advertisements(role.advertised)
        if role.detection is not None:
            # Before any fact there is nothing that may have gone unseen.
            restarted = self._runtime.restored
            self._watch = Watch(role.detection(), self._link_event, absent_too=restarted)
        if role.first_packets:
            try:
                self._first_packets = FirstPackets(role.first_packets, self._first_packet)
            except (OSError, NftablesError) as error:
                warn("no-first-packets", why=str(error), consequence="pull mode asks for nothing")

    def _open_advertisements(self, lifetime: float) -> None:
        try:
            self._advertisements = Advertisements(lifetime)
        except PermissionError:
            warn("no-router-advertisements", why="CAP_NET_RAW is missing")
            return
        self._runtime.advertise = self._advertisements.send

    def _close_watches(self, *, remove: bool) -> None:
        if self._watch is not None:
            self._watch.close()
        if self._first_packets is not None:
            self._first_packets.close(remove=remove)
        if self._advertisements is not None:
            self._advertisements.close()
        self._runtime.advertise = None
        self._watch = self._first_packets = self._advertisements = None

    def _link_event(self, happening: LinkEvent) -> None:
        up = isinstance(happening, LinkAttached)
        self._recorder.link(
            happening.mobile_node, happening.interface, up=up, at=self._runtime.now()
        )
        if self._role.mobile:
            # The interface is named after the anchor it leads to.
            anchor = NodeId(happening.interface)
            if up:
                self._transport.link_up(anchor, happening.interface)
            else:
                self._transport.link_down(anchor)
        self._runtime.local(FunctionalEntity.FE_MU_C, happening)

    def _first_packet(self, destination: bytes) -> None:
        if not self._runtime.redirects(destination):
            prefix = HomePrefix(destination, len(destination) * 8)
            if self._runtime.packet is not None:
                self._runtime.packet(prefix)
            self._runtime.local(FunctionalEntity.FE_I, PacketWithoutPolicy(prefix))

    # Reload

    async def _reload_when_told(self) -> None:
        while True:
            await self._hung_up.wait()
            self._hung_up.clear()
            notify("RELOADING=1")
            renewal = await asyncio.to_thread(self._reread)
            if renewal is not None:
                self._renew(renewal)
            notify("READY=1")

    def _renew(self, renewal: Renewal) -> None:
        """Everything but the node's name takes effect; sessions and forwarding live on."""
        driver = renewal.role.driver()
        try:
            driver.start()
        except (ForwardingUnavailableError, OSError) as error:
            driver.close(remove=False)
            warn("reload-refused", why=str(error))
            return
        self._close_watches(remove=True)
        self._driver.close(remove=False)
        self._role, self._driver = renewal.role, driver
        self._introspection.role = renewal.role
        self._runtime.renew(renewal.role.build, ForwardingPlane(driver))
        self._adopt()
        renewal.apply()
        self._transport.set_peers(renewal.role.peers)
        self._open_watches()


def _settle_memory() -> None:
    """What exists now lives as long as the daemon: no collection need look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS_BEFORE_COLLECTION, 50, 50)
