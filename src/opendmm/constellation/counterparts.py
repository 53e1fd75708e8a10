"""Which entity lacks a counterpart on a reference point that it needs (draft §3)."""

from collections.abc import Iterator

from opendmm.constellation.findings import Check, Finding, Severity
from opendmm.constellation.placement import Placement
from opendmm.constellation.source import Where
from opendmm.model.identity import FunctionalEntity, NodeId

FE = FunctionalEntity


def _entities_of(node: NodeId) -> Where:
    return "nodes", node, "entities"


def _context(placement: Placement) -> Iterator[Finding]:
    for node in placement.anchors:
        if not placement.has(node, FE.FE_MCTX):
            yield Finding(
                severity=Severity.ERROR,
                section="R_XA",
                where=_entities_of(node),
                message=f"FE_MA_C of `{node}` has no FE_MCTX beside it: no context comes or goes",
                hint=f"add FE_MCTX to `{node}`",
            )


def _user_plane(placement: Placement) -> Iterator[Finding]:
    for node in placement.anchors:
        if not placement.has(node, FE.FE_MA_U):
            yield Finding(
                severity=Severity.NOTE,
                section="draft §3",
                where=_entities_of(node),
                message=f"`{node}` has FE_MA_C without FE_MA_U: its kernel forwards all the same",
                hint="name FE_MA_U, too, to say so",
            )


def _notification(placement: Placement) -> Iterator[Finding]:
    """Somebody must tell FE_MCTX that a mobile node has come."""
    for node in sorted({node for s in placement.subscribers for node in s.access}):
        silent = [s.name for s in placement.subscribers if not s.client and node in s.access]
        if silent and not placement.has(node, FE.FE_MU_C):
            yield Finding(
                severity=Severity.ERROR,
                section="R_XU",
                where=_entities_of(node),
                message=f"nobody tells FE_MCTX of `{node}` that {', '.join(silent)} has attached",
                hint=f"add FE_MU_C to `{node}`, or give the mobile node `client: true`",
            )
    for node in placement.hosting(FE.FE_MU_C):
        anchor = placement.deployment.anchor_at(node)
        if not placement.has(anchor, FE.FE_MCTX):
            yield Finding(
                severity=Severity.ERROR,
                section="R_XU",
                where=_entities_of(node),
                message=f"FE_MU_C of `{node}` has no FE_MCTX to notify",
                hint="FE_MU_C of the network sits beside an anchor's FE_MCTX, or on a mobile "
                "access gateway with `anchor: …`",
            )


def _indirection_control(placement: Placement) -> Iterator[Finding]:
    """FE_MCTX and FE_E without any FE_IEC; an FE_IEC without FE_I or FE_MCTX, unless it serves
    LISP sites of other makes and nobody else."""
    controllers = placement.hosting(FE.FE_IEC)
    for entity, point, consequence in (
        (FE.FE_MCTX, "R_XC", "no ingress ever hears of a move"),
        (FE.FE_E, "R_EC", "it never learns what to deliver"),
    ):
        hosts = placement.hosting(entity)
        if hosts and not controllers:
            yield Finding(
                severity=Severity.ERROR,
                section=point,
                where=_entities_of(hosts[0]),
                message=f"{entity} ({', '.join(hosts)}) has no FE_IEC: {consequence}",
                hint="place an FE_IEC on some node",
            )
    for entity, point, consequence in (
        (FE.FE_I, "R_IC", "it has nobody to give policies to"),
        (FE.FE_MCTX, "R_XC", "nobody tells it of a move"),
    ):
        alone = placement.deployment.lisp.sites and not placement.anchors
        if controllers and not placement.hosting(entity) and not alone:
            yield Finding(
                severity=Severity.ERROR,
                section=point,
                where=_entities_of(controllers[0]),
                message=f"FE_IEC ({', '.join(controllers)}) has no {entity}: {consequence}",
                hint=f"place an {entity} on some node",
            )


def _idle_egresses(placement: Placement) -> Iterator[Finding]:
    named = {plan.egress.node for plan in placement.deployment.nodes.values() if plan.egress}
    for node in placement.hosting(FE.FE_E):
        if node not in named and node not in placement.deployment.ingresses:
            yield Finding(
                severity=Severity.WARNING,
                section="R_EC",
                where=_entities_of(node),
                message=f"FE_E of `{node}` is the egress of no anchor: every anchor has a nearer",
                hint="move it beside an anchor, or take it away",
            )


def _lone_anchor(placement: Placement) -> Iterator[Finding]:
    if len(placement.anchors) == 1:
        yield Finding(
            severity=Severity.NOTE,
            section="R_XX",
            where=_entities_of(placement.anchors[0]),
            message="there is one anchor: nobody can move",
            hint="add an anchor to move to",
        )
    for subscriber in placement.subscribers:
        reached = {placement.deployment.anchor_at(node) for node in subscriber.access}
        if len(placement.anchors) > 1 and not reached - {subscriber.home}:
            yield Finding(
                severity=Severity.NOTE,
                section="R_XX",
                where=("mobile_nodes", subscriber.name),
                message=f"`{subscriber.name}` has access to its home anchor only: it cannot move",
                hint="add anchors to its `access`",
            )


CHECKS: tuple[Check, ...] = (
    _context,
    _user_plane,
    _notification,
    _indirection_control,
    _idle_egresses,
    _lone_anchor,
)
