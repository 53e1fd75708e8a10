"""On a mobile node: its own links coming up and going down. Pure.

The interface towards an anchor, or an access router, carries its name. On a link that is not
its anchor's the mobile node is attached once it has an address there (RFC 6275 §11.5.3).
"""

from collections.abc import Mapping

import msgspec

from opendmm.entities.effects import LinkAttached, LinkDetached
from opendmm.model.addressing import Locator
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.node.attachment.access import LinkEvent
from opendmm.node.attachment.kernel_events import AddressState, KernelEvent, LinkState


class OwnLink(msgspec.Struct, frozen=True):
    """A link by which `anchor` is reached. `away`: by a care-of address only."""

    anchor: NodeId
    away: bool = False


class OwnLinks:
    """Turns link and address events into attachments of this mobile node; `links` by name."""

    def __init__(self, mobile_node: MobileNodeId, links: Mapping[str, OwnLink]) -> None:
        self._mobile_node = mobile_node
        self._links = links
        self._states: dict[int, LinkState] = {}
        self._addresses: dict[int, list[bytes]] = {}
        self._attached: dict[str, LinkAttached] = {}

    def kernel_event(self, event: KernelEvent, _now: float) -> list[LinkEvent]:
        """A link or an address changed: news when it changes how an anchor is reached."""
        if isinstance(event, LinkState):
            self._states[event.index] = event
        elif isinstance(event, AddressState):
            addresses = self._addresses.setdefault(event.index, [])
            if event.usable and event.address not in addresses:
                addresses.append(event.address)
            elif not event.usable and event.address in addresses:
                addresses.remove(event.address)
        state = self._states.get(event.index)
        link = self._links.get(state.name) if state is not None else None
        if state is None or link is None:
            return []
        return self._changed(state, link)

    def _changed(self, state: LinkState, link: OwnLink) -> list[LinkEvent]:
        held = self._attached.get(state.name)
        now = self._attachment(state, link)
        if now == held:
            return []
        if now is None:
            del self._attached[state.name]
            return [LinkDetached(self._mobile_node, state.name)]
        self._attached[state.name] = now
        return [now]

    def _attachment(self, state: LinkState, link: OwnLink) -> LinkAttached | None:
        if not state.up:
            return None
        care_of = None
        if link.away:
            addresses = self._addresses.get(state.index)
            if not addresses:
                return None
            care_of = Locator(addresses[0])
        return LinkAttached(
            self._mobile_node, state.name, state.link_layer_id, link.anchor, care_of
        )

    def absent(self) -> list[LinkEvent]:
        """Links by which nothing is reached."""
        return [
            LinkDetached(self._mobile_node, name)
            for name in self._links
            if name not in self._attached
        ]
