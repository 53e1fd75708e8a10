"""How certificates name who they are for: one URI in the subject alternative name.

`urn:opendmm:node:<NodeId>` for a network element, `urn:opendmm:mobile-node:<MobileNodeId>`
for a mobile node that runs its own client.
"""

from urllib.parse import quote, unquote

import msgspec

from opendmm.model.identity import MobileNodeId, NodeId

NODE = "urn:opendmm:node:"
MOBILE_NODE = "urn:opendmm:mobile-node:"
PLAIN = "@"
"""Characters of a NAI (RFC 7542) that need no percent-encoding in a URN (RFC 8141 §2)."""


class NodeName(msgspec.Struct, frozen=True):
    """A certificate's holder: a network element."""

    node: NodeId

    @property
    def uri(self) -> str:
        return NODE + quote(self.node, safe=PLAIN)


class MobileNodeName(msgspec.Struct, frozen=True):
    """A certificate's holder: a mobile node. Messages name it by `node` (its identifier)."""

    mobile_node: MobileNodeId

    @property
    def uri(self) -> str:
        return MOBILE_NODE + quote(self.mobile_node, safe=PLAIN)

    @property
    def node(self) -> NodeId:
        return NodeId(self.mobile_node)


Holder = NodeName | MobileNodeName


def holder_of(uri: str) -> Holder | None:
    """Whom a URI names; None when it is none of ours."""
    for prefix, kind in ((NODE, NodeName), (MOBILE_NODE, MobileNodeName)):
        name = unquote(uri.removeprefix(prefix))
        if uri.startswith(prefix) and name:
            return kind(name)  # type: ignore[arg-type]  # both identifiers are str, told apart by `kind`
    return None
