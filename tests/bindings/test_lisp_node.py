"""Reference points over LISP: what travels, who is believed, who is told."""

from ipaddress import IPv6Address

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lisp_scene import (
    ADDRESSES,
    GRANT,
    HNP,
    HOA,
    ITR,
    MN,
    NOW,
    ORDER,
    SECRETS,
    SERVER,
    A,
    B,
    Scene,
    config,
    location,
    policy,
    update,
)

from opendmm.bindings.contract import Guarantee, Verdict, unsaid
from opendmm.bindings.lisp.declaration import DECLARATION
from opendmm.bindings.lisp.enclosure import TOLERANCE
from opendmm.bindings.lisp.node import LispNode
from opendmm.constellation.lisp import CARRIED
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import EntityAddress, FunctionalEntity, NodeId
from opendmm.reference_points import r_ic, r_xc
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.message import Status
from opendmm.reference_points.r_ic import PolicyMode
from opendmm.wire.lisp.authentication import sign
from opendmm.wire.lisp.codec import decode, encode
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import Action, AlgorithmId, MapRequestFlags
from opendmm.wire.lisp.records import EidRecord, Locator, Question
from opendmm.wire.lisp.registrations import MapNotify, MapNotifyAck, MapRegister


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    for node, core in made.cores.items():
        made.do(node, core.start(made.now))
    made.wire.clear()
    made.complaints.clear()
    return made


def subscribe(scene: Scene, mode: PolicyMode) -> None:
    scene.say(ITR, SERVER, r_ic.PolicySubscribe(synchronisation=1, mode=mode))
    scene.delivered.clear()
    scene.wire.clear()


def test_a_location_is_a_registration_that_others_can_read(scene: Scene) -> None:
    scene.say(B, SERVER, location())
    assert scene.delivered == [(SERVER, location())]
    (register,) = scene.messages()
    assert isinstance(register, MapRegister)
    assert [(str(r.eid), r.mask_length) for r in register.records] == [
        ("2001:db8:a:1::", 64),
        ("10.10.0.100", 32),
    ]
    for record in register.records:
        usable = [one.address for one in record.locators if one.priority < 255]
        assert usable == [ADDRESSES[B]]


def test_an_acknowledgement_bears_the_nonce_of_its_registration(scene: Scene) -> None:
    scene.say(B, SERVER, location())
    answer = r_xc.LocationAcknowledgement(
        mobile_node=MN, home_anchor=A, order=ORDER, status=Status.ACCEPTED
    )
    scene.say(SERVER, B, answer)
    register, notify = scene.messages()
    assert isinstance(register, MapRegister)
    assert isinstance(notify, MapNotify)
    assert notify.nonce == register.nonce
    assert scene.delivered[-1] == (B, answer)


def test_who_has_subscribed_is_told_and_says_that_it_was(scene: Scene) -> None:
    subscribe(scene, PolicyMode.PUSH)
    scene.say(SERVER, ITR, update())
    assert scene.delivered == [(ITR, update())]
    result = r_ic.PolicyResult(mobile_node=MN, home_anchor=A, order=ORDER, status=0)
    scene.say(ITR, SERVER, r_ic.PolicyAcknowledgement(transaction=1, results=(result,)))
    notify, acknowledgement = scene.messages()
    assert isinstance(notify, MapNotify)
    assert isinstance(acknowledgement, MapNotifyAck)
    assert notify.nonce == acknowledgement.nonce


def test_a_subscription_is_marked_as_the_rfc_has_it(scene: Scene) -> None:
    scene.say(ITR, SERVER, r_ic.PolicySubscribe(synchronisation=1, mode=PolicyMode.PUSH))
    (request,) = scene.messages()
    assert isinstance(request, MapRequest)
    assert request.identity is not None
    assert request.questions[0].wants_notifications


def test_who_asks_is_answered_signed_and_with_the_nonce(scene: Scene) -> None:
    subscribe(scene, PolicyMode.PULL)
    wanted = HomePrefix.parse("2001:db8:a:1::7/128")
    scene.say(ITR, SERVER, r_ic.PolicyRequest(prefix=wanted))
    assert scene.delivered == [(SERVER, r_ic.PolicyRequest(prefix=wanted))]
    scene.say(SERVER, ITR, update())
    request, reply = scene.messages()
    assert isinstance(request, MapRequest)
    assert isinstance(reply, MapReply)
    assert reply.nonce == request.nonce
    assert scene.delivered[-1] == (ITR, update())


def test_what_is_nowhere_is_a_negative_reply(scene: Scene) -> None:
    subscribe(scene, PolicyMode.PULL)
    scene.say(ITR, SERVER, r_ic.PolicyRequest(prefix=HNP))
    absent = r_ic.PolicyAbsent(prefix=HNP, retry_after=1.0)
    scene.say(SERVER, ITR, absent)
    reply = scene.messages()[-1]
    assert isinstance(reply, MapReply)
    assert reply.records[0].action is Action.NATIVELY_FORWARD
    assert scene.delivered[-1] == (ITR, absent)


