"""What carries a message between nodes, by the name its protocol has for it."""

from collections.abc import Collection, Mapping

from opendmm.bindings.lisp.carriage import CARRIED_AS as LISP_NAMES
from opendmm.bindings.mipv6.declaration import CARRIED_AS as BY_MOBILE_NODE
from opendmm.bindings.mobility.abbreviations import BY_PROXY
from opendmm.bindings.pmipv6.declaration import CARRIED_AS
from opendmm.bindings.rfc8885.carriage import HEADERS
from opendmm.constellation.file import BindingName
from opendmm.model.identity import MobileNodeId
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.message import Message

TABLES: dict[BindingName, Mapping[type[Message], str]] = {
    BindingName.PMIPV6: CARRIED_AS,
    BindingName.MIPV6: BY_MOBILE_NODE,
    BindingName.LISP: LISP_NAMES,
    BindingName.RFC8885: {kind: BY_PROXY[header] for kind, header in HEADERS.items()},
}
"""The native binding has no names of its own: its messages are the framework's."""


class Carried:
    """Of one deployment: `bindings` by reference point; `clients` are the mobile nodes that speak
    for themselves: over Mobile IPv6, else always over the native binding."""

    def __init__(
        self,
        bindings: Mapping[ReferencePointName, BindingName],
        clients: Collection[MobileNodeId],
    ) -> None:
        self._bindings = bindings
        self._tables = {
            name: TABLES[binding] for name, binding in bindings.items() if binding in TABLES
        }
        self._clients = clients

    def __call__(self, envelope: Envelope) -> str:
        """Such as "PBU"; empty within a node, and where the protocol has no name for it."""
        table = self._tables.get(envelope.reference_point)
        ends = (envelope.sender.node, envelope.receiver.node)
        if table is None or ends[0] == ends[1]:
            return ""
        of_client = any(MobileNodeId(end) in self._clients for end in ends)
        if of_client and self._bindings[envelope.reference_point] is not BindingName.MIPV6:
            return ""
        return table.get(type(envelope.message), "")
