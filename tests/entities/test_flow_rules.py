"""Flow identification rules from the controller to ingress and egress (draft, R_IC and R_EC)."""

import msgspec
import pytest
from anchors import (
    ANCHORS,
    CONTROLLER,
    EGRESSES,
    HNP,
    HOA,
    INGRESS,
    MN,
    attach,
    authority,
    cooperative,
    move,
)
from hypothesis import given
from hypothesis import strategies as st
from instant_network import START, InstantNetwork

from opendmm.entities.effects import Install, PacketWithoutPolicy, Received, Send
from opendmm.entities.fe_e import FeE
from opendmm.entities.fe_iec import ControllerConfig, IngressScope
from opendmm.model.addressing import HomePrefix, Locator
from opendmm.model.context import MobilityContext
from opendmm.model.flow import PROTOCOLS, FlowRule, FlowSelection, PortRange
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId
from opendmm.model.order import MoveOrder
from opendmm.model.policy import Delivery, DeliveryPolicy
from opendmm.model.rules import Permit, Redirect, RuleKey, Table
from opendmm.reference_points import r_ec
from opendmm.reference_points.message import Status
from opendmm.reference_points.r_ic import PolicyMode

A, B, C = ANCHORS
VOICE = FlowRule(PROTOCOLS["udp"], destination_ports=PortRange(5000, 5099))
WEB = FlowRule(PROTOCOLS["tcp"], source_ports=PortRange(443, 443))
LEGACY = FlowRule(source=HomePrefix.parse("192.0.2.0/24"))


def of_mn1(*flows: FlowRule) -> tuple[FlowSelection, ...]:
    return tuple(FlowSelection(flow, MN) for flow in flows)


def visiting(*flows: FlowSelection) -> InstantNetwork:
    """At B, all that follows from it done."""
    network = cooperative(flows=flows)
    attach(network, A)
    move(network, A, B)
    return network


def test_an_ingress_redirects_the_named_flows_and_nothing_else() -> None:
    rules = visiting(*of_mn1(VOICE, WEB)).rules(INGRESS)
    redirection = Redirect(EGRESSES[B])
    prefixes = {key.prefix for key in rules}
    assert HOA in prefixes
    assert rules == {
        RuleKey(Table.DOWNLINK, prefix, flow): redirection
        for prefix in prefixes
        for flow in (VOICE, WEB)
    }


def test_flows_of_other_mobile_nodes_change_nothing() -> None:
    other = FlowSelection(VOICE, MobileNodeId("mn2@example.org"))
    elsewhere = FlowSelection(VOICE, group=HomePrefix.parse("2001:db8:ff::/48"))
    rules = visiting(other, elsewhere).rules(INGRESS)
    assert {key.flow for key in rules} == {None}


def test_a_flow_of_a_family_that_the_prefixes_are_not_of_redirects_nothing() -> None:
    assert visiting(*of_mn1(LEGACY)).rules(INGRESS) == {}


def test_the_flows_follow_the_mobile_node_and_end_at_home() -> None:
    network = visiting(*of_mn1(VOICE))
    move(network, B, C)
    slot = RuleKey(Table.DOWNLINK, HOA, VOICE)
    assert network.rules(INGRESS)[slot] == Redirect(EGRESSES[C])
    move(network, C, A)
    assert network.rules(INGRESS) == {}
    for anchor in (B, C):
        assert network.rules(anchor) == {}


def test_an_egress_recognises_the_flows_that_all_ingresses_together_send() -> None:
    rules = visiting(*of_mn1(VOICE, WEB)).rules(B)
    recognised = {key: action for key, action in rules.items() if key.table is Table.RECOGNITION}
    assert {key.flow for key in recognised} == {VOICE, WEB}
    assert set(recognised.values()) == {Permit()}


