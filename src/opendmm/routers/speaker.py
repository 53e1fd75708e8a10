"""What the configuration of one speaker is made of, whatever its software."""

from collections.abc import Iterator

import msgspec

from opendmm.constellation.bgp import Neighbour, neighbours, speakers
from opendmm.constellation.deployment import Deployment, NodePlan
from opendmm.constellation.file import RouterSoftware
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.routers.passwords import Passwords

MOVE_NUMBER = 1
"""Second part of the large community that tells a move's number: AS:1:n."""
MOVED_MARK = (2, 1)
"""Second and third part of the large community that marks moved prefixes: AS:2:1."""
KEEPALIVE, HOLD = 3, 9
"""Seconds: a neighbour that died without a word is noticed in nine (RFC 4271 §10 suggests 90)."""
MOST_TTL = 255
CONNECT_RETRY = 1
"""Seconds between attempts at a session (RFC 4271 §10 suggests 120)."""


class Family(msgspec.Struct, frozen=True):
    """An address family, by the name that all daemons use for it."""

    name: str
    bits: int


IPV6, IPV4 = Family("ipv6", 128), Family("ipv4", 32)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session for the routes of one family, over addresses of that family."""

    node: NodeId
    family: Family
    local: str
    remote: str
    client: bool
    hops: int | None = None
    """Links to the neighbour: what has come further is refused. None: it is not looked at."""
    password: str | None = None
    """What segments are signed with; None: they are not."""
    ring: int
    """From which ring on an anchor announces moved prefixes to the neighbour."""
    pools: tuple[HomePrefix, ...]
    """What the neighbour may announce as it is."""
    moved: tuple[HomePrefix, ...]
    """Out of what it may announce longer prefixes that carry the mark."""

    @property
    def least_ttl(self) -> int | None:
        """Of packets from the neighbour, which sends them with 255 (RFC 5082 §3)."""
        return None if self.hops is None else MOST_TTL + 1 - self.hops


class Speaker(msgspec.Struct, frozen=True, kw_only=True):
    """One node that speaks BGP."""

    constellation: str
    node: NodeId
    software: RouterSoftware
    as_number: int
    router_id: str
    reflects: bool
    anchor: bool
    """It is one of ours: announces its pools, and what is at it, from the kernel."""
    pools: tuple[HomePrefix, ...]
    max_prefixes: int
    recommended: bool
    """Set for quick moves; otherwise as the software comes."""
    sessions: tuple[Session, ...]

    @property
    def mark(self) -> tuple[int, int, int]:
        """The large community of moved prefixes."""
        return (self.as_number, *MOVED_MARK)


def speaker(deployment: Deployment, node: NodeId, passwords: Passwords | None) -> Speaker:
    """The view of one speaker, whose sessions have these passwords, or are not signed. Raises
    KeyError when the node is none."""
    plan = deployment.nodes[node]
    signed = passwords if deployment.bgp.md5 else None
    return Speaker(
        constellation=deployment.name,
        node=node,
        software=speakers(deployment)[node],
        as_number=deployment.bgp.as_number,
        router_id=plan.ipv4,
        reflects=node in deployment.bgp.reflectors,
        anchor=plan.router is None,
        pools=plan.pools,
        max_prefixes=deployment.bgp.max_prefixes,
        recommended=deployment.bgp.recommended,
        sessions=tuple(
            msgspec.structs.replace(
                session,
                hops=far.hops if deployment.bgp.ttl_security else None,
                password=None if signed is None else signed[far.node],
            )
            for far in neighbours(deployment, node)
            for session in _sessions(plan, far)
        ),
    )


def _sessions(plan: NodePlan, far: Neighbour) -> Iterator[Session]:
    ends = ((IPV6, str(plan.locator), str(far.locator)), (IPV4, plan.ipv4, far.ipv4))
    for family, local, remote in ends:
        yield Session(
            node=far.node,
            family=family,
            local=local,
            remote=remote,
            client=far.client,
            ring=far.ring,
            pools=_of(family, far.may_announce.pools),
            moved=_of(family, far.may_announce.moved),
        )


def _of(family: Family, prefixes: tuple[HomePrefix, ...]) -> tuple[HomePrefix, ...]:
    return tuple(prefix for prefix in prefixes if prefix.is_ipv6 == (family is IPV6))
