"""The session's life as a table, without sockets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendmm.bindings.native.codec import (
    HEADER,
    FrameBuffer,
    Goodbye,
    Hello,
    KeepAlive,
    decode,
    encode,
)
from opendmm.bindings.native.session import (
    Liveness,
    PeerIntroduced,
    Session,
    SessionEnded,
    State,
)
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points import r_xc
from opendmm.reference_points.catalogue import Envelope, ReferencePointName

ME = Hello(node=NodeId("a"), instance=1, reference_points=())
PEER = Hello(node=NodeId("b"), instance=2, reference_points=())
ENVELOPE = Envelope(
    ReferencePointName.R_XC,
    EntityAddress(NodeId("b"), FunctionalEntity.FE_MCTX),
    EntityAddress(NodeId("a"), FunctionalEntity.FE_IEC),
    r_xc.ContextLookup(mobile_node=MobileNodeId("mn1")),
)
LIVENESS = Liveness(interval=1.0, dead=3.0)


def new() -> Session:
    return Session(ME, 100.0, LIVENESS)


def opened() -> Session:
    session = new()
    session.octets_to_send()
    session.receive(encode(PEER), 100.0)
    return session


def said(session: Session) -> list[object]:
    octets = session.octets_to_send()
    buffer = FrameBuffer()
    buffer.feed(octets)
    return [decode(content) for content in buffer.contents()]


def test_a_session_introduces_itself_at_once() -> None:
    assert said(new()) == [ME]


def test_the_peers_hello_opens_the_session() -> None:
    session = new()
    assert session.receive(encode(PEER), 100.0) == [PeerIntroduced(PEER)]
    assert session.state is State.OPEN


def test_what_follows_the_hello_in_one_piece_is_not_lost() -> None:
    events = new().receive(encode(PEER) + encode(ENVELOPE) + encode(KeepAlive()), 100.0)
    assert events == [PeerIntroduced(PEER), ENVELOPE]


@pytest.mark.parametrize("first", [KeepAlive(), ENVELOPE])
def test_nothing_comes_before_the_hello(first: KeepAlive | Envelope) -> None:
    session = new()
    (ended,) = session.receive(encode(first) + encode(PEER), 100.0)
    assert isinstance(ended, SessionEnded)
    assert "before Hello" in ended.reason
    assert session.closed


def test_a_second_hello_ends_the_session_after_what_came_before_it() -> None:
    session = opened()
    events = session.receive(encode(ENVELOPE) + encode(PEER) + encode(ENVELOPE), 100.0)
    assert events == [ENVELOPE, SessionEnded("protocol error: a second Hello")]
    assert said(session) == [Goodbye("protocol error: a second Hello")]


def test_a_goodbye_ends_the_session_without_an_answer() -> None:
    session = opened()
    (ended,) = session.receive(encode(Goodbye("done")), 100.0)
    assert ended == SessionEnded("the peer said goodbye: done")
    assert said(session) == []


def test_a_closed_session_hears_nothing() -> None:
    session = opened()
    session.end("enough")
    assert session.receive(encode(ENVELOPE), 100.0) == []
    assert session.tick(200.0) == []


def test_a_silent_session_says_that_it_is_alive_when_due() -> None:
    session = opened()
    assert session.next_tick() == 101.0
    session.tick(100.9)
    assert said(session) == []
    session.tick(101.0)
    assert said(session) == [KeepAlive()]


def test_a_session_that_speaks_need_not_say_that_it_is_alive() -> None:
    session = opened()
    session.said(100.9)
    session.tick(101.0)
    assert said(session) == []
    assert session.next_tick() == pytest.approx(101.9)


def test_a_peer_that_is_not_heard_is_dead() -> None:
    session = opened()
    session.said(102.9)
    assert session.tick(102.99) == []
    assert session.tick(103.0) == [SessionEnded("nothing heard for 3.0 s")]
    assert session.closed


def test_any_octets_keep_a_peer_alive() -> None:
    session = opened()
    session.receive(encode(ENVELOPE)[: HEADER + 1], 102.0)
    assert session.tick(104.9) == []


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_random_octets_never_raise_and_open_nothing(pieces: list[bytes]) -> None:
    session = new()
    for piece in pieces:
        for event in session.receive(piece, 100.0):
            assert isinstance(event, SessionEnded)
    assert session.state is not State.OPEN