def asked_before(scene: Scene) -> None:
    subscribe(scene, PolicyMode.PULL)
    scene.say(ITR, SERVER, r_ic.PolicyRequest(prefix=HNP))
    scene.say(SERVER, ITR, update(1))
    scene.delivered.clear()
    scene.wire.clear()


def test_who_has_asked_is_solicited_and_asks_again(scene: Scene) -> None:
    asked_before(scene)
    scene.say(SERVER, ITR, update(2))
    solicitation, request, reply = scene.messages()
    assert isinstance(solicitation, MapRequest)
    assert isinstance(request, MapRequest)
    assert isinstance(reply, MapReply)
    assert solicitation.flags & MapRequestFlags.S
    assert request.flags & MapRequestFlags.SMR_INVOKED
    assert scene.delivered == [(ITR, update(2))]


def test_solicitations_are_three_seconds_apart_and_the_last_answer_counts(scene: Scene) -> None:
    asked_before(scene)
    for transaction in (2, 3, 4):
        scene.say(SERVER, ITR, update(transaction))
    assert scene.delivered == [(ITR, update(2))]
    scene.pass_time(2.9)
    assert scene.delivered == [(ITR, update(2))]
    scene.pass_time(0.2)
    assert scene.delivered == [(ITR, update(2)), (ITR, update(4))]
    scene.pass_time(10.0)
    assert len(scene.delivered) == 2


def test_a_batch_is_cut_into_one_message_a_policy(scene: Scene) -> None:
    subscribe(scene, PolicyMode.PUSH)
    batch = r_ic.PolicyUpdate(transaction=9, policies=(policy((HNP,)), policy((HOA,))))
    scene.say(SERVER, ITR, batch)
    assert [message.policies for _, message in told(scene)] == [
        (policy((HNP,)),),
        (policy((HOA,)),),
    ]


def told(scene: Scene) -> list[tuple[object, r_ic.PolicyUpdate]]:
    return [(n, m) for n, m in scene.delivered if isinstance(m, r_ic.PolicyUpdate)]


# Who is not believed


def test_a_message_from_nobody_known_is_refused(scene: Scene) -> None:
    scene.say(B, SERVER, location())
    scene.delivered.clear()
    _, _, data = scene.wire[0]
    scene.arrive(SERVER, data, ADDRESSES[SERVER])
    assert scene.delivered == []
    assert "is no peer" in scene.complaints[-1]


def test_a_registration_in_anothers_name_is_refused(scene: Scene) -> None:
    scene.say(B, SERVER, location())
    scene.delivered.clear()
    scene.arrive(SERVER, scene.wire[0][2], ADDRESSES[A])
    assert scene.delivered == []
    assert "do not fit" in scene.complaints[-1]


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("later", [0.0, 60.0])
def test_a_registration_that_comes_again_is_refused(
    scene: Scene, restarted: bool, later: float
) -> None:
    """Also by a Map-Server that has been started anew, unless that was a moment ago: then the
    order of the move decides."""
    scene.say(B, SERVER, location())
    scene.delivered.clear()
    scene.now += later
    if restarted:
        scene.cores[SERVER] = LispNode(config(SERVER))
    scene.arrive(SERVER, scene.wire[0][2], ADDRESSES[B])
    if restarted and not later:
        assert scene.delivered == [(SERVER, location())]
        return
    assert scene.delivered == []
    assert "nonce" in scene.complaints[-1]


def test_registrations_that_overtook_each_other_do_not_go_back(scene: Scene) -> None:
    scene.lost = True
    scene.say(B, SERVER, location())
    scene.say(B, SERVER, location())
    scene.lost = False
    first, second = (data for _, _, data in scene.wire)
    scene.arrive(SERVER, second, ADDRESSES[B])
    scene.delivered.clear()
    scene.arrive(SERVER, first, ADDRESSES[B])
    assert scene.delivered == []


def test_a_registration_without_the_extension_redirects_nothing(scene: Scene) -> None:
    record = EidRecord(
        eid=ADDRESSES[A],
        mask_length=128,
        ttl=3,
        locators=(Locator(address=ADDRESSES[A]),),
    )
    plain = MapRegister(nonce=int(NOW * 1e6) + 5, records=(record,))
    data = sign(plain, SECRETS[A], 1, AlgorithmId.HMAC_SHA_256_128)
    scene.arrive(SERVER, data, ADDRESSES[A])
    assert scene.delivered == []
    assert "nobody of ours" in scene.complaints[-1]


def test_an_answer_that_nobody_asked_for_is_refused(scene: Scene) -> None:
    asked_before(scene)
    scene.say(SERVER, ITR, update(2))
    answered = scene.wire[-1][2]
    scene.delivered.clear()
    scene.arrive(ITR, answered, ADDRESSES[SERVER])
    assert scene.delivered == []
    assert "nothing was asked" in scene.complaints[-1]


