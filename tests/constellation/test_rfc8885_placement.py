"""What `dmm check` says of constellations with RFC 8885."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from opendmm.constellation.file import ConstellationFile
from opendmm.constellation.findings import Finding, Severity
from opendmm.constellation.reasoning import reason
from opendmm.constellation.resolve import deployment
from opendmm.constellation.roles import mobility_associations

EXAMPLE = Path(__file__).parents[2] / "examples" / "pmipv6-rfc8885.yaml"


def content(**sections: Any) -> dict[str, Any]:
    file: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
    return file | sections


def found(file: dict[str, Any]) -> list[Finding]:
    return reason(deployment(msgspec.convert(file, ConstellationFile)))


@pytest.mark.parametrize("mode", ["relay", "locator", "proxy"])
def test_nothing_speaks_against_the_example_in_any_mode(mode: str) -> None:
    findings = found(content(rfc8885={"mode": mode}))
    assert {finding.severity for finding in findings} == {Severity.NOTE}


def test_the_trust_of_a_delegation_without_proof_is_said() -> None:
    (said,) = [f for f in found(content()) if f.where == ("security", "delegation_proof")]
    assert "trust FE_IEC" in said.message


def test_reference_points_between_maars_and_cmd_are_carried_together() -> None:
    (error,) = [
        finding
        for finding in found(
            content(reference_points={"R_XX": "rfc8885", "R_XC": "rfc8885", "R_EC": "rfc8885"})
        )
        if finding.severity is Severity.ERROR
    ]
    assert (error.section, error.hint) == ("R_IC", "add `R_IC: rfc8885`")


def test_what_rfc_8885_has_no_message_for_is_not_carried_by_it() -> None:
    points = dict.fromkeys(("R_XX", "R_XC", "R_IC", "R_EC", "R_II"), "rfc8885")
    assert "RFC 8885 has no message for R_II" in {
        finding.message for finding in found(content(reference_points=points))
    }


def test_the_database_has_no_data_plane_and_no_second() -> None:
    file = content()
    file["nodes"]["maar-a"]["entities"].append("FE_IEC")
    errors = [f.message for f in found(file) if f.section == "RFC 8885 §3"]
    assert errors == [
        "a domain of RFC 8885 has one Central Mobility Database",
        "the Central Mobility Database has no data plane, and `maar-a` has FE_MCTX, FE_I, FE_E",
    ]


def test_a_proxy_without_delegation_is_told_that_it_relays() -> None:
    findings = found(content(rfc8885={"mode": "proxy"}, security={}))
    (warning,) = [f for f in findings if f.severity is Severity.WARNING]
    assert warning.where == ("rfc8885", "mode")
    assert "relays instead" in warning.message


def test_only_a_locator_needs_keys_between_maars() -> None:
    """RFC 8885 §6."""
    pairs = {
        mode: mobility_associations(
            deployment(msgspec.convert(content(rfc8885={"mode": mode}), ConstellationFile))
        )
        for mode in ("relay", "locator", "proxy")
    }
    assert len(pairs["relay"]) == len(pairs["proxy"]) == 3
    assert len(pairs["locator"]) == 6
