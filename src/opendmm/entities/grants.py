"""The check every entity makes before it lets a context change forwarding (design §6)."""

from opendmm.authority.authority import Authority
from opendmm.authority.grant import Grant, Unauthorised
from opendmm.model.addressing import Egress
from opendmm.model.context import ContextId, MobilityContext
from opendmm.model.policy import DeliveryPolicy, ForwardingPolicy


def granted(authority: Authority, context: MobilityContext, now: float) -> Grant:
    """The grant a context rests on. Raises Unauthorised unless it covers exactly this context."""
    grant = authority.verify(context.grant, now)
    _same(grant, context.key, context)
    if grant.anchor != context.current_anchor:
        raise Unauthorised(f"granted to {grant.anchor}, not to {context.current_anchor}")
    _belongs(authority, context.key, context)
    return grant


def policy_granted(
    authority: Authority, policy: ForwardingPolicy | DeliveryPolicy, now: float
) -> Grant:
    """The grant a policy rests on. Raises Unauthorised unless it covers exactly this policy."""
    grant = authority.verify(policy.grant, now)
    _same(grant, policy.key, policy)
    _belongs(authority, policy.key, policy)
    return grant


def egress_allowed(authority: Authority, grant: Grant, egress: Egress) -> None:
    """Raises Unauthorised unless the registry lets the granted anchor name this egress."""
    if not authority.registry.may_use_egress(grant.anchor, egress):
        raise Unauthorised(f"{egress} is no egress of {grant.anchor}")


def _same(
    grant: Grant, key: ContextId, subject: MobilityContext | ForwardingPolicy | DeliveryPolicy
) -> None:
    if grant.mobile_node != key.mobile_node:
        raise Unauthorised(f"the grant is for {grant.mobile_node}")
    if grant.order != subject.order:
        raise Unauthorised(f"the grant is for move {grant.order}, not {subject.order}")
    if set(grant.prefixes) != set(subject.prefixes):
        raise Unauthorised("the grant is for other prefixes")


def _belongs(
    authority: Authority,
    key: ContextId,
    subject: MobilityContext | ForwardingPolicy | DeliveryPolicy,
) -> None:
    for prefix in subject.prefixes:
        if authority.registry.home_of(prefix) != key.home_anchor:
            raise Unauthorised(f"{prefix} is not at home at {key.home_anchor}")
