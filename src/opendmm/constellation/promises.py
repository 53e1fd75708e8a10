"""Which promises of the design (§5, §6) a placement cannot keep, or keeps in its own way."""

from collections.abc import Iterator

from opendmm.constellation.bgp import announces
from opendmm.constellation.file import ProofMode
from opendmm.constellation.findings import Check, Finding, Severity
from opendmm.constellation.placement import Placement
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.reference_points.r_ic import PolicyMode

FE = FunctionalEntity


def _arrow(path: tuple[str, ...]) -> str:
    return " → ".join(path)


def _reached(placement: Placement) -> Iterator[Finding]:
    """From every correspondent an FE_I must be met; before the home anchor, if it can be. Where
    prefixes are announced every router is one."""
    if announces(placement.deployment):
        return
    for correspondent, home in placement.pairs():
        path = placement.path(correspondent, home)
        met = placement.redirecting(path, home)
        where = ("nodes", correspondent)
        selecting = [n for n in path if _selects(placement, n, home)]
        if not met and selecting:
            yield Finding(
                severity=Severity.WARNING,
                section="§5 Truth",
                where=where,
                message=f"packets {_arrow(path)} of flows that no policy of "
                f"`{selecting[0]}` names are lost while their mobile node is away from "
                f"`{home}`: no FE_I redirects the rest",
                hint=f"place FE_I without `flows` on {_choices(path)}, best on `{home}`",
            )
        elif not met:
            yield Finding(
                severity=Severity.ERROR,
                section="§5 Truth",
                where=where,
                message=f"packets {_arrow(path)} meet no FE_I that is told of the prefixes at "
                f"`{home}`: who moves away from there is lost to `{correspondent}`",
                hint=f"place FE_I on {_choices(path)} (and look at its policy groups)",
            )
        elif selecting:
            yield Finding(
                severity=Severity.NOTE,
                section="R_IC",
                where=where,
                message=f"packets {_arrow(path)}: `{selecting[0]}` redirects the flows that its "
                f"policy names, `{met[0]}` all others",
                hint="",
            )
        elif met[0] == home:
            yield Finding(
                severity=Severity.NOTE,
                section="draft §4.1",
                where=where,
                message=f"packets {_arrow(path)} are redirected at the home anchor only: their "
                "path is stretched through it after a move (condensed)",
                hint=f"FE_I on {_choices(path[:-1])} would shorten it" if path[1:-1] else "",
            )


def _selects(placement: Placement, node: str, home: NodeId) -> bool:
    return node in placement.deployment.ingresses and bool(placement.selecting(NodeId(node), home))


def _choices(path: tuple[str, ...]) -> str:
    return " or ".join(f"`{node}`" for node in path[1:])


def _survival(placement: Placement) -> Iterator[Finding]:
    """A controller's death stops the moves it answers for, unless another takes over. One that
    announces is beside the anchor, and dies with it."""
    if announces(placement.deployment):
        return
    for name, plan in placement.deployment.controllers.items():
        if plan.standby is not None or plan.standby_for is not None:
            continue
        prefixes = ", ".join(map(str, plan.serves)) or "all prefixes"
        yield Finding(
            severity=Severity.NOTE,
            section="§5 Survival",
            where=("nodes", name, "entities"),
            message=f"while FE_IEC of `{name}` is dead no ingress learns of moves of {prefixes}; "
            "after its restart all is put right",
            hint=f"another FE_IEC with `standby_for: {name}` would take over",
        )


def _home_death(placement: Placement) -> Iterator[Finding]:
    deployment = placement.deployment
    proving = deployment.attachment_proof is ProofMode.MOBILE_NODE
    if deployment.delegation and deployment.delegation_proof is ProofMode.NETWORK:
        yield Finding(
            severity=Severity.NOTE,
            section="§6 Authority",
            where=("security", "delegation_proof"),
            message="home anchors trust FE_IEC with their prefixes: one gone bad can redirect them",
            hint="`delegation_proof: mobile-node` takes the mobile node's signature as well",
        )
        return
    if deployment.delegation and proving:
        return
    if deployment.delegation:
        yield Finding(
            severity=Severity.WARNING,
            section="§6 Authority",
            where=("security", "delegation"),
            message="delegation is never used: an FE_IEC grants only on the mobile node's own "
            "proof, and the proof here is the network's",
            hint="set `attachment_proof: mobile-node`, or `delegation_proof: network` if home "
            "anchors trust FE_IEC that far",
        )
    if placement.homes:
        yield Finding(
            severity=Severity.NOTE,
            section="§5 Survival",
            where=("security",),
            message=f"while a home anchor ({', '.join(placement.homes)}) is dead its mobile nodes "
            "cannot move: nobody else may grant it, and the move fails honestly",
            hint="`delegation: true` with `attachment_proof: mobile-node` lets an FE_IEC grant",
        )


