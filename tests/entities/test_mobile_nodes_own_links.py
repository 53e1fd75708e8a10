"""FE_MU_C on the mobile node: what it asks of its kernel as its links come and go."""

import pytest

from opendmm.authority.authority import MobileNodeCredential
from opendmm.entities.effects import (
    Effect,
    Install,
    LinkAttached,
    LinkDetached,
    Received,
    Remove,
    Send,
)
from opendmm.entities.fe_mu_c import HostClient, SeveralHomesClient
from opendmm.entities.fe_mu_c.host import DEFAULT_ROUTES
from opendmm.model.addressing import HomePrefix, Locator
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.rules import Access, RuleKey, Table, Tunnel
from opendmm.reference_points import r_xu

MN = MobileNodeId("mn1@example.org")
A, B = NodeId("ha-a"), NodeId("ha-b")
AGENTS = {A: Locator.parse("2001:db8:1::1"), B: Locator.parse("2001:db8:2::1")}
CARE_OF = Locator.parse("2001:db8:9::9")
EVERYTHING, EVERYTHING_IPV4 = DEFAULT_ROUTES
SECOND_HOME = HomePrefix.parse("2001:db8:b::100/128")


def client(*sources: HomePrefix) -> HostClient:
    credential = MobileNodeCredential(MN, bytes(32))
    return HostClient(MN, credential, 0.2, AGENTS, sources or DEFAULT_ROUTES)


def up(access: str, agent: NodeId, care_of: Locator | None = None) -> LinkAttached:
    return LinkAttached(MN, access, bytes(6), agent, care_of)


def said(effects: list[Effect]) -> list[r_xu.AttachNotification]:
    messages = (e.message for e in effects if isinstance(e, Send))
    return [m for m in messages if isinstance(m, r_xu.AttachNotification)]


def accepted(told: r_xu.AttachNotification, agent: NodeId) -> Received:
    answer = r_xu.AttachAcknowledgement(
        mobile_node=MN, attached_at=told.attached_at, status=0, anchor=agent
    )
    return Received(EntityAddress(agent, FunctionalEntity.FE_MCTX), answer)


def steered(effects: list[Effect]) -> dict[HomePrefix, object]:
    return {e.rule.key.prefix: e.rule.action for e in effects if isinstance(e, Install)}


def test_at_home_all_goes_by_the_link_and_as_a_guest_ipv6_goes_in_a_tunnel() -> None:
    mobile = client()
    (told,) = said(mobile.handle(up("ha-a", A), 1.0))
    assert told.care_of is None
    assert steered(mobile.handle(accepted(told, A), 1.1)) == dict.fromkeys(
        DEFAULT_ROUTES, Access("ha-a", b"")
    )
    (told,) = said(mobile.handle(up("ar-1", B, CARE_OF), 2.0))
    assert told.care_of == CARE_OF
    assert steered(mobile.handle(accepted(told, B), 2.1)) == {
        EVERYTHING: Tunnel(AGENTS[B], entry=CARE_OF)
    }


def test_when_the_last_link_goes_so_do_the_routes_which_the_kernel_has_forgotten() -> None:
    mobile = client()
    (told,) = said(mobile.handle(up("ar-1", A, CARE_OF), 1.0))
    mobile.handle(accepted(told, A), 1.1)
    effects = mobile.handle(LinkDetached(MN, "ar-1"), 2.0)
    assert [e for e in effects if isinstance(e, Remove)] == [
        Remove(RuleKey(Table.UPLINK, source)) for source in DEFAULT_ROUTES
    ]


def test_of_several_home_agents_each_is_told_and_each_has_its_own_address() -> None:
    homes = {A: client(), B: client(SECOND_HOME)}
    mobile = SeveralHomesClient(homes, {A: (), B: (SECOND_HOME,)})
    told = {t.care_of: t for t in said(mobile.handle(up("ha-a", A, CARE_OF), 1.0))}
    assert set(told) == {None, CARE_OF}  # at home with the one, a guest to the other
    at_home = mobile.handle(accepted(told[None], A), 1.1)
    as_guest = mobile.handle(accepted(told[CARE_OF], B), 1.1)
    assert steered(at_home)[EVERYTHING] == Access("ha-a", b"")
    assert steered(as_guest) == {SECOND_HOME: Tunnel(AGENTS[B], entry=CARE_OF)}


@pytest.mark.parametrize("later", [1.0, 0.5])
def test_an_attachment_is_later_than_the_one_before_whatever_the_clock_says(later: float) -> None:
    mobile = client()
    (first,) = said(mobile.handle(up("ar-1", A, CARE_OF), 1.0))
    (second,) = said(mobile.handle(up("ar-2", A, CARE_OF), later))
    assert second.attached_at > first.attached_at
