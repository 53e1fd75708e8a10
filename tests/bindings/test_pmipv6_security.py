"""What a node of Proxy Mobile IPv6 believes: RFC 4285, RFC 5213 §4, RFC 6275 §9.2."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pmipv6_scene import (
    ADDRESSES,
    LMA,
    MAG_1,
    MAG_2,
    MN,
    NOW,
    STRANGER,
    association,
    attach,
    delivered,
    from_gateway,
    lma_config,
    mag_config,
    pbu,
)

from opendmm.bindings.mobility.association import SecurityAssociation
from opendmm.bindings.mobility.outputs import Complain, Datagram, Wanted
from opendmm.bindings.mobility.problems import ParameterProblem
from opendmm.bindings.pmipv6.node import ProxyMobilityNode
from opendmm.model.identity import NodeId
from opendmm.wire.mobility.authentication import with_message_authentication
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingError, BindingUpdate
from opendmm.wire.mobility.checksum import checksum
from opendmm.wire.mobility.codec import decode, encode
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import BindingErrorStatus, BindingStatus

HERE = ADDRESSES[LMA]


def anchor() -> ProxyMobilityNode:
    return ProxyMobilityNode(lma_config())


def sealed(
    message: MobilityMessage, by: NodeId = MAG_1, now: float = NOW, **changes: object
) -> bytes:
    """As a gateway sends it to the anchor, with another key or SPI where `changes` says so."""
    towards: SecurityAssociation = msgspec.structs.replace(association(LMA), **changes)
    return towards.seal(message, ADDRESSES[by], now)


def receive(
    node: ProxyMobilityNode, data: bytes, by: NodeId = MAG_1, now: float = NOW
) -> list[Wanted]:
    return node.receive(data, ADDRESSES[by], now)


AUTHENTIC = sealed(pbu())


def answers(wanted: list[Wanted], to: NodeId = MAG_1) -> list[MobilityMessage]:
    return [decode(w.data, HERE, ADDRESSES[to]) for w in wanted if isinstance(w, Datagram)]


def events(wanted: list[Wanted]) -> list[str]:
    return [w.event for w in wanted if isinstance(w, Complain)]


def unchanged(node: ProxyMobilityNode) -> bool:
    return not node.lma.cache.claims and not node.lma.cache.entries


def test_an_authentic_registration_reaches_the_context_manager() -> None:
    node = anchor()
    assert delivered(
        [w for w in receive(node, sealed(pbu())) if not isinstance(w, Datagram | ParameterProblem)]
    )
    assert MN in node.lma.cache.claims


def test_a_wrong_key_is_refused_with_mipv6_auth_fail() -> None:
    """RFC 4285 §5.1.1, §5.3: status 146, and nothing else."""
    node = anchor()
    wanted = receive(node, sealed(pbu(), key=b"k" * 16))
    (answer,) = answers(wanted)
    assert isinstance(answer, BindingAcknowledgement)
    assert answer.status is BindingStatus.MIPV6_AUTH_FAIL
    assert unchanged(node)


def test_an_old_message_is_refused_with_mipv6_id_mismatch() -> None:
    """RFC 4285 §6: status 144; the window is 7 s."""
    node = anchor()
    wanted = receive(node, sealed(pbu()), now=NOW + 7.1)
    (answer,) = answers(wanted)
    assert isinstance(answer, BindingAcknowledgement)
    assert answer.status is BindingStatus.MIPV6_ID_MISMATCH
    assert unchanged(node)


def test_a_message_that_does_not_say_when_is_refused_with_mipv6_mesg_id_reqd() -> None:
    """RFC 4285 §6: status 145."""
    node = anchor()
    message = with_message_authentication(pbu(), 256, bytes(16), ADDRESSES[MAG_1], HERE)
    (answer,) = answers(receive(node, encode(message, ADDRESSES[MAG_1], HERE)))
    assert isinstance(answer, BindingAcknowledgement)
    assert answer.status is BindingStatus.MIPV6_MESG_ID_REQD
    assert unchanged(node)


def test_a_replay_is_dropped_without_an_answer() -> None:
    node = anchor()
    data = sealed(pbu())
    receive(node, data)
    node.lma.cache.claims.clear()
    again = receive(node, data, now=NOW + 1)
    assert events(again) == ["message-refused"]
    assert not answers(again)
    assert unchanged(node)


def test_a_message_replayed_to_or_from_another_address_is_not_authentic() -> None:
    """The addresses are covered (RFC 4285 §5)."""
    node = anchor()
    data = bytearray(sealed(pbu()))
    data[4:6] = bytes(2)
    data[4:6] = checksum(bytes(data), ADDRESSES[MAG_2], HERE).to_bytes(2, "big")
    wanted = receive(node, bytes(data), by=MAG_2)
    assert events(wanted)[0] == "message-refused"
    assert unchanged(node)


@pytest.mark.parametrize("data", [sealed(pbu(), spi=257), encode(pbu(), ADDRESSES[MAG_1], HERE)])
def test_without_a_security_association_there_is_no_answer(data: bytes) -> None:
    """RFC 4285 §5.1.1: the BU is discarded."""
    node = anchor()
    wanted = receive(node, data)
    assert events(wanted) == ["message-refused"]
    assert not answers(wanted)
    assert unchanged(node)


def test_strangers_are_refused_under_one_name_however_many_they_are() -> None:
    node = anchor()
    wanted = node.receive(sealed(pbu()), HERE + 77, NOW)
    assert [w.peer for w in wanted if isinstance(w, Complain)] == ["stranger"]


def test_a_peer_that_is_no_gateway_is_told_that_it_may_not_register() -> None:
    """RFC 5213 §4, §5.3.1 item 6: authentic is not authorised."""
    node = anchor()
    (answer,) = answers(receive(node, sealed(pbu(), STRANGER), STRANGER), STRANGER)
    assert isinstance(answer, BindingAcknowledgement)
    assert answer.status is BindingStatus.MAG_NOT_AUTHORIZED_FOR_PROXY_REG
    assert unchanged(node)


def test_an_unknown_mh_type_is_answered_with_binding_error_2() -> None:
    """RFC 6275 §9.2, §9.3.3."""
    data = bytearray(encode(pbu(), ADDRESSES[MAG_1], HERE))
    data[2], data[4:6] = 99, bytes(2)
    data[4:6] = checksum(bytes(data), ADDRESSES[MAG_1], HERE).to_bytes(2, "big")
    (answer,) = answers(receive(anchor(), bytes(data)))
    assert isinstance(answer, BindingError)
    assert answer.status is BindingErrorStatus.UNRECOGNIZED_MH_TYPE


def test_a_payload_proto_other_than_59_is_answered_with_a_parameter_problem() -> None:
    """RFC 6275 §9.2: code 0, the pointer at the field; at most one a second."""
    data = bytearray(encode(pbu(), ADDRESSES[MAG_1], HERE))
    data[0], data[4:6] = 6, bytes(2)
    data[4:6] = checksum(bytes(data), ADDRESSES[MAG_1], HERE).to_bytes(2, "big")
    node = anchor()
    (problem,) = (w for w in receive(node, bytes(data)) if isinstance(w, ParameterProblem))
    assert (problem.source, problem.to) == (HERE, ADDRESSES[MAG_1])
    assert problem.encoded()[:8] == bytes((4, 0, 0, 0, 0, 0, 0, 40))
    assert problem.encoded()[8:48] == bytes.fromhex("60000000") + len(data).to_bytes(2, "big") + (
        bytes((135, 64)) + ADDRESSES[MAG_1].packed + HERE.packed
    )
    assert problem.encoded()[48:] == bytes(data)
    assert not [w for w in receive(node, bytes(data)) if isinstance(w, ParameterProblem)]
    assert unchanged(node)


def test_a_parameter_problem_fits_the_least_mtu() -> None:
    """RFC 4443 §2.4 (c)."""
    problem = ParameterProblem(source=HERE, to=HERE, pointer=40, invoking=bytes(60_000))
    assert len(problem.encoded()) + 40 == 1280


def test_forgeries_are_answered_at_most_once_a_second() -> None:
    node = anchor()
    times = [NOW + each / 10 for each in range(25)]
    given_back = [
        answer
        for now in times
        for answer in answers(receive(node, sealed(pbu(now), now=now, key=b"k" * 16), now=now))
    ]
    assert len(given_back) == 3


@given(
    st.binary(max_size=200)
    | st.builds(
        lambda at, octet: AUTHENTIC[:at] + bytes((octet,)) + AUTHENTIC[at + 1 :],
        st.integers(0, 150),
        st.integers(0, 255),
    )
)
@settings(deadline=None)
def test_garbage_changes_nothing_unless_it_is_no_garbage(data: bytes) -> None:
    node = anchor()
    wanted = receive(node, data)
    if data[: len(AUTHENTIC)] != AUTHENTIC:  # what follows a header is not part of it
        assert unchanged(node)
        allowed = Datagram | Complain | ParameterProblem
        assert not [w for w in wanted if not isinstance(w, allowed)]


def test_the_largest_datagram_is_refused_like_the_smallest() -> None:
    node = anchor()
    for data in (b"", b"\0", bytes(65_535), b"\xff" * 65_535):
        assert events(receive(node, data)) == ["message-malformed"]
    assert unchanged(node)


def test_a_gateway_ignores_acknowledgements_of_who_is_not_its_anchor() -> None:
    node = ProxyMobilityNode(mag_config())
    (sent,) = node.send(from_gateway(MAG_1, attach()), NOW)
    assert isinstance(sent, Datagram)
    update = decode(sent.data, ADDRESSES[MAG_1], HERE)
    assert isinstance(update, BindingUpdate)
    assert events(node.receive(sent.data, ADDRESSES[MAG_2], NOW)) == ["message-refused"]
    assert update.sequence == node.mag.registrations[MN].sequence
