"""Issuing and verifying grants, for one node; and a mobile node's means to prove itself.

Who may grant a move of a prefix: its home anchor alone; or, should that be dead, an FE_IEC
that the home anchor has delegated to, and only with the mobile node's own signed word that
it is at exactly that anchor since exactly that moment. So neither a wrong anchor nor one
FE_IEC gone bad can take a prefix anywhere the mobile node has not been since its home anchor
last granted.
"""

from typing import TypeVar

from opendmm.authority.grant import (
    AttachmentProof,
    Delegation,
    Grant,
    GrantClaims,
    ReleaseProof,
    Unauthorised,
)
from opendmm.authority.registry import Registry
from opendmm.authority.signed import Kind, sign, signer_of, verified
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.order import MoveOrder

LEEWAY = 5.0
"""Seconds by which two nodes' clocks may differ before a fresh or expiring grant is refused."""

Issued = TypeVar("Issued", GrantClaims, Delegation)
Said = TypeVar("Said", AttachmentProof, ReleaseProof)


class Authority:
    """What a node can sign and check. Pure: time is an argument, nothing is read or written.

    `private_key` is the node's raw 32-octet Ed25519 seed for grants.
    """

    def __init__(self, node: NodeId, private_key: bytes, registry: Registry) -> None:
        self.node = node
        self.registry = registry
        self._private_key = private_key

    def issue(
        self,
        *,
        mobile_node: MobileNodeId,
        prefixes: tuple[HomePrefix, ...],
        anchor: NodeId,
        order: MoveOrder,
        now: float,
        lifetime: float,
        released: bool = False,
        delegation: bytes = b"",
        proof: bytes = b"",
    ) -> bytes:
        """Sign a grant good for `lifetime` seconds; whether it is believed, `verify` decides."""
        claims = GrantClaims(
            mobile_node=mobile_node,
            prefixes=prefixes,
            anchor=anchor,
            order=order,
            issuer=self.node,
            issued_at=now,
            expires_at=now + lifetime,
            released=released,
            delegation=delegation,
            proof=proof,
        )
        return sign(Kind.GRANT, claims, self.node, self._private_key)

    def delegate(
        self,
        *,
        mobile_node: MobileNodeId,
        prefixes: tuple[HomePrefix, ...],
        delegates: tuple[NodeId, ...],
        now: float,
        lifetime: float,
        not_before: int = 0,
        network_attachments: bool = False,
    ) -> bytes:
        """As home anchor, let FE_IECs grant moves of these prefixes on the mobile node's proof.

        Only of attachments at `not_before` (microseconds since 1970) or later: give the time
        of the latest known one, so that older proofs are worth nothing to a delegate. With
        `network_attachments` also without a proof.
        """
        claims = Delegation(
            mobile_node=mobile_node,
            prefixes=prefixes,
            issuer=self.node,
            delegates=delegates,
            not_before=not_before,
            issued_at=now,
            expires_at=now + lifetime,
            network_attachments=network_attachments,
        )
        return sign(Kind.DELEGATION, claims, self.node, self._private_key)

    def verify(self, token: bytes, now: float) -> Grant:
        """The grant in a token. Raises Unauthorised, whatever the octets, with the reason."""
        claims = self._open(token, Kind.GRANT, GrantClaims)
        _timely("grant", claims.issued_at, claims.expires_at, now)
        if not claims.prefixes:
            raise Unauthorised("a grant of no prefixes")
        if claims.order.anchor != claims.anchor:
            raise Unauthorised(f"grants {claims.anchor} a move to {claims.order.anchor}")
        if not claims.released:
            self._an_anchor(claims.anchor)
        elif claims.anchor != claims.issuer:
            raise Unauthorised("a release returns prefixes to their home anchor alone")
        if claims.delegation:
            self._by_delegate(claims, now)
        else:
            self._by_home(claims.issuer, claims.prefixes)
        return claims.plain()

    def delegated_until(self, delegation: bytes) -> float:
        """When a delegation expires, in seconds since 1970. Raises Unauthorised."""
        return self._open(delegation, Kind.DELEGATION, Delegation).expires_at

    def verify_proof(
        self, proof: bytes, *, mobile_node: MobileNodeId, anchor: NodeId, attached_at: int
    ) -> None:
        """Raises Unauthorised unless the mobile node signed that it is there since then."""
        said = AttachmentProof(mobile_node=mobile_node, anchor=anchor, attached_at=attached_at)
        if self._said_by_mobile_node(proof, Kind.ATTACHMENT, mobile_node, AttachmentProof) != said:
            raise Unauthorised("the mobile node's proof is of another attachment")

    def verify_release(
        self,
        proof: bytes,
        *,
        mobile_node: MobileNodeId,
        prefixes: tuple[HomePrefix, ...],
        requested_at: int,
    ) -> None:
        """Raises Unauthorised unless the mobile node signed that it gives these prefixes up."""
        said = ReleaseProof(mobile_node=mobile_node, prefixes=prefixes, requested_at=requested_at)
        if self._said_by_mobile_node(proof, Kind.RELEASE, mobile_node, ReleaseProof) != said:
            raise Unauthorised("the mobile node's proof is of another release")

    def _open(self, token: bytes, kind: Kind, of: type[Issued]) -> Issued:
        """What a node of the deployment has signed."""
        issuer = NodeId(signer_of(token))
        record = self.registry.nodes.get(issuer)
        if record is None:
            raise Unauthorised(f"{issuer} is no node of this deployment")
        claims = verified(token, kind, issuer, record.public_key, of)
        if claims.issuer != issuer:
            raise Unauthorised(f"{issuer} signs in the name of {claims.issuer}")
        return claims

    def _said_by_mobile_node(
        self, proof: bytes, kind: Kind, mobile_node: MobileNodeId, of: type[Said]
    ) -> Said:
        key = self.registry.mobile_nodes.get(mobile_node)
        if key is None:
            raise Unauthorised(f"the registry has no key of {mobile_node}")
        return verified(proof, kind, mobile_node, key, of)

    def _by_home(self, issuer: NodeId, prefixes: tuple[HomePrefix, ...]) -> None:
        self._an_anchor(issuer)
        for prefix in prefixes:
            if self.registry.home_of(prefix) != issuer:
                raise Unauthorised(f"{prefix} is not at home at {issuer}")

    def _by_delegate(self, claims: GrantClaims, now: float) -> None:
        """The issuer stands in for the home anchor: both signatures must say so."""
        if claims.released:
            raise Unauthorised("a delegate may not release prefixes")
        if not self.registry.may_host(claims.issuer, FunctionalEntity.FE_IEC):
            raise Unauthorised(f"{claims.issuer} is no FE_IEC of this deployment")
        delegation = self._open(claims.delegation, Kind.DELEGATION, Delegation)
        _timely("delegation", delegation.issued_at, delegation.expires_at, now)
        self._by_home(delegation.issuer, delegation.prefixes)
        if claims.issuer not in delegation.delegates:
            raise Unauthorised(f"{delegation.issuer} has not delegated to {claims.issuer}")
        if delegation.mobile_node != claims.mobile_node:
            raise Unauthorised(f"the delegation is for {delegation.mobile_node}")
        if not set(claims.prefixes) <= set(delegation.prefixes):
            raise Unauthorised("the delegation is for other prefixes")
        if claims.order.attached_at < delegation.not_before:
            raise Unauthorised("an attachment older than the delegation")
        if delegation.network_attachments and not claims.proof:
            return
        self.verify_proof(
            claims.proof,
            mobile_node=claims.mobile_node,
            anchor=claims.anchor,
            attached_at=claims.order.attached_at,
        )

    def _an_anchor(self, node: NodeId) -> None:
        if not self.registry.may_host(node, FunctionalEntity.FE_MA_C):
            raise Unauthorised(f"{node} is no anchor of this deployment")


