"""Mobile IPv6 says what it carries, what only with an extension, and what not."""

from opendmm.bindings.contract import Verdict, unsaid
from opendmm.bindings.mipv6.declaration import CARRIED_AS, DECLARATION
from opendmm.reference_points.catalogue import CATALOGUE, ReferencePointName

R_XU = ReferencePointName.R_XU


def test_the_declaration_leaves_nothing_open() -> None:
    assert set(DECLARATION.reference_points) == {R_XU}
    assert list(unsaid(DECLARATION)) == []


def test_what_is_carried_has_a_name_and_what_is_not_has_none() -> None:
    for message in CATALOGUE[R_XU].messages:
        said = DECLARATION.reference_points[R_XU].messages[message.__name__]
        assert (said.verdict is not Verdict.CANNOT) == (message in CARRIED_AS)
