"""Anchors of ours as ETRs of a Map-Server of another make (here our own, in its place)."""

from collections.abc import Sequence
from ipaddress import IPv6Address

import pytest
from lisp_scene import ADDRESSES, HNP, HOA, NOW, A, B, config

from opendmm.bindings.lisp.etr import ForeignServer
from opendmm.bindings.lisp.map_server import MapServer
from opendmm.bindings.lisp.node import LispNode
from opendmm.bindings.lisp.outputs import Ip, Send
from opendmm.bindings.lisp.sites import Eid, Site
from opendmm.bindings.mobility.outputs import Complain
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.model.order import MoveOrder
from opendmm.wire.lisp.authentication import LIBERAL, Filling, holds, sign
from opendmm.wire.lisp.codec import decode, encode, receive
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import AlgorithmId, LocatorFlags, MapReplyFlags, MapRequestFlags
from opendmm.wire.lisp.records import Question
from opendmm.wire.lisp.registrations import MapNotify, MapRegister

FOREIGN, ITR = IPv6Address("2001:db8:53::1"), IPv6Address("2001:db8:9::9")
KEY = b"of our site"
EID = IPv6Address(HNP.network) + 7


class Foreign:
    """The Map-Server, and two anchors that register with it. `deaf`: it answers nothing."""

    def __init__(self, algorithm: AlgorithmId = AlgorithmId.HMAC_SHA_256_128) -> None:
        self.now = NOW
        everything = tuple(Eid(0, HomePrefix.parse(p)) for p in ("::/0", "0.0.0.0/0"))
        accepted = frozenset({algorithm})
        site = Site(name="ours", eids=everything, keys={0: KEY}, algorithms=accepted)
        self.server = MapServer([site], FOREIGN)
        there = ForeignServer(address=FOREIGN, key=KEY, algorithm=algorithm)
        self.anchors = {node: LispNode(config(node), servers=[there]) for node in (A, B)}
        self.registers: list[tuple[float, MapRegister]] = []
        self.solicited: list[object] = []
        self.deaf = False

    def arrives(self, node: NodeId, move: int = 1) -> None:
        """The anchor delivers from now on."""
        order = MoveOrder(move, move, node)
        self.do(node, self.anchors[node].delivered({HNP: order, HOA: order}, self.now))

    def leaves(self, node: NodeId) -> None:
        """It does so no more."""
        self.do(node, self.anchors[node].delivered({HNP: None, HOA: None}, self.now))

    def do(self, node: NodeId, wanted: Sequence[object]) -> None:
        for one in wanted:
            match one:
                case Send(to, _, data) if to == FOREIGN:
                    register = decode(data)
                    assert isinstance(register, MapRegister)
                    assert holds(receive(data), KEY, LIBERAL)
                    self.registers.append((self.now, register))
                    if not self.deaf:
                        self.answer(node, self.server.receive(data, ADDRESSES[node], self.now))
                case Send(to, port, data) if to == ITR:
                    assert port == 4342
                    self.solicited.append(decode(data))
                case _:
                    raise AssertionError(one)

    def answer(self, node: NodeId, wanted: Sequence[object]) -> None:
        for one in wanted:
            assert isinstance(one, Send)
            answers = self.anchors[node].receive_from_others(one.data, FOREIGN, 4342, self.now)
            self.do(node, answers)

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            due = [(core.etr.next_timer(), node) for node, core in self.anchors.items() if core.etr]
            at, node = min(due)
            if at > end:
                break
            self.now = max(self.now, at)
            etr = self.anchors[node].etr
            assert etr is not None
            self.do(node, list(etr.fire(self.now)))
        self.now = end

    def where(self) -> list[Ip]:
        (sent,) = self.server.receive(question(), ITR, self.now)
        assert isinstance(sent, Send)
        reply = decode(sent.data)
        assert isinstance(reply, MapReply)
        found = [one.address for record in reply.records for one in record.locators]
        return [one for one in found if isinstance(one, Ip)]


def question(flags: MapRequestFlags = MapRequestFlags(0)) -> bytes:  # noqa: B008
    request = MapRequest(
        nonce=5,
        itr_rlocs=(ITR,),
        questions=(Question(eid=EID, mask_length=128),),
        flags=flags,
    )
    outer = EncapsulatedControl(
        source=ITR, destination=EID, source_port=50007, message=encode(request)
    )
    return encode(outer)


@pytest.mark.parametrize("algorithm", [one for one in AlgorithmId if one is not AlgorithmId.NONE])
def test_what_an_anchor_has_is_registered_and_found(algorithm: AlgorithmId) -> None:
    foreign = Foreign(algorithm)
    foreign.arrives(B)
    assert foreign.where() == [ADDRESSES[B]]
    ((_, register),) = foreign.registers
    assert {(str(r.eid), r.mask_length) for r in register.records} == {
        (HNP.address, HNP.length),
        (HOA.address, HOA.length),
    }


def test_it_is_registered_again_each_minute_with_a_greater_nonce() -> None:
    foreign = Foreign()
    foreign.arrives(B)
    foreign.pass_time(185.0)
    times = [round(at - NOW) for at, _ in foreign.registers]
    assert times == [0, 60, 120, 180]
    nonces = [register.nonce for _, register in foreign.registers]
    assert nonces == sorted(set(nonces))
    assert foreign.where() == [ADDRESSES[B]]


