"""Bindings declare everything they carry."""

import pytest

from opendmm.bindings import in_process
from opendmm.bindings.contract import (
    Declaration,
    Guarantee,
    Provision,
    ReferencePointProvision,
    Verdict,
    unsaid,
)
from opendmm.bindings.native import declaration as native
from opendmm.reference_points.catalogue import CATALOGUE, ReferencePointName


@pytest.mark.parametrize("declaration", [native.DECLARATION, in_process.DECLARATION])
def test_the_declaration_leaves_nothing_open(declaration: Declaration) -> None:
    assert set(declaration.reference_points) == set(CATALOGUE)
    assert list(unsaid(declaration)) == []


def test_an_incomplete_declaration_is_told_what_it_lacks() -> None:
    cannot = Provision(Verdict.CANNOT, "RFC 9301 §6.1")
    provision = ReferencePointProvision({"Nonsense": cannot}, {Guarantee.AUTHORITY: cannot})
    found = list(unsaid(Declaration("x", "y", {ReferencePointName.R_EC: provision})))
    assert "R_EC: nothing on DeliveryUpdate" in found
    assert "R_EC: has no message Nonsense" in found
    assert "R_EC: nothing on move order" in found
    assert any("needs a section, and a consequence" in text for text in found)
