"""On a mobile node: its own links coming up and going down. Pure.

The interface towards an anchor carries the anchor's name.
"""

from collections.abc import Iterable

from opendmm.entities.effects import LinkAttached, LinkDetached
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.node.attachment.access import LinkEvent
from opendmm.node.attachment.kernel_events import KernelEvent, LinkState


class OwnLinks:
    """Turns link events into attachments of this mobile node to `anchors`."""

    def __init__(self, mobile_node: MobileNodeId, anchors: Iterable[NodeId]) -> None:
        self._mobile_node = mobile_node
        self._anchors: dict[str, NodeId] = {str(anchor): anchor for anchor in anchors}
        self._up: dict[str, bool] = {}

    def kernel_event(self, event: KernelEvent, _now: float) -> list[LinkEvent]:
        """A link changed: news when it is one towards an anchor."""
        if not isinstance(event, LinkState):
            return []
        anchor = self._anchors.get(event.name)
        was_up, self._up[event.name] = self._up.get(event.name, False), event.up
        if anchor is None or was_up == event.up:
            return []
        if event.up:
            return [LinkAttached(self._mobile_node, event.name, event.link_layer_id, anchor)]
        return [LinkDetached(self._mobile_node, event.name)]

    def absent(self) -> list[LinkEvent]:
        """Anchors whose link is not up."""
        return [
            LinkDetached(self._mobile_node, name)
            for name in self._anchors
            if not self._up.get(name, False)
        ]
