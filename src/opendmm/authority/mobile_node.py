"""A mobile node's own word: where it is, and what it gives up. Signed, for one purpose each."""

from opendmm.authority import token
from opendmm.authority.grant import Unauthorised
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import MobileNodeId, NodeId

ANCHOR, AT, PREFIXES = -70001, -70002, -70003

ATTACHMENT, RELEASE = "attachment", "release"


class MobileNodeCredential:
    """The mobile node's side; `private_key` is a raw 32-octet Ed25519 seed."""

    def __init__(self, mobile_node: MobileNodeId, private_key: bytes) -> None:
        self.mobile_node = mobile_node
        self._key = token.signing_key(private_key)

    def prove_attachment(self, anchor: NodeId, attached_at: int) -> bytes:
        """I am at this anchor since then (microseconds since 1970)."""
        claims = {token.SUBJECT: self.mobile_node, ANCHOR: anchor, AT: attached_at}
        return token.sign(ATTACHMENT, claims, self._key)

    def prove_release(self, prefixes: tuple[HomePrefix, ...], requested_at: int) -> bytes:
        """I need these prefixes no longer (all of them, when none is named)."""
        names = [str(prefix) for prefix in prefixes]
        claims = {token.SUBJECT: self.mobile_node, PREFIXES: names, AT: requested_at}
        return token.sign(RELEASE, claims, self._key)


def check_attachment(
    proof: bytes,
    public_key: bytes | None,
    *,
    mobile_node: MobileNodeId,
    anchor: NodeId,
    attached_at: int,
) -> None:
    """Raises Unauthorised unless the mobile node signed exactly this."""
    claims = _read(ATTACHMENT, proof, public_key)
    if (claims.get(token.SUBJECT), claims.get(ANCHOR), claims.get(AT)) != (
        mobile_node,
        anchor,
        attached_at,
    ):
        raise Unauthorised("the mobile node's word is about another attachment")


def check_release(
    proof: bytes,
    public_key: bytes | None,
    *,
    mobile_node: MobileNodeId,
    prefixes: tuple[HomePrefix, ...],
    requested_at: int,
) -> None:
    """Raises Unauthorised unless the mobile node signed exactly this."""
    claims = _read(RELEASE, proof, public_key)
    names = [str(prefix) for prefix in prefixes]
    if (claims.get(token.SUBJECT), claims.get(PREFIXES), claims.get(AT)) != (
        mobile_node,
        names,
        requested_at,
    ):
        raise Unauthorised("the mobile node's word is about another release")


def _read(kind: str, proof: bytes, public_key: bytes | None) -> token.Claims:
    if public_key is None:
        raise Unauthorised("the mobile node has no key in the registry")
    if not proof:
        raise Unauthorised("the mobile node's own word is missing")
    key = token.verification_key(public_key)
    return token.read(kind, proof, lambda _claims: key)
