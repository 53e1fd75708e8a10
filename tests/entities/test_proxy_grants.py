"""An FE_IEC that grants in the place of home anchors which are alive (RFC 8885 §3.4)."""

from typing import Any

import pytest

from opendmm.bindings.rfc8885.carriage import ends
from opendmm.model.context import MobilityContext
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.reference_points import r_xc
from opendmm.reference_points.message import Message, Status
from opendmm.simulation.constellations import small
from opendmm.simulation.hosts import AssembledHosts

NOW, LIFETIME = 1_900_000_000.0, 120.0
HOME, NEW, DATABASE = map(NodeId, ("anchor-a", "anchor-b", "database"))
ATTACHED = 1_900_000_000_000_000
MN = MobileNodeId("mn1@example.org")


class Database:
    """One that knows the mobile node to be at home, under a delegation or none."""

    def __init__(self, mode: str = "proxy", *, delegates: bool = True) -> None:
        self.deployment = small(mode)
        hosts = AssembledHosts(self.deployment)
        self.host = hosts.host(DATABASE)
        self.host.start({}, NOW)
        home = hosts.authority(HOME)
        prefixes = self.deployment.subscribers[MN].prefixes
        order = MoveOrder(1, ATTACHED, HOME)
        common: dict[str, Any] = {
            "mobile_node": MN,
            "prefixes": prefixes,
            "now": NOW,
            "lifetime": LIFETIME,
        }
        delegation = home.delegate(
            delegates=(DATABASE,), not_before=ATTACHED, network_attachments=True, **common
        )
        context = MobilityContext(
            mobile_node=MN,
            prefixes=prefixes,
            home_anchor=HOME,
            current_anchor=HOME,
            order=order,
            lifetime=LIFETIME,
            grant=home.issue(anchor=HOME, order=order, **common),
            delegation=delegation if delegates else b"",
        )
        egress = self.deployment.nodes[HOME].egress
        assert egress is not None
        update = r_xc.LocationUpdate(context=context, egress=egress, delivering=True)
        self.hear(HOME, update, NOW)

    def hear(self, sender: NodeId, message: Message, now: float) -> list[Message]:
        self.host.receive(ends(message, sender, DATABASE), now)
        return [said.message for said in self.host.drain().envelopes]

    def asked(self, after: float) -> r_xc.ContinuityResponse:
        """What it says to a claim of another anchor."""
        claim = r_xc.ContinuityRequest(
            mobile_node=MN,
            home_anchor=HOME,
            new_anchor=NEW,
            attached_at=ATTACHED + int(after * 1e6),
            proof=b"",
        )
        (answer,) = self.hear(NEW, claim, NOW + after)
        assert isinstance(answer, r_xc.ContinuityResponse)
        return answer


def test_it_grants_at_once_and_numbers_on() -> None:
    answer = Database().asked(1.0)
    assert answer.status == Status.ACCEPTED
    assert answer.context is not None
    assert answer.context.order.sequence == 2
    assert answer.context.current_anchor == NEW
    assert answer.former_anchors == (HOME,)


@pytest.mark.parametrize(
    ("database", "after", "status"),
    [
        (Database("relay"), 1.0, Status.REFUSED),
        (Database(delegates=False), 1.0, Status.NOT_AUTHORISED),
        (Database(), LIFETIME / 4 + 1, Status.REFUSED),
    ],
    ids=["not as relay", "not without delegation", "not when the delegation grows old"],
)
def test_otherwise_the_home_anchor_is_to_be_asked(
    database: Database, after: float, status: int
) -> None:
    """A grant must outlast the time until it is refreshed, and so must what it rests on."""
    answer = database.asked(after)
    assert (answer.status, answer.context) == (status, None)
