"""Whether Proxy Mobile IPv6 is asked to carry what it has messages for."""

from collections.abc import Iterator

from opendmm.constellation.file import BindingName
from opendmm.constellation.findings import Check, Finding, Severity
from opendmm.constellation.placement import Placement
from opendmm.reference_points.catalogue import ReferencePointName

CARRIED = (ReferencePointName.R_XU, ReferencePointName.R_XX, ReferencePointName.R_II)


def _within_its_means(placement: Placement) -> Iterator[Finding]:
    for name, binding in placement.deployment.bindings.items():
        if binding is BindingName.PMIPV6 and name not in CARRIED:
            yield Finding(
                severity=Severity.ERROR,
                section=name,
                where=("reference_points", name),
                message=f"Proxy Mobile IPv6 has no message for {name}",
                hint=f"it carries {', '.join(CARRIED)}",
            )


CHECKS: tuple[Check, ...] = (_within_its_means,)
