"""What the binding says of itself."""

from opendmm.bindings.bgp.declaration import CARRIED as DECLARED
from opendmm.bindings.bgp.declaration import DECLARATION
from opendmm.bindings.contract import Guarantee, Verdict, unsaid
from opendmm.constellation.bgp_placement import CARRIED
from opendmm.reference_points.catalogue import ReferencePointName


def test_the_declaration_leaves_nothing_open() -> None:
    assert set(DECLARATION.reference_points) == set(DECLARED) == CARRIED
    assert list(unsaid(DECLARATION)) == []


def test_it_owns_up_to_what_the_protocol_cannot() -> None:
    told = DECLARATION.reference_points[ReferencePointName.R_IC]
    for guarantee in (Guarantee.ACKNOWLEDGEMENT, Guarantee.AUTHORITY, Guarantee.CONFIDENTIALITY):
        assert told.guarantees[guarantee].verdict is Verdict.CANNOT
    for message in ("PolicyAcknowledgement", "PolicyRequest"):
        assert told.messages[message].verdict is Verdict.CANNOT
    assert told.guarantees[Guarantee.MOVE_ORDER].verdict is Verdict.EXTENSION