def _proof(placement: Placement) -> Iterator[Finding]:
    if placement.deployment.attachment_proof is not ProofMode.MOBILE_NODE:
        return
    for subscriber in placement.subscribers:
        if not subscriber.client:
            yield Finding(
                severity=Severity.ERROR,
                section="§6 Authority",
                where=("mobile_nodes", subscriber.name),
                message=f"`{subscriber.name}` must prove its attachments and has no FE_MU_C to "
                "sign them: every move of it is refused",
                hint="give it `client: true`, or set `attachment_proof: network`",
            )


def _served(placement: Placement) -> Iterator[Finding]:
    """With responsibility split, every home prefix needs an instance that answers for it."""
    controllers = placement.deployment.controllers.values()
    if announces(placement.deployment):
        return
    if not controllers or any(not plan.serves and not plan.standby_for for plan in controllers):
        return
    served = [prefix for plan in controllers for prefix in plan.serves]
    for subscriber in placement.subscribers:
        left = [p for p in subscriber.prefixes if not any(s.covers(p) for s in served)]
        for prefix in left:
            yield Finding(
                severity=Severity.WARNING,
                section="R_II",
                where=("mobile_nodes", subscriber.name, "prefixes"),
                message=f"no FE_IEC serves {prefix}: each takes it for its own, and only the "
                "ingresses of the one that is told follow",
                hint="add it to the `serves` of one instance",
            )


def _pull(placement: Placement) -> Iterator[Finding]:
    for name, plan in placement.deployment.ingresses.items():
        if plan.mode is PolicyMode.PULL:
            yield Finding(
                severity=Severity.NOTE,
                section="R_IC",
                where=("nodes", name),
                message=f"FE_I of `{name}` asks on the first packet: the first packets of a flow "
                "go on to the home anchor, until the answer is there",
                hint="`mode: push` tells it ahead of need",
            )
            yield from _pull_alone(placement, str(name))


def _pull_alone(placement: Placement, ingress: str) -> Iterator[Finding]:
    """First packets that went on must be redirected by someone, or they are lost."""
    for home in placement.homes:
        paths = (placement.path(c, home) for c in placement.correspondents)
        alone = [p for p in paths if placement.redirecting(p, home) == (ingress,)]
        if alone and ingress != home:
            yield Finding(
                severity=Severity.WARNING,
                section="§5 No blackhole",
                where=("nodes", ingress),
                message=f"first packets {_arrow(alone[0])} meet no other FE_I: those to a mobile "
                "node that is away are lost when its home anchor no longer forwards",
                hint=f"FE_I on `{home}` redirects them",
            )


def _timers(placement: Placement) -> Iterator[Finding]:
    timers, far = placement.deployment.timers, placement.longest_delay
    for field, value, least, consequence in (
        ("retransmit", timers.retransmit, 2 * far, "messages are repeated before their answer"),
        ("peer_timeout", timers.peer_timeout, 4 * far, "living peers are taken for dead"),
        ("drain", timers.drain, 2 * far, "the previous anchor stops while packets are under way"),
    ):
        if value < least:
            yield Finding(
                severity=Severity.WARNING,
                section="timers",
                where=("timers", field),
                message=f"{field} is {value * 1000:g} ms and entities are up to {far * 1000:g} ms "
                f"apart: {consequence}",
                hint=f"give it {least * 1000:g}ms or more",
            )


CHECKS: tuple[Check, ...] = (
    _reached,
    _survival,
    _home_death,
    _proof,
    _served,
    _pull,
    _timers,
)
