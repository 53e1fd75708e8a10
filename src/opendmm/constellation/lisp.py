"""Whether a placement fits LISP (RFC 9301): tunnel routers around a mapping system."""

from collections.abc import Iterator

from opendmm.constellation.carriage import all_or_nothing
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import BindingName, Means
from opendmm.constellation.findings import Check, Finding, Severity
from opendmm.constellation.placement import Placement
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.reference_points.catalogue import ReferencePointName

FE = FunctionalEntity
CARRIED = frozenset({ReferencePointName.R_XC, ReferencePointName.R_IC, ReferencePointName.R_EC})
"""The reference points between tunnel routers and the mapping system."""
TUNNEL_ROUTER = {FE.FE_MCTX, FE.FE_I, FE.FE_E}
"""An xTR has one of these."""


def lisp_pairs(deployment: Deployment) -> set[tuple[NodeId, NodeId]]:
    """Which nodes share a key, by name: each tunnel router with each Map-Server."""
    if BindingName.LISP not in deployment.bindings.values():
        return set()
    plans = deployment.nodes.items()
    routers = {name for name, plan in plans if TUNNEL_ROUTER & set(plan.entities)}
    servers = {name for name, plan in plans if FE.FE_IEC in plan.entities}
    return {(min(a, b), max(a, b)) for a in routers for b in servers if a != b}


def serves_others(deployment: Deployment, node: NodeId) -> bool:
    """Whether a node is Map-Server and Map-Resolver for tunnel routers of other makes, too."""
    lisp, controllers = deployment.lisp, deployment.controllers
    carried = BindingName.LISP in deployment.bindings.values()
    shared = carried and any(plan.serves for plan in controllers.values())
    return node in controllers and bool(lisp.sites or lisp.delegations or lisp.authority or shared)


def _foreign(placement: Placement) -> Iterator[Finding]:
    """Who may register an EID is believed to have it: that must be nobody's home here."""
    pools = placement.deployment.pools
    for index, site in enumerate(placement.deployment.lisp.sites):
        for text in site.eid_prefixes:
            mine = HomePrefix.parse(text)
            if any(pool.covers(mine) or mine.covers(pool) for pool in pools):
                yield Finding(
                    severity=Severity.ERROR,
                    section="RFC 9301 §8.2",
                    where=("lisp", "sites", index, "eid_prefixes"),
                    message=f"site {site.name} could register mobile nodes of ours: {text} "
                    "overlaps a pool",
                    hint="mobile nodes are registered by their anchors, with a grant",
                )


def _together(placement: Placement) -> Iterator[Finding]:
    """A registration is what egress and ingresses go by: they are carried together."""
    yield from all_or_nothing(placement, BindingName.LISP, "LISP", CARRIED)


def _itrs(placement: Placement) -> Iterator[Finding]:
    """Sites of other makes take LISP, and are no homes of ours."""
    deployment = placement.deployment
    if deployment.foreign_eids and deployment.means is not Means.LISP:
        yield Finding(
            severity=Severity.ERROR,
            section="RFC 9300 §5",
            where=("forwarding", "means"),
            message=f"sites of other makes do not take packets by {deployment.means}",
            hint="choose `lisp`",
        )
    for index, eids in enumerate(deployment.foreign_eids):
        if any(pool.covers(eids) or eids.covers(pool) for pool in deployment.pools):
            yield Finding(
                severity=Severity.ERROR,
                section="RFC 9301 §5.4",
                where=("lisp", "eid_prefixes", index),
                message=f"a Map-Resolver of another make could say where mobile nodes of ours are: "
                f"{eids} overlaps a pool",
                hint="leave out what is a pool",
            )


CHECKS: tuple[Check, ...] = (_together, _foreign, _itrs)