def test_what_is_reported_again_is_registered_once() -> None:
    foreign = Foreign()
    for _ in range(5):
        foreign.arrives(B)
        foreign.pass_time(5.0)
    assert len(foreign.registers) == 1
    foreign.pass_time(40.0)
    assert len(foreign.registers) == 2


def test_without_an_answer_it_is_repeated_ever_slower() -> None:
    """RFC 9301 §5.7."""
    foreign = Foreign()
    foreign.deaf = True
    foreign.arrives(B)
    foreign.pass_time(130.0)
    times = [round(at - NOW) for at, _ in foreign.registers]
    assert times == [0, 1, 3, 7, 15, 31, 63, 123]
    foreign.deaf = False
    foreign.pass_time(60.0)
    assert foreign.where() == [ADDRESSES[B]]


def test_a_move_replaces_it_and_the_former_anchor_is_silent() -> None:
    foreign = Foreign()
    foreign.arrives(A)
    foreign.now += 1
    foreign.arrives(B, 2)
    foreign.leaves(A)
    assert foreign.where() == [ADDRESSES[B]]
    foreign.pass_time(200.0)
    assert foreign.where() == [ADDRESSES[B]]
    former = foreign.anchors[A].etr
    assert former is not None
    assert former.eids == {}


def test_who_comes_back_is_registered_again_also_where_its_leaving_was_not_noticed() -> None:
    foreign = Foreign()
    foreign.arrives(A)
    foreign.now += 1
    foreign.arrives(B, 2)
    foreign.now += 1
    foreign.arrives(A, 3)
    assert foreign.where() == [ADDRESSES[A]]


def test_who_asked_the_etr_is_solicited_when_the_mobile_node_leaves() -> None:
    foreign = Foreign()
    foreign.arrives(A)
    (handed_on,) = foreign.server.receive(question(MapRequestFlags.A), ITR, foreign.now)
    assert isinstance(handed_on, Send)
    foreign.anchors[A].receive_from_others(handed_on.data, FOREIGN, 4342, foreign.now)
    foreign.arrives(B, 2)
    foreign.leaves(A)
    (smr,) = foreign.solicited
    assert isinstance(smr, MapRequest)
    assert smr.flags & MapRequestFlags.S
    assert smr.itr_rlocs == (ADDRESSES[A],)
    assert str(smr.questions[0].prefix) == str(HNP)
    foreign.pass_time(20.0)
    assert len(foreign.solicited) == 3


def test_a_question_that_is_handed_on_is_answered_with_authority() -> None:
    foreign = Foreign()
    foreign.arrives(B)
    (handed_on,) = foreign.server.receive(question(MapRequestFlags.A), ITR, foreign.now)
    assert isinstance(handed_on, Send)
    assert handed_on.to == ADDRESSES[B]
    (sent,) = foreign.anchors[B].receive_from_others(handed_on.data, FOREIGN, 4342, foreign.now)
    assert isinstance(sent, Send)
    assert (sent.to, sent.port) == (ITR, 50007)
    reply = decode(sent.data)
    assert isinstance(reply, MapReply)
    (record,) = reply.records
    assert record.authoritative
    assert (str(record.eid), record.mask_length) == (HNP.address, HNP.length)
    assert record.locators[0].flags & LocatorFlags.L


def test_a_probe_is_answered_where_it_came_from() -> None:
    foreign = Foreign()
    foreign.arrives(B)
    probe = MapRequest(
        nonce=6,
        itr_rlocs=(IPv6Address("2001:db8:bad::1"),),
        questions=(Question(eid=EID, mask_length=128),),
        flags=MapRequestFlags.P,
    )
    (sent,) = foreign.anchors[B].receive_from_others(encode(probe), ITR, 50008, foreign.now)
    assert isinstance(sent, Send)
    assert (sent.to, sent.port) == (ITR, 50008)
    reply = decode(sent.data)
    assert isinstance(reply, MapReply)
    assert reply.flags & MapReplyFlags.P
    assert reply.records[0].probed is not None


def test_nobody_is_answered_about_what_is_not_here() -> None:
    anchor = Foreign().anchors[B]
    assert anchor.receive_from_others(question(), FOREIGN, 4342, NOW) == []


def test_an_answer_of_somebody_else_is_refused() -> None:
    foreign = Foreign()
    foreign.deaf = True
    foreign.arrives(B)
    _, register = foreign.registers[0]
    forged = sign(MapNotify(nonce=register.nonce, records=()), b"another")
    (complaint,) = foreign.anchors[B].receive_from_others(forged, FOREIGN, 4342, foreign.now)
    assert isinstance(complaint, Complain)
    assert "has made it" in str(complaint.fields["why"])


def test_some_take_whole_digests_alone() -> None:
    there = ForeignServer(address=FOREIGN, key=KEY, filling=Filling.WHOLE)
    node = LispNode(config(B), servers=[there])
    (sent,) = node.delivered({HNP: MoveOrder(1, 1, B)}, NOW)
    assert isinstance(sent, Send)
    register = decode(sent.data)
    assert isinstance(register, MapRegister)
    assert len(register.authentication.data) == 32
