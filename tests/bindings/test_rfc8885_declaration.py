"""What the binding says of itself."""

from opendmm.bindings.contract import Guarantee, Verdict, unsaid
from opendmm.bindings.rfc8885.declaration import DECLARATION
from opendmm.constellation.rfc8885 import CARRIED


def test_the_declaration_leaves_nothing_open() -> None:
    assert set(DECLARATION.reference_points) == CARRIED
    assert list(unsaid(DECLARATION)) == []


def test_it_owns_up_to_what_the_protocol_cannot() -> None:
    for provision in DECLARATION.reference_points.values():
        verdict = provision.guarantees[Guarantee.CONFIDENTIALITY].verdict
        assert verdict is Verdict.CANNOT
