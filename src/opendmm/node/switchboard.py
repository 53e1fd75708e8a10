"""The bindings of one daemon as one: each message goes by what carries its reference point.

A peer is reachable while any binding reaches it.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from opendmm.bindings.native.transport import NativeTransport
from opendmm.constellation.file import BindingName
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.reference_points.catalogue import Envelope, ReferencePointName


class Listener(Protocol):
    """The runtime, as bindings see it."""

    def receive(self, envelopes: Sequence[Envelope]) -> None: ...

    def peer(self, node: NodeId, reachable: bool) -> None: ...


class Carrier(Protocol):
    """A protocol over the Mobility Header, in the daemon's event loop."""

    def listen(self) -> None: ...

    def start(self) -> None: ...

    def send(self, envelope: Envelope) -> None: ...

    def rows(self) -> list[dict[str, object]]: ...

    def close(self) -> None: ...


class Reachability:
    """Joins what the bindings say of peers. One instance per binding, sharing `held`."""

    def __init__(
        self, binding: BindingName, listener: Listener, held: dict[NodeId, set[BindingName]]
    ) -> None:
        self._binding = binding
        self._listener = listener
        self._held = held

    def receive(self, envelopes: Sequence[Envelope]) -> None:
        self._listener.receive(envelopes)

    def peer(self, node: NodeId, reachable: bool) -> None:
        holders = self._held.setdefault(node, set())
        if reachable:
            holders.add(self._binding)
            self._listener.peer(node, True)
            return
        holders.discard(self._binding)
        if not holders:
            self._listener.peer(node, False)


class Switchboard:
    """The native binding and those over the Mobility Header, as the daemon runs them."""

    def __init__(
        self,
        native: NativeTransport,
        mobility: Mapping[BindingName, Carrier],
        bindings: Mapping[ReferencePointName, BindingName],
        mobile_nodes: frozenset[MobileNodeId],
    ) -> None:
        self._native = native
        self._mobility = mobility
        self._bindings = bindings
        self._mobile_nodes = mobile_nodes
        # A mobile node that does so has no session on its links.
        self._registers = bindings[ReferencePointName.R_XU] is BindingName.MIPV6

    def listen(self) -> None:
        self._native.listen()
        for transport in self._mobility.values():
            transport.listen()

    async def start(self) -> None:
        for transport in self._mobility.values():
            transport.start()
        await self._native.start()

    def send(self, envelope: Envelope) -> None:
        binding = self._bindings[envelope.reference_point]
        carrier = self._mobility.get(binding)
        if carrier is None or (self._to_client(envelope) and binding is not BindingName.MIPV6):
            self._native.send(envelope)
        else:
            carrier.send(envelope)

    def _to_client(self, envelope: Envelope) -> bool:
        """A mobile node that speaks for itself is reached by its own session."""
        return MobileNodeId(envelope.receiver.node) in self._mobile_nodes

    def set_peers(self, peers: frozenset[NodeId]) -> None:
        self._native.set_peers(peers)

    def link_up(self, anchor: NodeId, interface: str) -> None:
        if not self._registers:
            self._native.link_up(anchor, interface)

    def link_down(self, anchor: NodeId) -> None:
        if not self._registers:
            self._native.link_down(anchor)

    def rows(self) -> list[dict[str, object]]:
        rows = self._native.rows()
        for transport in self._mobility.values():
            rows += transport.rows()
        return rows

    async def broken(self) -> None:
        await self._native.broken()

    async def close(self) -> None:
        for transport in self._mobility.values():
            transport.close()
        await self._native.close()
