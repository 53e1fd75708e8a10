"""Reasoning about a constellation that is correctly written: what will it do, what not?

The placement of the functional entities decides which promises can be kept. Four tables of
small checks look at it: who lacks a counterpart, which promise is broken or costs something,
what the forwarding means can carry, whether a protocol fits. Nothing is run.
"""

from collections.abc import Iterator

from opendmm.constellation import (
    bgp_placement,
    counterparts,
    lisp,
    means,
    mipv6,
    pmipv6,
    promises,
    rfc8885,
)
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.findings import Check, Finding, Severity
from opendmm.constellation.placement import Placement

CHECKS: tuple[Check, ...] = (
    *counterparts.CHECKS,
    *promises.CHECKS,
    *means.CHECKS,
    *pmipv6.CHECKS,
    *mipv6.CHECKS,
    *rfc8885.CHECKS,
    *lisp.CHECKS,
    *bgp_placement.CHECKS,
)
_WEIGHT = {severity: weight for weight, severity in enumerate(Severity)}


def reason(deployment: Deployment) -> list[Finding]:
    """Every finding about the deployment, what weighs most first."""
    placement = Placement(deployment)
    return sorted(_found(placement), key=lambda finding: _WEIGHT[finding.severity])


def _found(placement: Placement) -> Iterator[Finding]:
    for check in CHECKS:
        yield from check(placement)
