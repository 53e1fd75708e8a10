"""At an anchor: whose arrival or departure an event is.

Pure. An interface named after a subscriber belongs to it; on any other the subscriber's
link-layer address tells. Nobody tells of a departure from a shared link (the next anchor's
claim ends it), so who appears there again is taken to have left in between.
"""

from collections.abc import Iterable

import msgspec

from opendmm.entities.effects import LinkAttached, LinkDetached
from opendmm.model.identity import MobileNodeId
from opendmm.node.attachment.kernel_events import KernelEvent, LinkState, NeighbourState

QUIET = 0.5
"""Seconds within which a mobile node heard again on the same shared link is no news."""

LinkEvent = LinkAttached | LinkDetached


class Subscriber(msgspec.Struct, frozen=True):
    """Of a mobile node's profile, what this anchor needs to recognise it."""

    name: str
    """Also the name of its point-to-point access interface here."""
    mobile_node: MobileNodeId
    link_layer_id: bytes


class AccessDetection:
    """Turns kernel events into attachments. `now` in seconds, from any steady clock."""

    def __init__(self, subscribers: Iterable[Subscriber]) -> None:
        self._by_interface: dict[str, Subscriber] = {}
        self._by_link_layer: dict[bytes, Subscriber] = {}
        self._names: dict[int, str] = {}
        self._up: dict[str, bool] = {}
        self._neighbours: set[tuple[int, bytes]] = set()
        self._heard: dict[tuple[MobileNodeId, str], float] = {}
        self.complete = False
        """Whether the neighbours from before our time are known: only later ones are news."""
        self.replace(subscribers)

    def replace(self, subscribers: Iterable[Subscriber]) -> None:
        """Other profiles from now on (a reload)."""
        profiles = tuple(subscribers)
        self._by_interface = {s.name: s for s in profiles}
        self._by_link_layer = {s.link_layer_id: s for s in profiles if s.link_layer_id}

    def kernel_event(self, event: KernelEvent, now: float) -> list[LinkEvent]:
        """A link changed, or a neighbour did."""
        if isinstance(event, LinkState):
            return self._link(event)
        if isinstance(event, NeighbourState):
            return self._neighbour(event, now)
        return []

    def solicitation(self, index: int, link_layer_id: bytes, now: float) -> list[LinkEvent]:
        """A Router Solicitation: the mobile node says itself that it is here."""
        return self._heard_on(index, link_layer_id, now)

    def absent(self) -> list[LinkEvent]:
        """Mobile nodes whose own access interface is not up, or not there at all.

        After a restart: what was attached when the daemon died may have left since.
        """
        return [
            LinkDetached(subscriber.mobile_node, name)
            for name, subscriber in self._by_interface.items()
            if not self._up.get(name, False)
        ]

    def _link(self, link: LinkState) -> list[LinkEvent]:
        self._names[link.index] = link.name
        was_up, self._up[link.name] = self._up.get(link.name, False), link.up
        subscriber = self._by_interface.get(link.name)
        if subscriber is None or was_up == link.up:
            return []
        if link.up:
            return [LinkAttached(subscriber.mobile_node, link.name, subscriber.link_layer_id)]
        return [LinkDetached(subscriber.mobile_node, link.name)]

    def _neighbour(self, neighbour: NeighbourState, now: float) -> list[LinkEvent]:
        """A new entry is an arrival; the ageing of an old one tells nothing."""
        entry = (neighbour.index, neighbour.address)
        was_known = entry in self._neighbours
        if not neighbour.known:
            self._neighbours.discard(entry)
            return []
        self._neighbours.add(entry)
        if was_known or not neighbour.heard or not self.complete:
            return []
        return self._heard_on(neighbour.index, neighbour.link_layer_id, now)

    def _heard_on(self, index: int, link_layer_id: bytes, now: float) -> list[LinkEvent]:
        interface = self._names.get(index, "")
        subscriber = self._by_link_layer.get(link_layer_id)
        if subscriber is None or not interface or interface in self._by_interface:
            return []
        heard = (subscriber.mobile_node, interface)
        last, self._heard[heard] = self._heard.get(heard), now
        attached = LinkAttached(subscriber.mobile_node, interface, link_layer_id)
        if last is None:
            return [attached]
        if now - last < QUIET:
            return []
        return [LinkDetached(subscriber.mobile_node, interface), attached]
