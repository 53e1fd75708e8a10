"""Whether a binding that carries several reference points as one is given all, and no other."""

from collections.abc import Iterator

from opendmm.constellation.file import BindingName
from opendmm.constellation.findings import Finding, Severity
from opendmm.constellation.placement import Placement
from opendmm.reference_points.catalogue import ReferencePointName


def all_or_nothing(
    placement: Placement,
    binding: BindingName,
    protocol: str,
    carried: frozenset[ReferencePointName],
) -> Iterator[Finding]:
    """Those that `protocol` has no message for, and those that are missing beside others."""
    bindings = placement.deployment.bindings
    over = {name for name, chosen in bindings.items() if chosen is binding}
    for name in sorted(over - carried):
        yield Finding(
            severity=Severity.ERROR,
            section=name,
            where=("reference_points", name),
            message=f"{protocol} has no message for {name}",
            hint=f"it carries {', '.join(sorted(carried))}",
        )
    for name in sorted(carried - over if over else ()):
        yield Finding(
            severity=Severity.ERROR,
            section=name,
            where=("reference_points",),
            message=f"{name} is not carried by {binding}, though {', '.join(sorted(over))} is",
            hint=f"add `{name}: {binding}`",
        )
