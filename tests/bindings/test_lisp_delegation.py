"""Several mapping authorities (RFC 8111): Map-Servers, a root, and who asks them in turn."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendmm.bindings.lisp.delegations import Delegation, record
from opendmm.bindings.lisp.following import MOST_REFERRALS
from opendmm.bindings.lisp.map_server import MapServer
from opendmm.bindings.lisp.outputs import Ip, Send
from opendmm.bindings.lisp.sites import Eid, Site
from opendmm.bindings.mobility.outputs import Complain
from opendmm.model.addressing import HomePrefix
from opendmm.wire.lisp.authentication import sign
from opendmm.wire.lisp.codec import decode, encode
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import (
    Action,
    EncapsulatedFlags,
    MapRegisterFlags,
    ReferralAction,
)
from opendmm.wire.lisp.records import EidRecord, Locator, Question
from opendmm.wire.lisp.referrals import MapReferral, ReferralRecord
from opendmm.wire.lisp.registrations import MapRegister

NOW = 1_900_000_000.0
ROOT, SERVER_A, SERVER_B, ITR, ETR, ETR_2 = (
    IPv6Address(f"2001:db8:{name}::1") for name in ("53", "53a", "53b", "9", "e1", "e2")
)
KEY = b"secret"
OF_A, OF_B = "2001:db8:a000::/36", "2001:db8:b000::/36"


def eid(text: str) -> Eid:
    return Eid(0, HomePrefix.parse(text))


def site(text: str) -> Site:
    return Site(name=text, eids=(eid(text),), keys={0: KEY})


class Scene:
    """Mapping authorities by address; what an ITR is told, and all Map-Referrals on the way."""

    def __init__(self) -> None:
        self.now = NOW
        root = [Delegation((eid(OF_A),), (SERVER_A,)), Delegation((eid(OF_B),), (SERVER_B,))]
        up = [Delegation((eid("::/0"),), (ROOT,), map_servers=False)]
        self.servers: dict[Ip, MapServer] = {
            ROOT: MapServer([], ROOT, delegations=root, authority=[eid("2001:db8::/32")]),
            SERVER_A: MapServer([site(OF_A)], SERVER_A, delegations=up),
            SERVER_B: MapServer([site(OF_B)], SERVER_B, delegations=up),
        }
        self.replies: list[MapReply] = []
        self.referrals: list[MapReferral] = []
        self.questions: list[tuple[Ip, Ip]] = []
        self.complaints: list[str] = []
        self.dead: set[Ip] = set()

    def register(self, server: Ip, text: str, etr: IPv6Address = ETR, nonce: int = 1) -> None:
        message = registration(text, etr, nonce)
        self.carry(server, self.servers[server].receive(message, etr, self.now))

    def ask(self, server: Ip, text: str, nonce: int = 5) -> None:
        packed = question(text, nonce)
        self.carry(server, self.servers[server].receive(packed, ITR, self.now))

    def carry(self, sender: Ip, wanted: Sequence[object]) -> None:
        for one in wanted:
            if isinstance(one, Complain):
                self.complaints.append(str(one.fields["why"]))
                continue
            assert isinstance(one, Send)
            message = decode(one.data)
            if isinstance(message, MapReferral):
                self.referrals.append(message)
            if isinstance(message, EncapsulatedControl):
                self.questions.append((sender, one.to))
            if isinstance(message, MapReply):
                assert one.to == ITR
                self.replies.append(message)
            elif one.to in self.servers and one.to not in self.dead:
                answers = self.servers[one.to].receive(one.data, sender, self.now)
                self.carry(one.to, answers)

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := min((s.next_timer(), a) for a, s in self.servers.items()))[0] <= end:
            self.now = due[0]
            self.carry(due[1], self.servers[due[1]].fire(self.now))
        self.now = end

    def where(self) -> list[str]:
        (reply,) = self.replies
        self.replies.clear()
        return [str(one.address) for record in reply.records for one in record.locators]

    def actions(self) -> list[ReferralAction]:
        return [ReferralAction(one.records[0].action) for one in self.referrals]


def registration(text: str, etr: IPv6Address = ETR, nonce: int = 1) -> bytes:
    prefix = HomePrefix.parse(text)
    told = EidRecord(
        eid=IPv6Address(prefix.network),
        mask_length=prefix.length,
        ttl=10,
        locators=(Locator(address=etr),),
    )
    return sign(MapRegister(nonce=nonce, records=(told,), flags=MapRegisterFlags.P), KEY)


def question(text: str, nonce: int = 5, *, ddt: bool = False) -> bytes:
    address = IPv6Address(text)
    request = MapRequest(
        nonce=nonce, itr_rlocs=(ITR,), questions=(Question(eid=address, mask_length=128),)
    )
    flags = EncapsulatedFlags.D if ddt else EncapsulatedFlags(0)
    return encode(
        EncapsulatedControl(
            source=ITR,
            destination=address,
            source_port=4342,
            message=encode(request),
            flags=flags,
        )
    )


def referral(text: str, action: ReferralAction, *to: Ip, nonce: int = 5) -> bytes:
    return encode(MapReferral(nonce=nonce, records=(record(eid(text), action, to),)))


# What an ITR hears


def test_a_question_is_followed_to_who_has_authority_and_the_answer_comes_from_there() -> None:
    scene = Scene()
    scene.register(SERVER_B, "2001:db8:b000::7/128")
    scene.ask(SERVER_A, "2001:db8:b000::7")
    assert scene.where() == [str(ETR)]
    assert scene.actions() == [ReferralAction.MS_REFERRAL, ReferralAction.MS_ACK]
    assert scene.questions == [(SERVER_A, ROOT), (SERVER_A, SERVER_B)]
    assert scene.complaints == []


def test_what_was_referred_is_remembered() -> None:
    scene = Scene()
    scene.register(SERVER_B, "2001:db8:b000::7/128")
    for nonce in (5, 6):
        scene.ask(SERVER_A, "2001:db8:b000::7", nonce)
        assert scene.where() == [str(ETR)]
    assert scene.questions[2:] == [(SERVER_A, SERVER_B)]
    scene.now += 1441 * 60
    scene.register(SERVER_B, "2001:db8:b000::7/128", nonce=2)
    scene.ask(SERVER_A, "2001:db8:b000::7", 7)
    assert scene.questions[3:] == [(SERVER_A, ROOT), (SERVER_A, SERVER_B)]


def test_an_eid_that_nobody_registered_is_nowhere_for_a_minute() -> None:
    scene = Scene()
    scene.ask(SERVER_A, "2001:db8:b000::7")
    (reply,) = scene.replies
    (told,) = reply.records
    assert (told.ttl, told.action, str(told.prefix)) == (1, Action.NATIVELY_FORWARD, OF_B)
    assert scene.actions()[-1] is ReferralAction.MS_NOT_REGISTERED
    scene.ask(SERVER_A, "2001:db8:b000::8", 6)
    assert len(scene.referrals) == 2  # nobody was asked again
    scene.pass_time(61)
    scene.register(SERVER_B, "2001:db8:b000::7/128")
    scene.replies.clear()
    scene.ask(SERVER_A, "2001:db8:b000::7", 7)
    assert scene.where() == [str(ETR)]


def test_an_eid_that_is_not_delegated_is_nowhere_for_a_quarter_of_an_hour() -> None:
    scene = Scene()
    scene.ask(SERVER_A, "2001:db8:c000::7")
    (reply,) = scene.replies
    (told,) = reply.records
    assert (told.ttl, str(told.prefix)) == (15, "2001:db8:c000::/34")
    assert scene.actions() == [ReferralAction.DELEGATION_HOLE]


def test_what_nobody_has_authority_for_is_answered_by_nobody() -> None:
    scene = Scene()
    scene.ask(SERVER_A, "3000::1")
    assert scene.replies == []
    assert scene.actions() == [ReferralAction.NOT_AUTHORITATIVE]
    assert scene.referrals[0].records[0].incomplete
    scene.pass_time(60)
    assert scene.replies == []


def test_what_is_registered_here_is_asked_of_nobody_else() -> None:
    scene = Scene()
    scene.register(SERVER_A, "2001:db8:a000::7/128")
    scene.ask(SERVER_A, "2001:db8:a000::7")
    assert scene.where() == [str(ETR)]
    assert scene.questions == []


def test_a_move_at_another_authority_is_told_of_by_it() -> None:
    scene = Scene()
    scene.register(SERVER_B, "2001:db8:b000::7/128")
    scene.ask(SERVER_A, "2001:db8:b000::7")
    scene.replies.clear()
    sent = scene.servers[SERVER_B].receive(registration("2001:db8:b000::7/128", ETR_2), ETR_2, NOW)
    (solicitation,) = sent
    assert isinstance(solicitation, Send)
    assert solicitation.to == ITR
    scene.ask(SERVER_A, "2001:db8:b000::7", 6)
    assert scene.where() == [str(ETR_2)]


# Who does not answer


def test_a_silent_server_is_asked_again_and_then_the_next_one() -> None:
    scene = Scene()
    scene.register(SERVER_B, "2001:db8:b000::7/128")
    scene.dead = {SERVER_B}
    scene.ask(SERVER_A, "2001:db8:b000::7")
    scene.pass_time(1.5)
    assert scene.replies == []
    scene.dead = set()
    scene.pass_time(1)
    assert scene.where() == [str(ETR)]


def test_a_question_that_nobody_answers_is_given_up() -> None:
    scene = Scene()
    scene.dead = {ROOT}
    scene.ask(SERVER_A, "2001:db8:b000::7")
    scene.pass_time(30)
    assert scene.questions == [(SERVER_A, ROOT)] * 3
    assert scene.servers[SERVER_A].next_timer() == float("inf")


def test_of_several_servers_one_that_has_no_registration_is_not_the_last_word() -> None:
    scene = Scene()
    resolver = MapServer([], ITR, delegations=[Delegation((eid(OF_B),), (SERVER_A, SERVER_B))])
    (first,) = resolver.receive(question("2001:db8:b000::7"), ITR, NOW)
    assert isinstance(first, Send)
    assert first.to == SERVER_A
    absent = referral(OF_B, ReferralAction.MS_NOT_REGISTERED, SERVER_A)
    (second,) = resolver.receive(absent, SERVER_A, NOW)
    assert isinstance(second, Send)
    assert second.to == SERVER_B
    (told,) = resolver.receive(absent, SERVER_B, NOW)
    assert isinstance(told, Send)
    assert isinstance(decode(told.data), MapReply)
    assert scene.complaints == []


def test_a_referral_out_of_date_is_forgotten_and_the_root_is_asked() -> None:
    scene = Scene()
    scene.register(SERVER_B, "2001:db8:b000::7/128")
    scene.ask(SERVER_A, "2001:db8:b000::7")
    scene.replies.clear()
    resolver = scene.servers[SERVER_A]
    (sent,) = resolver.receive(question("2001:db8:b000::9", 6), ITR, NOW)
    assert isinstance(sent, Send)
    assert sent.to == SERVER_B
    moved = referral("2001:db8:b000::9/128", ReferralAction.NOT_AUTHORITATIVE, nonce=6)
    (again,) = resolver.receive(moved, SERVER_B, NOW)
    assert isinstance(again, Send)
    assert again.to == ROOT


# Who is not believed


@pytest.fixture
def waiting() -> MapServer:
    """A resolver that has asked the root."""
    up = [Delegation((eid("::/0"),), (ROOT,), map_servers=False)]
    resolver = MapServer([], ITR, delegations=up)
    (sent,) = resolver.receive(question("2001:db8:b000::7"), ITR, NOW)
    assert isinstance(sent, Send)
    outer = decode(sent.data)
    assert isinstance(outer, EncapsulatedControl)
    assert outer.flags & EncapsulatedFlags.D
    return resolver


def refused(sent: Sequence[object]) -> str:
    (complaint,) = sent
    assert isinstance(complaint, Complain)
    return str(complaint.fields["why"])


def test_a_referral_of_somebody_who_was_not_asked_is_refused(waiting: MapServer) -> None:
    forged = referral(OF_B, ReferralAction.MS_REFERRAL, ETR_2)
    assert "was not asked" in refused(waiting.receive(forged, ETR_2, NOW))
    (followed,) = waiting.receive(referral(OF_B, ReferralAction.MS_REFERRAL, SERVER_B), ROOT, NOW)
    assert isinstance(followed, Send)
    assert followed.to == SERVER_B


def test_a_referral_with_another_nonce_is_refused(waiting: MapServer) -> None:
    forged = referral(OF_B, ReferralAction.MS_REFERRAL, ETR_2, nonce=6)
    assert "nothing was asked" in refused(waiting.receive(forged, ROOT, NOW))


def test_a_referral_about_something_else_is_refused(waiting: MapServer) -> None:
    forged = referral(OF_A, ReferralAction.MS_REFERRAL, ETR_2)
    assert "not about what was asked" in refused(waiting.receive(forged, ROOT, NOW))


@pytest.mark.parametrize("action", [ReferralAction.MS_REFERRAL, ReferralAction.DELEGATION_HOLE])
def test_nobody_takes_over_more_than_was_delegated_to_it(
    waiting: MapServer, action: ReferralAction
) -> None:
    waiting.receive(referral(OF_B, ReferralAction.NODE_REFERRAL, SERVER_B), ROOT, NOW)
    wider = referral("2001:db8::/32", action, ETR_2)
    assert "more than was delegated" in refused(waiting.receive(wider, SERVER_B, NOW))


def test_who_leads_in_circles_is_not_followed(waiting: MapServer) -> None:
    """RFC 8111 §7.3.4."""
    waiting.receive(referral(OF_B, ReferralAction.NODE_REFERRAL, SERVER_B), ROOT, NOW)
    back = referral(OF_B, ReferralAction.NODE_REFERRAL, SERVER_A)
    assert "in circles" in refused(waiting.receive(back, SERVER_B, NOW))
    assert waiting.next_timer() == float("inf")


def test_referrals_are_followed_so_far_and_no_further(waiting: MapServer) -> None:
    for length in range(36, 36 + MOST_REFERRALS):
        prefix = f"{IPv6Address('2001:db8:b000::')}/{length}"
        sent = waiting.receive(referral(prefix, ReferralAction.NODE_REFERRAL, ROOT), ROOT, NOW)
        assert isinstance(sent[0], Send)
    further = referral("2001:db8:b000::/64", ReferralAction.NODE_REFERRAL, ROOT)
    assert "in circles" in refused(waiting.receive(further, ROOT, NOW))


def test_a_referral_to_nobody_is_an_error(waiting: MapServer) -> None:
    assert "to nobody" in refused(
        waiting.receive(referral(OF_B, ReferralAction.MS_REFERRAL), ROOT, NOW)
    )


def test_what_is_incomplete_is_not_remembered(waiting: MapServer) -> None:
    told = record(eid(OF_B), ReferralAction.MS_REFERRAL, (SERVER_B,), incomplete=True)
    waiting.receive(encode(MapReferral(nonce=5, records=(told,))), ROOT, NOW)
    (sent,) = waiting.receive(question("2001:db8:b000::8", 6), ITR, NOW)
    assert isinstance(sent, Send)
    assert sent.to == ROOT


# What a DDT node says


@pytest.mark.parametrize(
    ("asked", "action", "prefix", "to"),
    [
        ("2001:db8:b000::7", ReferralAction.MS_REFERRAL, OF_B, [SERVER_B]),
        ("2001:db8:c000::7", ReferralAction.DELEGATION_HOLE, "2001:db8:c000::/34", []),
        ("3000::1", ReferralAction.NOT_AUTHORITATIVE, "3000::1/128", []),
    ],
)
def test_a_node_refers_by_its_delegations(
    asked: str, action: ReferralAction, prefix: str, to: list[Ip]
) -> None:
    (sent,) = Scene().servers[ROOT].receive(question(asked, ddt=True), ITR, NOW)
    assert isinstance(sent, Send)
    assert (sent.to, sent.port) == (ITR, 4342)
    message = decode(sent.data)
    assert isinstance(message, MapReferral)
    (told,) = message.records
    assert (told.action, str(told.prefix)) == (action, prefix)
    assert [one.address for one in told.referrals] == to
    ttl = {
        ReferralAction.MS_REFERRAL: 1440,
        ReferralAction.DELEGATION_HOLE: 15,
        ReferralAction.NOT_AUTHORITATIVE: 0,
    }
    assert told.ttl == ttl[action]


def test_nodes_of_ours_are_found_by_what_they_serve() -> None:
    """A Map-Server that serves some prefixes learns of no others, and is asked about these."""
    server = MapServer([], SERVER_A, serves=[eid("2001:db8:a000::/48")])
    for text in ("2001:db8:a000::7", "2001:db8:b000::7"):
        told = EidRecord(
            eid=ip_address(text), mask_length=128, ttl=3, locators=(Locator(address=ETR),)
        )
        server.learn([told], ETR, NOW, 100)
    assert len(server.registry) == 1
    acknowledged, reply = server.receive(question("2001:db8:a000::7", ddt=True), ITR, NOW)
    assert isinstance(acknowledged, Send)
    assert isinstance(reply, Send)
    message = decode(acknowledged.data)
    assert isinstance(message, MapReferral)
    assert message.records[0].action == ReferralAction.MS_ACK
    assert isinstance(decode(reply.data), MapReply)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([ROOT, SERVER_A, SERVER_B, ETR_2]),
            st.sampled_from(list(ReferralAction)),
            st.sampled_from(["::/0", "2001:db8::/32", OF_A, OF_B, "2001:db8:b000::/64"]),
            st.lists(st.sampled_from([ROOT, SERVER_A, SERVER_B, ETR_2]), max_size=2),
        ),
        max_size=12,
    )
)
def test_whatever_others_say_a_question_ends_and_is_answered_at_most_once(
    said: list[tuple[Ip, ReferralAction, str, list[Ip]]],
) -> None:
    up = [Delegation((eid("::/0"),), (ROOT,), map_servers=False)]
    resolver = MapServer([], ITR, delegations=up)
    resolver.receive(question("2001:db8:b000::7"), ITR, NOW)
    now, replies = NOW, 0
    for source, action, prefix, to in said:
        sent = resolver.receive(referral(prefix, action, *to), source, now)
        replies += sum(isinstance(one, Send) and one.to == ITR for one in sent)
    while (due := resolver.next_timer()) < float("inf"):
        now = due
        resolver.fire(now)
    assert replies <= 1
    assert now < NOW + 60


def test_records_without_an_ip_prefix_are_refused(waiting: MapServer) -> None:
    told = record(eid(OF_B), ReferralAction.MS_REFERRAL, (SERVER_B,))
    nameless: ReferralRecord = msgspec.structs.replace(told, eid=None, mask_length=0)
    message = encode(MapReferral(nonce=5, records=(nameless,)))
    assert "not about" in refused(waiting.receive(message, ROOT, NOW))
