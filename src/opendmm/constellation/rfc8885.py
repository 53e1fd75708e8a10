"""Whether a placement fits distributed Proxy Mobile IPv6 (RFC 8885): MAARs around one CMD."""

from collections.abc import Iterator

from opendmm.constellation.carriage import all_or_nothing
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import BindingName, Compatibility, ProofMode
from opendmm.constellation.findings import Check, Finding, Severity
from opendmm.constellation.placement import Placement
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.reference_points.catalogue import ReferencePointName

FE = FunctionalEntity
CARRIED = frozenset(
    {
        ReferencePointName.R_XX,
        ReferencePointName.R_XC,
        ReferencePointName.R_IC,
        ReferencePointName.R_EC,
    }
)
"""The reference points between MAARs, and between them and the CMD."""


def database_of(deployment: Deployment) -> NodeId | None:
    """The CMD: where the FE_IEC is. None where RFC 8885 carries nothing."""
    if BindingName.RFC8885 not in deployment.bindings.values():
        return None
    return next(iter(deployment.controllers), None)


def _together(placement: Placement) -> Iterator[Finding]:
    """A registration is R_XC and R_XX in one message: they are carried together or not at all."""
    yield from all_or_nothing(placement, BindingName.RFC8885, "RFC 8885", CARRIED)


def _one_database(placement: Placement) -> Iterator[Finding]:
    if database_of(placement.deployment) is None:
        return
    controllers = placement.hosting(FE.FE_IEC)
    for name in controllers[1:]:
        yield Finding(
            severity=Severity.ERROR,
            section="RFC 8885 §3",
            where=("nodes", name, "entities"),
            message="a domain of RFC 8885 has one Central Mobility Database",
            hint=f"leave FE_IEC to `{controllers[0]}`",
        )
    for name in controllers:
        beside = [kind for kind in (FE.FE_MCTX, FE.FE_I, FE.FE_E) if placement.has(name, kind)]
        if beside:
            yield Finding(
                severity=Severity.ERROR,
                section="RFC 8885 §3",
                where=("nodes", name, "entities"),
                message=f"the Central Mobility Database has no data plane, and `{name}` has "
                f"{', '.join(beside)}",
                hint="give FE_IEC a node of its own",
            )


def _proxy(placement: Placement) -> Iterator[Finding]:
    deployment = placement.deployment
    if not deployment.proxied:
        return
    by_network = deployment.delegation_proof is ProofMode.NETWORK
    by_mobile_node = deployment.attachment_proof is ProofMode.MOBILE_NODE
    if deployment.delegation and (by_network or by_mobile_node):
        return
    yield Finding(
        severity=Severity.WARNING,
        section="§6 Authority",
        where=("rfc8885", "mode"),
        message="the CMD may not grant in the home anchors' place: it relays instead",
        hint="set `delegation: true`, and `delegation_proof: network` where the network alone "
        "notices mobile nodes",
    )


def _compatibility(placement: Placement) -> Iterator[Finding]:
    if placement.deployment.rfc8885.compatibility is not Compatibility.NONE:
        yield Finding(
            severity=Severity.WARNING,
            section="§6 Authority",
            where=("rfc8885", "compatibility"),
            message="a controller of another make authenticates nothing and grants nothing: mobile "
            "nodes have the prefixes of the MAAR they are at, and older ones are not redirected",
            hint="run OpenDMM as the CMD, where prefixes are to stay in use after a move",
        )


CHECKS: tuple[Check, ...] = (_together, _one_database, _proxy, _compatibility)
