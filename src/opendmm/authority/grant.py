"""What is signed: grants, the delegation of granting, and a mobile node's own proofs."""

import msgspec

from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.quantities import Microseconds, Seconds


class Unauthorised(Exception):
    """Something is not entitled to what it asks; the text says why."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to redirect prefixes of a mobile node to an anchor, under one move order.

    Signed by the home anchor of the prefixes, or by an FE_IEC in its place. Times are in
    seconds since 1970. `released` takes every redirection away instead.
    """

    mobile_node: MobileNodeId
    prefixes: tuple[HomePrefix, ...]
    anchor: NodeId
    order: MoveOrder
    issuer: NodeId
    issued_at: Seconds
    expires_at: Seconds
    released: bool = False


class GrantClaims(Grant, frozen=True, kw_only=True):
    """A grant as it is signed: with what entitles an issuer that is not the home anchor."""

    delegation: bytes = b""
    proof: bytes = b""

    def plain(self) -> Grant:
        """The grant alone."""
        return Grant(**{name: getattr(self, name) for name in Grant.__struct_fields__})


class Delegation(msgspec.Struct, frozen=True, kw_only=True):
    """A home anchor's leave for FE_IECs to grant in its place, on the mobile node's proof.

    Good for attachments at `not_before` (microseconds since 1970) or later only: without it a
    delegate could bring an old proof of the mobile node back to life. `network_attachments`
    extends the leave to attachments that the network alone has noticed and nobody has signed:
    the home anchor then trusts its delegates with the prefixes altogether (RFC 8885 §6: a CMD
    is a trusted party).
    """

    mobile_node: MobileNodeId
    prefixes: tuple[HomePrefix, ...]
    issuer: NodeId
    delegates: tuple[NodeId, ...]
    not_before: Microseconds
    issued_at: Seconds
    expires_at: Seconds
    network_attachments: bool = False


class AttachmentProof(msgspec.Struct, frozen=True, kw_only=True):
    """A mobile node's word that it is at an anchor since (microseconds since 1970)."""

    mobile_node: MobileNodeId
    anchor: NodeId
    attached_at: Microseconds


class ReleaseProof(msgspec.Struct, frozen=True, kw_only=True):
    """A mobile node's word that it gives prefixes up (none named: all)."""

    mobile_node: MobileNodeId
    prefixes: tuple[HomePrefix, ...]
    requested_at: Microseconds