def test_an_answer_that_was_changed_or_is_unsigned_is_refused(scene: Scene) -> None:
    subscribe(scene, PolicyMode.PULL)
    scene.say(ITR, SERVER, r_ic.PolicyRequest(prefix=HNP))
    scene.lost = True
    scene.say(SERVER, ITR, update())
    scene.lost = False
    scene.delivered.clear()
    data = scene.wire[-1][2]
    scene.arrive(ITR, data.replace(ADDRESSES[B].packed, ADDRESSES[A].packed), ADDRESSES[SERVER])
    reply = decode(data, TOLERANCE)
    assert isinstance(reply, MapReply)
    unsigned = msgspec.structs.replace(reply, security=None)
    scene.arrive(ITR, encode(unsigned), ADDRESSES[SERVER])
    assert scene.delivered == []
    assert "LISP-SEC" in scene.complaints[-1]
    assert "signed" in scene.complaints[-2]
    scene.arrive(ITR, data, ADDRESSES[SERVER])
    assert scene.delivered == [(ITR, update())]


def test_a_forged_solicitation_redirects_nothing(scene: Scene) -> None:
    """RFC 9301 §6.1: not heeded where nothing is in use; else the mapping system is asked."""
    forged = MapRequest(
        nonce=1,
        itr_rlocs=(ADDRESSES[A],),
        questions=(Question(eid=ADDRESSES[A], mask_length=128),),
        flags=MapRequestFlags.S,
    )
    scene.arrive(ITR, encode(forged), ADDRESSES[SERVER])
    assert scene.wire == []
    asked_before(scene)
    used = msgspec.structs.replace(
        forged, questions=(Question(eid=IPv6Address(HNP.network), mask_length=64),)
    )
    scene.arrive(ITR, encode(used), ADDRESSES[SERVER])
    assert [node for node, _ in scene.delivered] == [SERVER]  # which is asked, and says the truth


def test_a_flood_of_solicitations_is_one_question_a_second(scene: Scene) -> None:
    """RFC 9301 §5.3: whoever forges them."""
    asked_before(scene)
    forged = MapRequest(
        nonce=1,
        itr_rlocs=(ADDRESSES[A],),
        questions=(Question(eid=IPv6Address(HNP.network), mask_length=64),),
        flags=MapRequestFlags.S,
    )
    for _ in range(100):
        scene.now += 0.02
        scene.arrive(ITR, encode(forged), ADDRESSES[SERVER])
    assert len(scene.wire) <= 3


def test_a_question_with_a_key_of_somebody_else_is_refused(scene: Scene) -> None:
    subscribe(scene, PolicyMode.PULL)
    scene.say(ITR, SERVER, r_ic.PolicyRequest(prefix=HNP))
    scene.delivered.clear()
    data = scene.wire[-1][2]
    scene.arrive(SERVER, data, ADDRESSES[A])
    scene.arrive(SERVER, data, ADDRESSES[ITR])
    assert scene.delivered == []
    assert "another secret" in scene.complaints[-2]
    assert "nonce" in scene.complaints[-1]


@given(st.binary(max_size=200), st.sampled_from([ITR, A, B]))
def test_any_octets_do_no_harm(data: bytes, sender: NodeId) -> None:
    made = Scene()
    made.arrive(SERVER, data, ADDRESSES[sender])
    assert made.delivered == []


# Who is there


def test_peers_find_each_other_and_notice_who_is_gone_or_begun_anew(scene: Scene) -> None:
    assert (SERVER, ITR, True) in scene.reachable
    assert (ITR, SERVER, True) in scene.reachable
    scene.reachable.clear()
    scene.lost = True
    scene.pass_time(60.0)
    assert (ITR, SERVER, False) in scene.reachable
    scene.lost = False
    scene.pass_time(10.0)
    assert (ITR, SERVER, True) in scene.reachable
    scene.reachable.clear()
    scene.cores[SERVER] = LispNode(config(SERVER))
    scene.do(SERVER, scene.cores[SERVER].start(scene.now))
    assert scene.reachable[:2] == [(ITR, SERVER, False), (ITR, SERVER, True)]


def test_what_is_not_carried_is_said(scene: Scene) -> None:
    lookup = r_xc.ContextLookup(mobile_node=MN)
    sender = EntityAddress(B, FunctionalEntity.FE_MCTX)
    receiver = EntityAddress(SERVER, FunctionalEntity.FE_IEC)
    envelope = Envelope(ReferencePointName.R_XC, sender, receiver, lookup)
    scene.do(B, scene.cores[B].send(envelope, scene.now))
    assert scene.complaints == ["message-not-carried: "]


def test_the_grant_travels_whole(scene: Scene) -> None:
    scene.say(B, SERVER, location())
    (_, found), *_ = scene.delivered
    assert isinstance(found, r_xc.LocationUpdate)
    assert found.context.grant == GRANT


# What the binding says of itself


def test_the_declaration_leaves_nothing_open() -> None:
    assert set(DECLARATION.reference_points) == CARRIED
    assert list(unsaid(DECLARATION)) == []


def test_it_owns_up_to_what_the_protocol_cannot() -> None:
    for provision in DECLARATION.reference_points.values():
        assert provision.guarantees[Guarantee.FLOW_CONTROL].verdict is Verdict.CANNOT
        assert provision.guarantees[Guarantee.AUTHORITY].verdict is Verdict.EXTENSION
