"""One node's dealings with authority: issuing what it may, verifying what it is shown."""

from collections import OrderedDict

from cwt.cose_key_interface import COSEKeyInterface

from opendmm.authority import delegation as delegations
from opendmm.authority import mobile_node as words
from opendmm.authority import token
from opendmm.authority.grant import Grant, Unauthorised
from opendmm.authority.mobile_node import MobileNodeCredential
from opendmm.authority.registry import Registry
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.order import MoveOrder

__all__ = ["Authority", "MobileNodeCredential"]

PREFIXES, ANCHOR, SEQUENCE, ATTACHED_AT = -70001, -70002, -70003, -70004
RELEASED, DELEGATED_BY, PROOF = -70005, -70006, -70007

GRANT = "grant"

REMEMBERED = 65_536
"""Verified grants kept, so that a refresh or a second entity costs no second verification."""


class Authority:
    """Pure: no clock, no I/O. `private_key` is the node's raw 32-octet Ed25519 seed."""

    def __init__(self, node: NodeId, private_key: bytes, registry: Registry) -> None:
        self.node = node
        self.registry = registry
        self._key = token.signing_key(private_key)
        self._public: dict[NodeId, COSEKeyInterface] = {}
        self._verified: OrderedDict[bytes, Grant] = OrderedDict()

    # Issuing

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
        """A grant, signed by this node; `lifetime` in seconds. Whether it counts, others check."""
        claims: token.Claims = {
            token.ISSUER: self.node,
            token.SUBJECT: mobile_node,
            token.ISSUED_AT: now,
            token.EXPIRES_AT: now + lifetime,
            PREFIXES: [[prefix.network, prefix.length] for prefix in prefixes],
            ANCHOR: anchor,
            SEQUENCE: order.sequence,
            ATTACHED_AT: order.attached_at,
        }
        if released:
            claims[RELEASED] = True
        if delegation:
            claims[DELEGATED_BY] = delegation
            claims[PROOF] = proof
        return token.sign(GRANT, claims, self._key)

    def delegate(
        self,
        *,
        mobile_node: MobileNodeId,
        prefixes: tuple[HomePrefix, ...],
        delegates: tuple[NodeId, ...],
        now: float,
        lifetime: float,
    ) -> bytes:
        """Leave for these FE_IEC nodes to grant in our place, on the mobile node's word."""
        claims = delegations.claims_of(
            home_anchor=self.node,
            mobile_node=mobile_node,
            prefixes=prefixes,
            delegates=delegates,
            now=now,
            lifetime=lifetime,
        )
        return token.sign(delegations.DELEGATION, claims, self._key)

    # Verifying

    def verify(self, grant: bytes, now: float) -> Grant:
        """The grant, when it holds at `now` (seconds since 1970). Raises Unauthorised."""
        known = self._verified.get(grant)
        if known is not None:
            if now > known.expires_at:
                raise Unauthorised(f"expired {now - known.expires_at:.1f} s ago")
            self._verified.move_to_end(grant)
            return known
        claims = token.read(GRANT, grant, self._issuer_key)
        token.current(claims, now)
        value = _grant(claims)
        self._may_be_granted(value)
        self._may_grant(value, claims, now)
        self._verified[grant] = value
        if len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)
        return value

    def _may_be_granted(self, grant: Grant) -> None:
        if not grant.prefixes:
            raise Unauthorised("the grant names no prefixes")
        if not self.registry.may_host(grant.anchor, FunctionalEntity.FE_MA_C):
            raise Unauthorised(f"{grant.anchor} is no mobility anchor of this deployment")

    def _may_grant(self, grant: Grant, claims: token.Claims, now: float) -> None:
        homes = {self.registry.home_of(prefix) for prefix in grant.prefixes}
        if homes == {grant.issuer}:
            if grant.released and grant.anchor != grant.issuer:
                raise Unauthorised("released, but to another anchor")
            return
        if grant.released or not self.registry.may_host(grant.issuer, FunctionalEntity.FE_IEC):
            raise Unauthorised(f"{grant.issuer} is not home to the prefixes")
        self._delegated(grant, claims, homes, now)

    def _delegated(
        self, grant: Grant, claims: token.Claims, homes: set[NodeId | None], now: float
    ) -> None:
        shown, proof = claims.get(DELEGATED_BY), claims.get(PROOF)
        if not isinstance(shown, bytes) or not isinstance(proof, bytes):
            raise Unauthorised(f"{grant.issuer} shows no delegation by the home anchor")
        leave = token.read(delegations.DELEGATION, shown, self._issuer_key)
        if homes != {leave.get(token.ISSUER)}:
            raise Unauthorised("the delegation is not by the prefixes' home anchor")
        delegations.check(
            leave,
            mobile_node=grant.mobile_node,
            prefixes=grant.prefixes,
            delegate=grant.issuer,
            now=now,
        )
        self.verify_proof(
            proof,
            mobile_node=grant.mobile_node,
            anchor=grant.anchor,
            attached_at=grant.order.attached_at,
        )

    def verify_proof(
        self, proof: bytes, *, mobile_node: MobileNodeId, anchor: NodeId, attached_at: int
    ) -> None:
        """Raises Unauthorised unless the mobile node itself signed that it is at this anchor."""
        words.check_attachment(
            proof,
            self.registry.mobile_nodes.get(mobile_node),
            mobile_node=mobile_node,
            anchor=anchor,
            attached_at=attached_at,
        )

    def verify_release(
        self,
        proof: bytes,
        *,
        mobile_node: MobileNodeId,
        prefixes: tuple[HomePrefix, ...],
        requested_at: int,
    ) -> None:
        """Raises Unauthorised unless the mobile node itself signed this release."""
        words.check_release(
            proof,
            self.registry.mobile_nodes.get(mobile_node),
            mobile_node=mobile_node,
            prefixes=prefixes,
            requested_at=requested_at,
        )

    def _issuer_key(self, claims: token.Claims) -> COSEKeyInterface | None:
        issuer = claims.get(token.ISSUER)
        record = self.registry.nodes.get(NodeId(issuer)) if isinstance(issuer, str) else None
        if record is None:
            return None
        key = self._public.get(NodeId(str(issuer)))
        if key is None:
            key = self._public[NodeId(str(issuer))] = token.verification_key(record.public_key)
        return key


def _grant(claims: token.Claims) -> Grant:
    try:
        anchor = NodeId(str(claims[ANCHOR]))
        return Grant(
            mobile_node=MobileNodeId(str(claims[token.SUBJECT])),
            prefixes=tuple(HomePrefix(network, length) for network, length in claims[PREFIXES]),
            anchor=anchor,
            order=MoveOrder(int(claims[SEQUENCE]), int(claims[ATTACHED_AT]), anchor),
            issuer=NodeId(str(claims[token.ISSUER])),
            issued_at=float(claims[token.ISSUED_AT]),
            expires_at=float(claims[token.EXPIRES_AT]),
            released=claims.get(RELEASED) is True,
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise Unauthorised(f"the grant is incomplete: {problem}") from problem
