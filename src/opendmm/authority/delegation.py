"""A home anchor's leave to grant in its place, worth nothing without the mobile node's word."""

from opendmm.authority import token
from opendmm.authority.grant import Unauthorised
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import MobileNodeId, NodeId

PREFIXES, DELEGATES = -70001, -70002

DELEGATION = "delegation"


def claims_of(
    *,
    home_anchor: NodeId,
    mobile_node: MobileNodeId,
    prefixes: tuple[HomePrefix, ...],
    delegates: tuple[NodeId, ...],
    now: float,
    lifetime: float,
) -> token.Claims:
    """What a delegation says."""
    return {
        token.ISSUER: home_anchor,
        token.SUBJECT: mobile_node,
        token.ISSUED_AT: now,
        token.EXPIRES_AT: now + lifetime,
        PREFIXES: [str(prefix) for prefix in prefixes],
        DELEGATES: list(delegates),
    }


def check(
    claims: token.Claims,
    *,
    mobile_node: MobileNodeId,
    prefixes: tuple[HomePrefix, ...],
    delegate: NodeId,
    now: float,
) -> None:
    """Raises Unauthorised unless a (verified) delegation covers all of this."""
    token.current(claims, now)
    named = claims.get(PREFIXES)
    if claims.get(token.SUBJECT) != mobile_node or not isinstance(named, list):
        raise Unauthorised("the delegation is for another mobile node")
    if any(str(prefix) not in named for prefix in prefixes):
        raise Unauthorised("the delegation is for other prefixes")
    delegates = claims.get(DELEGATES)
    if not isinstance(delegates, list) or delegate not in delegates:
        raise Unauthorised(f"the delegation does not name {delegate}")
