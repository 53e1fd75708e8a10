"""The native binding of one node: sessions with its peers, envelopes to and from them.

One session per peer carries both directions, whoever dialled. When two nodes dial each other
at once the connection of the one with the smaller name stays; a peer that has restarted (a
new `instance`) replaces its former self at once. What is sent to a peer without a session is
dropped and counted: entities repeat what is not acknowledged, and start over when told that
the peer is reachable (again).
"""

import asyncio
import secrets
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from opendmm import __version__
from opendmm.authority.material import TlsFiles
from opendmm.authority.names import Holder, MobileNodeName
from opendmm.authority.registry import Registry
from opendmm.bindings.native.access_link import kernel_access_link
from opendmm.bindings.native.admission import AccessLink, NotAdmitted, admit, admit_peer, stays
from opendmm.bindings.native.codec import Hello, NativeProtocolError, encode
from opendmm.bindings.native.connection import Connection
from opendmm.bindings.native.dialling import Dialler
from opendmm.bindings.native.limits import PORT, Endpoint, Limits
from opendmm.bindings.native.listening import Door, listening_socket
from opendmm.bindings.native.statistics import LOGGER, UNKNOWN, Peers, PeerStatistics
from opendmm.bindings.native.tls import client_context, server_context
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.reference_points.catalogue import CATALOGUE, Envelope

ANCHOR_ON_LINK = "fe80::1"
"""An anchor's address on every access link."""
EVERYWHERE = "::"
DEFAULT_LISTEN = Endpoint(EVERYWHERE)
DEFAULT_LIMITS = Limits()


class Listener(Protocol):
    """What the binding tells its node."""

    def receive(self, envelopes: Sequence[Envelope]) -> None:
        """Messages that arrived together from one peer, admitted."""
        ...

    def peer(self, node: NodeId, reachable: bool) -> None:
        """A session came up (also: anew), is gone, or cannot be set up."""
        ...