def test_an_egress_recognises_everything_as_soon_as_one_ingress_sends_everything() -> None:
    context = MobilityContext(
        mobile_node=MN,
        prefixes=(HOA,),
        home_anchor=A,
        current_anchor=B,
        order=MoveOrder(1, 0, B),
        lifetime=300.0,
    )
    some, all_packets = (
        IngressScope(PolicyMode.PUSH, (), of_mn1(VOICE)),
        IngressScope(PolicyMode.PULL),
    )
    unconcerned = IngressScope(PolicyMode.PUSH, (HomePrefix.parse("2001:db8:ff::/48"),))

    def arriving(mine: IngressScope, *others: IngressScope) -> tuple[FlowRule, ...]:
        config = ControllerConfig(
            node=CONTROLLER, ingresses={INGRESS: mine}, other_ingresses=others
        )
        return config.flows_arriving(context)

    assert arriving(some) == (VOICE,)
    assert arriving(some, unconcerned) == (VOICE,)
    assert arriving(some, all_packets) == ()
    assert arriving(all_packets, some) == ()
    assert arriving(some, IngressScope(PolicyMode.PUSH, (), of_mn1(WEB))) == (VOICE, WEB)


def test_an_ingress_that_asks_is_told_the_flows_too() -> None:
    network = cooperative(mode=PolicyMode.PULL, flows=of_mn1(VOICE))
    attach(network, A)
    move(network, A, B)
    network.local(INGRESS, FunctionalEntity.FE_I, PacketWithoutPolicy(HOA))
    assert network.rules(INGRESS).keys() >= {RuleKey(Table.DOWNLINK, HOA, VOICE)}
    assert RuleKey(Table.DOWNLINK, HOA) not in network.rules(INGRESS)


@pytest.mark.parametrize(
    ("endpoint", "status"),
    [(EGRESSES[B].locator, Status.ACCEPTED), (EGRESSES[C].locator, Status.NOT_AUTHORISED)],
)
def test_an_egress_refuses_a_policy_for_another_endpoint_than_its_own(
    endpoint: Locator, status: int
) -> None:
    order = MoveOrder(1, 0, B)
    token = authority(A).issue(
        mobile_node=MN, prefixes=(HOA, HNP), anchor=B, order=order, now=START, lifetime=300.0
    )
    policy = DeliveryPolicy(
        mobile_node=MN,
        home_anchor=A,
        prefixes=(HOA, HNP),
        order=order,
        endpoint=endpoint,
        delivery=Delivery.LOCAL,
        expires_at=START + 300,
        flows=(),
        grant=token,
    )
    entity = FeE(B, (CONTROLLER,), authority(B))
    sender = EntityAddress(CONTROLLER, FunctionalEntity.FE_IEC)
    effects = entity.handle(Received(sender, r_ec.DeliveryUpdate(policy=policy)), START)
    [answer] = [e.message for e in effects if isinstance(e, Send)]
    assert isinstance(answer, r_ec.DeliveryAcknowledgement)
    assert answer.status == status
    assert not [e for e in effects if isinstance(e, Install)]


@given(st.integers(-5, 70_000), st.integers(-5, 70_000))
def test_a_range_of_ports_has_ports(first: int, last: int) -> None:
    if 0 <= first <= last <= 65_535:
        assert PortRange.parse(str(PortRange(first, last))) == PortRange(first, last)
    else:
        with pytest.raises(ValueError, match="no range"):
            PortRange(first, last)


@pytest.mark.parametrize(
    ("protocol", "source", "ports"),
    [
        (0, None, PortRange(1, 1)),
        (PROTOCOLS["icmp"], None, PortRange(1, 1)),
        (256, None, PortRange()),
        (PROTOCOLS["icmp"], "2001:db8::/32", PortRange()),
        (0, "::/0", PortRange()),
    ],
)
def test_a_flow_that_nothing_can_match_is_none(
    protocol: int, source: str | None, ports: PortRange
) -> None:
    prefix = HomePrefix.parse(source) if source else None
    with pytest.raises(ValueError, match=r"ports|protocol|nothing|any source"):
        FlowRule(protocol, prefix, ports)


def test_a_flow_that_nothing_can_match_does_not_arrive_from_a_peer() -> None:
    sent = msgspec.msgpack.encode({"protocol": 0, "destination_ports": [1, 2]})
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(sent, type=FlowRule)


def test_slots_of_one_prefix_have_an_order() -> None:
    slots = [RuleKey(Table.DOWNLINK, HOA, flow) for flow in (VOICE, None, WEB)]
    assert sorted(slots)[0].flow is None
    assert str(slots[0]) == f"downlink {HOA} udp to port 5000-5099"
    assert str(WEB) == "tcp from port 443"
