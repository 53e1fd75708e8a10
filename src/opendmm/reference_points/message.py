"""What every reference-point message has in common."""

import msgspec

from opendmm.model.context import ContextId
from opendmm.model.identity import MobileNodeId, NodeId


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of all messages; on the wire a map whose `type` is the class name.

    Unknown fields are ignored on receipt, so a later version may add some.
    """


class ContextMessage(Message, frozen=True):
    """Base of messages about one mobility context: a mobile node's prefixes of one home."""

    mobile_node: MobileNodeId
    home_anchor: NodeId

    @property
    def key(self) -> ContextId:
        return ContextId(self.mobile_node, self.home_anchor)


class Status:
    """Outcome codes shared by the acknowledgements: below 128 accepted (RFC 6275 §6.1.8 style)."""

    ACCEPTED = 0
    ACCEPTED_ALREADY = 1
    """A duplicate; the state was already as asked."""
    REFUSED = 128
    UNKNOWN_MOBILE_NODE = 129
    NOT_AUTHORISED = 130
    """No valid grant or proof, or a role the registry does not give."""
    STALE = 131
    """A later move has been recorded; the reply says which."""
    FORWARDING_FAILED = 132
    """The forwarding plane refused the rule."""
    NOT_RESPONSIBLE = 133
    UNAVAILABLE = 134
    """The entity that would have to agree cannot be reached."""


def accepted(status: int) -> bool:
    """Whether a status means the request was carried out."""
    return status < Status.REFUSED


def status_name(status: int) -> str:
    """A status for people, e.g. "not authorised (130)"; unknown ones by their number."""
    names = (name for name, value in vars(Status).items() if value == status and name.isupper())
    name = next(names, None)
    return f"{name.lower().replace('_', ' ')} ({status})" if name else f"status {status}"