class MobileNodeCredential:
    """A mobile node's own key (raw 32-octet Ed25519 seed); the registry has the public one."""

    def __init__(self, mobile_node: MobileNodeId, private_key: bytes) -> None:
        self.mobile_node = mobile_node
        self._private_key = private_key

    def prove_attachment(self, anchor: NodeId, attached_at: int) -> bytes:
        """Signed word that the mobile node is at `anchor` since (microseconds since 1970)."""
        claims = AttachmentProof(
            mobile_node=self.mobile_node, anchor=anchor, attached_at=attached_at
        )
        return sign(Kind.ATTACHMENT, claims, self.mobile_node, self._private_key)

    def prove_release(self, prefixes: tuple[HomePrefix, ...], requested_at: int) -> bytes:
        """Signed word that the mobile node gives these prefixes up (none named: all)."""
        claims = ReleaseProof(
            mobile_node=self.mobile_node, prefixes=prefixes, requested_at=requested_at
        )
        return sign(Kind.RELEASE, claims, self.mobile_node, self._private_key)


def _timely(what: str, issued_at: float, expires_at: float, now: float) -> None:
    """Raises Unauthorised outside the time a token is good for (a NaN is never inside)."""
    if not issued_at - LEEWAY <= now:
        raise Unauthorised(f"the {what} is of the future: look at the clocks")
    if not now <= expires_at + LEEWAY:
        raise Unauthorised(f"the {what} has expired")