class NativeTransport:
    """Lives in one event loop: `start`, then `send` at will, `close` at the end.

    `addresses` says where nodes can be reached; those in `peers` are dialled ahead of need.
    `listen` None is for a node nobody dials (a mobile node). `access` finds the link that a
    mobile node's connection came in by.
    """

    def __init__(
        self,
        tls: TlsFiles,
        registry: Registry,
        listener: Listener,
        *,
        addresses: Mapping[NodeId, Endpoint],
        peers: frozenset[NodeId] = frozenset(),
        listen: Endpoint | None = DEFAULT_LISTEN,
        limits: Limits = DEFAULT_LIMITS,
        access: Callable[[tuple[object, ...]], AccessLink | None] = kernel_access_link,
    ) -> None:
        self.node = tls.holder.node
        self.port = listen.port if listen else 0
        """Where it listens, once started."""
        self._tls = tls
        self.registry = registry
        self._listener = listener
        self._addresses = dict(addresses)
        self._peers = peers
        self._listen = listen
        self._limits = limits
        self._access = access
        self._me = Hello(
            node=self.node,
            instance=secrets.randbits(63),
            reference_points=tuple(CATALOGUE),
            software=f"opendmm {__version__}",
        )
        self._sessions: dict[NodeId, Connection] = {}
        self._connections: set[Connection] = set()
        self._gone: dict[NodeId, asyncio.Event] = {}
        self._statistics = Peers(self._known)
        self._diallers: dict[NodeId, tuple[Dialler, asyncio.Task[None]]] = {}
        self._unreached_since: dict[NodeId, float] = {}
        self._closing = False
        self._door: Door | None = None
        self._group: asyncio.TaskGroup | None = None
        self._running: asyncio.Task[None] | None = None
        self._client_context: ssl.SSLContext | None = None

    # Life

    def listen(self) -> None:
        """Take the port, so that a node that cannot have it has not begun anything yet.

        Whoever calls is let in after the start. Raises PortTakenError, OSError; TlsError for
        the material.
        """
        self._client_context = client_context(self._tls)
        if self._listen is not None:
            self._door = self._open_door(self._listen)

    async def start(self) -> None:
        """Let callers in and begin to dial; listens, where that has not been done."""
        if self._client_context is None:
            self.listen()
        door = self._door
        started = asyncio.Event()
        self._running = asyncio.create_task(self._run(door, started))
        self._running.add_done_callback(_say_why_it_failed)
        await started.wait()

    async def broken(self) -> None:
        """Waits for ever, unless the binding cannot go on: raises what broke it."""
        if self._running is not None:
            await asyncio.shield(self._running)

    async def close(self) -> None:
        """Say goodbye to everybody and end every task; peers are not reported gone any more."""
        if self._running is None:
            return
        self._closing = True
        for connection in tuple(self._connections):
            connection.end("the node is going down")
        self._running.cancel()
        await asyncio.wait([self._running])
        deadline = time.monotonic() + 1.0
        while self._connections and time.monotonic() < deadline:
            await asyncio.sleep(0.005)

    def set_deployment(self, registry: Registry, addresses: Mapping[NodeId, Endpoint]) -> None:
        """The deployment has changed: a new registry, nodes that are elsewhere.

        Sessions of nodes that the registry no longer knows end. `set_peers` must follow, for
        peers to be dialled where they are now.
        """
        self.registry = registry
        self._addresses = dict(addresses)
        for connection in tuple(self._sessions.values()):
            holder, hello = connection.admitted, connection.hello
            if holder is None or hello is None:
                continue
            try:
                admit_peer(holder, registry, hello.node, connection.dialled)
            except NotAdmitted as refusal:
                connection.end(str(refusal))

    def set_peers(self, peers: frozenset[NodeId]) -> None:
        """These, and no others, are to be dialled ahead of need, where they are by now."""
        for node in self._peers:
            if node not in peers or self._diallers[node][0].endpoint != self._addresses[node]:
                self._stop_dialling(node)
        self._peers = peers
        for node in peers - set(self._diallers):
            self._dial(node, self._addresses[node])

    def link_up(self, anchor: NodeId, interface: str) -> None:
        """On a mobile node: the link to an anchor is there (again); reach the anchor on it now.

        A session from before the link was away is given up: its connection would wait for TCP
        to send again what got lost.
        """
        port = self._addresses[anchor].port if anchor in self._addresses else PORT
        endpoint = Endpoint(f"{ANCHOR_ON_LINK}%{interface}", port)
        self._stop_dialling(anchor)
        self._dial(anchor, endpoint)

    def link_down(self, anchor: NodeId) -> None:
        """On a mobile node: the link to an anchor is gone."""
        self._stop_dialling(anchor)

    # Sending

    def send(self, envelope: Envelope) -> None:
        """Take an envelope for another node; never waits, never raises for a dead peer."""
        node = envelope.receiver.node
        statistics = self._statistics.of(node)
        connection = self._sessions.get(node)
        if connection is None or connection.over.done():
            statistics.dropped += 1
            return
        hello = connection.hello
        if hello is not None and envelope.reference_point not in hello.reference_points:
            statistics.dropped += 1
            self._statistics.complain(
                "reference-point-unknown", node, name=envelope.reference_point
            )
            return
        try:
            frame = encode(envelope)
        except NativeProtocolError as problem:
            statistics.dropped += 1
            message = type(envelope.message).__name__
            self._statistics.complain("message-unsendable", node, message=message, why=str(problem))
            return
        if connection.send(frame):
            statistics.sent += 1
        else:
            statistics.dropped += 1

    # What it knows

    @property
    def connections(self) -> int:
        """Connections there are, sessions or not yet."""
        return len(self._connections)

    def statistics(self) -> dict[NodeId, PeerStatistics]:
        """Of every peer there has been, as of now."""
        for node, statistics in self._statistics.items():
            connection = self._sessions.get(node)
            statistics.state = "up" if connection is not None else "down"
            statistics.queued_frames = connection.queued_frames if connection else 0
            statistics.queued_octets = connection.queued_octets if connection else 0
        return self._statistics

    def rows(self) -> list[dict[str, object]]:
        """The same as a table."""
        return [msgspec.structs.asdict(of_peer) for of_peer in self.statistics().values()]

    # What a connection tells (ConnectionOwner)

    def introduced(self, connection: Connection, holder: Holder, hello: Hello) -> None:
        try:
            admit_peer(holder, self.registry, hello.node, connection.dialled)
        except NotAdmitted as refusal:
            self._statistics.complain("peer-refused", holder.node, why=str(refusal))
            connection.end(str(refusal))
            return
        node = holder.node
        former = self._sessions.get(node)
        if former is not None and not former.over.done():
            restarted = former.hello is not None and former.hello.instance != hello.instance
            new_by_us, former_by_us = connection.dialled is not None, former.dialled is not None
            if not (restarted or stays(self.node, node, new_by_us, former_by_us)):
                connection.end("another connection serves")
                return
            if restarted:
                self._down(node, former, "the peer has restarted")
            former.end("another connection serves")
        connection.admit()
        self._up(node, connection)

    def received(self, connection: Connection, envelopes: list[Envelope]) -> None:
        holder = connection.admitted
        if holder is None:
            return
        statistics = self._statistics.of(holder.node)
        access = self._access(connection.peer_address) if _is_mobile(holder) else None
        admitted: list[Envelope] = []
        for envelope in envelopes:
            try:
                admitted.append(admit(envelope, holder, self.registry, self.node, access))
            except NotAdmitted as refusal:
                statistics.refused += 1
                self._statistics.complain("message-refused", holder.node, why=str(refusal))
        statistics.received += len(admitted)
        if admitted:
            self._listener.receive(admitted)

    def ended(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if connection.admitted is None:
            self._turned_away(connection)
            return
        node = connection.admitted.node
        if self._sessions.get(node) is connection:
            self._down(node, connection, connection.over.result())

    def _turned_away(self, connection: Connection) -> None:
        """Say who called and never said who he is: an expired certificate, or a stranger."""
        if connection.dialled is not None or connection.hello is not None or self._closing:
            return
        self._statistics.of(UNKNOWN).refused += 1
        caller = str(connection.peer_address[0]) if connection.peer_address else "somebody"
        why = connection.over.result()
        self._statistics.complain("caller-refused", UNKNOWN, caller=caller, why=why)

    # Sessions

    def _up(self, node: NodeId, connection: Connection) -> None:
        self._sessions[node] = connection
        self._unreached_since.pop(node, None)
        statistics = self._statistics.of(node)
        statistics.sessions += 1
        statistics.reason = ""
        LOGGER.info("session-up", extra={"fields": {"peer": node}})
        self._listener.peer(node, True)

    def _down(self, node: NodeId, connection: Connection, reason: str) -> None:
        if self._sessions.get(node) is not connection:
            return
        del self._sessions[node]
        if node in self._gone:
            self._gone[node].set()
        self._statistics.of(node).reason = reason
        if self._closing:
            return
        LOGGER.warning("session-down", extra={"fields": {"peer": node, "why": reason}})
        self._listener.peer(node, False)

    def _known(self, node: NodeId) -> bool:
        registry = self.registry
        return node in registry.nodes or MobileNodeId(node) in registry.mobile_nodes

    # Dialling and listening

    async def _run(self, door: Door | None, started: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            if door is not None:
                group.create_task(door.run(group))
            for node in self._peers:
                self._dial(node, self._addresses[node])
            started.set()
            await asyncio.get_running_loop().create_future()

    def _open_door(self, endpoint: Endpoint) -> Door:
        context = server_context(self._tls)
        listening = listening_socket(endpoint.host, endpoint.port)
        self.port = listening.getsockname()[1]
        return Door(listening, context, lambda: self._connection(None), self._limits)

    def _connection(self, dialled: NodeId | None) -> Connection:
        connection = Connection(self, self._me, dialled, self._limits)
        self._connections.add(connection)
        return connection

    def _dial(self, node: NodeId, endpoint: Endpoint) -> None:
        assert self._group is not None
        assert self._client_context is not None
        self._statistics.of(node)
        self._unreached_since[node] = time.monotonic()
        dialler = Dialler(
            endpoint,
            self._client_context,
            self._limits,
            needed=lambda: self._until_gone(node),
            connection=lambda: self._connection(node),
            failed=lambda reason: self._not_reached(node, endpoint, reason),
        )
        self._diallers[node] = (dialler, self._group.create_task(dialler.run()))

    def _stop_dialling(self, node: NodeId) -> None:
        found = self._diallers.pop(node, None)
        if found is not None:
            found[1].cancel()
        self._unreached_since.pop(node, None)
        connection = self._sessions.get(node)
        if connection is not None:
            connection.end("no longer wanted")

    async def _until_gone(self, node: NodeId) -> None:
        while node in self._sessions:
            gone = self._gone.setdefault(node, asyncio.Event())
            gone.clear()
            await gone.wait()

    def _not_reached(self, node: NodeId, endpoint: Endpoint, reason: str) -> None:
        """Tell the entities once, when it has lasted as long as it takes to notice a death."""
        if node in self._sessions:
            return
        self._statistics.of(node).reason = reason
        self._statistics.complain(
            "peer-not-reached", node, address=f"{endpoint.host} {endpoint.port}", why=reason
        )
        since = self._unreached_since.get(node)
        if since is not None and time.monotonic() - since >= self._limits.liveness.dead:
            del self._unreached_since[node]
            self._listener.peer(node, False)


def _is_mobile(holder: Holder) -> bool:
    return isinstance(holder, MobileNodeName)


def _say_why_it_failed(running: "asyncio.Task[None]") -> None:
    if not running.cancelled() and running.exception() is not None:
        LOGGER.critical("native-binding-failed", exc_info=running.exception())
