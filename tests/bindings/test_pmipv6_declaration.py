"""Proxy Mobile IPv6 says what it carries, what only with an extension, and what not."""

import pytest

from opendmm.bindings.carried import Carried
from opendmm.bindings.contract import Verdict, unsaid
from opendmm.bindings.pmipv6.declaration import CARRIED_AS, DECLARATION
from opendmm.constellation.file import BindingName
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import CATALOGUE, Envelope, ReferencePointName
from opendmm.reference_points.message import Message

R_XU = ReferencePointName.R_XU
CLIENT = "mn1@example.org"


def test_the_declaration_leaves_nothing_open() -> None:
    assert list(unsaid(DECLARATION)) == []


@pytest.mark.parametrize("name", DECLARATION.reference_points)
def test_what_is_carried_has_a_name_and_what_is_not_has_none(name: ReferencePointName) -> None:
    for message in CATALOGUE[name].messages:
        said = DECLARATION.reference_points[name].messages[message.__name__]
        assert (said.verdict is not Verdict.CANNOT) == (message in CARRIED_AS)


@pytest.mark.parametrize(
    ("sender", "receiver", "message", "name"),
    [
        (
            "mag-1",
            "lma",
            r_xu.AttachNotification(mobile_node=MobileNodeId(CLIENT), attached_at=1),
            "PBU",
        ),
        (
            "lma",
            "lma",
            r_xu.AttachNotification(mobile_node=MobileNodeId(CLIENT), attached_at=1),
            "",
        ),
        (
            CLIENT,
            "lma",
            r_xu.AttachNotification(mobile_node=MobileNodeId(CLIENT), attached_at=1),
            "",
        ),
        ("mag-1", "lma", r_xu.ReleaseRequest(mobile_node=MobileNodeId(CLIENT), requested_at=1), ""),
    ],
    ids=["between nodes", "within a node", "from a client", "without a header"],
)
def test_a_message_is_named_by_the_header_that_carries_it(
    sender: str, receiver: str, message: Message, name: str
) -> None:
    ends = (
        EntityAddress(NodeId(sender), FunctionalEntity.FE_MU_C),
        EntityAddress(NodeId(receiver), FunctionalEntity.FE_MCTX),
    )
    carried = Carried({R_XU: BindingName.PMIPV6}, {MobileNodeId(CLIENT)})
    assert carried(Envelope(R_XU, *ends, message)) == name
    native = Carried({R_XU: BindingName.NATIVE}, ())
    assert native(Envelope(R_XU, *ends, message)) == ""
