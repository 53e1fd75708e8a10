"""The correspondent node (RFC 6275 §5.2, §9): what it believes, remembers and answers."""

import hashlib
import hmac
import itertools
import math
from ipaddress import IPv6Address

import msgspec
import pytest
from route_optimisation_scene import CN, HERE, HOME, NOW, STRANGER, THERE, message_of, names

from opendmm.bindings.mipv6.correspondent import Correspondent
from opendmm.bindings.mipv6.nonces import Nonces
from opendmm.bindings.mipv6.outputs import End, Optimise, Output, Restore
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mobility.outputs import Complain
from opendmm.wire.mobility.authentication import (
    binding_authorization_holds,
    with_binding_authorization,
)
from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingError, BindingUpdate
from opendmm.wire.mobility.codec import encode
from opendmm.wire.mobility.keygen import binding_management_key
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import BindingErrorStatus, BindingStatus, BindingUpdateFlags
from opendmm.wire.mobility.options.base_protocol import (
    AlternateCareOfAddressOption,
    BindingAuthorizationDataOption,
    NonceIndicesOption,
)
from opendmm.wire.mobility.return_routability import (
    AddressTest,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
)

A = BindingUpdateFlags.A
COOKIE = b"biscuit!"
KCN = bytes(range(20))
OPTIMISE = Optimise(end=End.CORRESPONDENT, home_address=HOME, correspondent=CN, care_of=HERE)
RESTORE = Restore(end=End.CORRESPONDENT, home_address=HOME, correspondent=CN)


class Peer:
    """A correspondent, and a mobile node that does by hand whatever a test wants."""

    def __init__(self, **limits: int) -> None:
        counted = itertools.count(1)

        def random(length: int) -> bytes:
            return KCN if length == len(KCN) else next(counted).to_bytes(length, "big")

        self.node = Correspondent(random, **limits)
        self.now = NOW
        self.outputs: list[Output] = []

    def give(
        self, message: MobilityMessage, source: IPv6Address, home_address: IPv6Address | None = None
    ) -> Packet:
        """Deliver a message; the packet, to be delivered once more."""
        data = encode(message, home_address or source, CN)
        packet = Packet(source=source, destination=CN, data=data, home_address=home_address)
        self.deliver(packet)
        return packet

    def deliver(self, packet: Packet) -> None:
        self.outputs = self.node.receive(packet, message_of(packet), self.now)

    def token(self, init: HomeTestInit | CareOfTestInit, source: IPv6Address) -> AddressTest:
        self.give(init, source)
        (packet,) = self.packets
        answer = message_of(packet)
        assert isinstance(answer, AddressTest)
        return answer

    def home_test(self, address: IPv6Address = HOME) -> AddressTest:
        return self.token(HomeTestInit(cookie=COOKIE), address)

    def care_of_test(self, address: IPv6Address = HERE) -> AddressTest:
        return self.token(CareOfTestInit(cookie=COOKIE), address)

    def update(
        self,
        home: AddressTest,
        care_of: AddressTest | None,
        sequence: int = 1,
        *,
        source: IPv6Address = HERE,
        lifetime: int = 105,
        flags: BindingUpdateFlags = A,
    ) -> Packet:
        """A right Binding Update; without a care-of test it deletes."""
        tokens = [home.keygen_token, care_of.keygen_token if care_of is not None else b""]
        message = BindingUpdate(
            sequence=sequence,
            flags=flags,
            lifetime=lifetime if care_of is not None else 0,
            options=(
                NonceIndicesOption(
                    home.nonce_index, care_of.nonce_index if care_of is not None else 0
                ),
            ),
        )
        kbm = binding_management_key(*tokens)
        address = source if message.lifetime else HOME
        signed = with_binding_authorization(message, kbm, address, CN)
        return self.give(signed, source, home_address=HOME)

    def register(self, sequence: int = 1, source: IPv6Address = HERE) -> Packet:
        return self.update(self.home_test(), self.care_of_test(source), sequence, source=source)

    def fire(self, now: float) -> None:
        self.now = now
        self.outputs = self.node.fire(now)

    @property
    def packets(self) -> list[Packet]:
        return [output for output in self.outputs if isinstance(output, Packet)]

    @property
    def answer(self) -> BindingAcknowledgement:
        (packet,) = self.packets
        message = message_of(packet)
        assert isinstance(message, BindingAcknowledgement)
        return message

    @property
    def care_of(self) -> IPv6Address | None:
        entry = self.node.bindings.get((CN, HOME))
        return entry.care_of if entry is not None else None


def first_64(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha1).digest()[:8]


# Tests of addresses


def test_tokens_are_those_of_the_formulas() -> None:
    peer = Peer()
    nonce = (2).to_bytes(8, "big")  # the second random number; the first is the index
    home, care_of = peer.home_test(), peer.care_of_test()
    assert home == HomeTest(
        nonce_index=1, cookie=COOKIE, keygen_token=first_64(KCN, HOME.packed + nonce + b"\0")
    )
    assert care_of == CareOfTest(
        nonce_index=1, cookie=COOKIE, keygen_token=first_64(KCN, HERE.packed + nonce + b"\1")
    )


def test_a_test_is_answered_where_it_came_from_and_leaves_no_trace() -> None:
    peer = Peer()
    for number in range(1000):
        source = IPv6Address(f"2001:db8:9::{number:x}")
        peer.care_of_test(source)
        assert peer.packets[0].destination == source
    assert peer.node.bindings == {}
    assert peer.node.next_timer() == math.inf


@pytest.mark.parametrize("init", [HomeTestInit, CareOfTestInit])
def test_a_test_with_a_home_address_option_is_ignored(
    init: type[HomeTestInit | CareOfTestInit],
) -> None:
    peer = Peer()
    peer.give(init(cookie=COOKIE), HERE, home_address=HOME)
    assert peer.outputs == []


@pytest.mark.parametrize("source", ["ff02::1", "fe80::1", "::"])
def test_a_test_from_no_routable_address_is_ignored(source: str) -> None:
    peer = Peer()
    peer.give(CareOfTestInit(cookie=COOKIE), IPv6Address(source))
    assert peer.outputs == []


# Nonces


def test_a_nonce_is_used_for_thirty_seconds_and_accepted_for_240() -> None:
    nonces = Nonces(bytes)
    first = nonces.current(NOW)
    assert nonces.current(NOW + 29.9) == first
    second = nonces.current(NOW + 30)
    assert second.index == first.index + 1
    assert nonces.find(first.index, NOW + 239.9) == first
    assert nonces.find(first.index, NOW + 240) is None
    assert nonces.find(second.index, NOW + 240) == second


def test_under_load_there_are_nine_nonces_at_most() -> None:
    nonces = Nonces(bytes)
    indices = [nonces.current(NOW + second).index for second in range(1000)]
    valid = [i for i in set(indices) if nonces.find(i, NOW + 999) is not None]
    assert len(valid) <= 9


def test_after_an_idle_hour_the_next_token_has_a_new_nonce() -> None:
    nonces = Nonces(bytes)
    first = nonces.current(NOW)
    assert nonces.current(NOW + 3600).index != first.index


def test_indices_run_free() -> None:
    nonces = Nonces(lambda length: b"\xff" * length)
    assert [nonces.current(NOW).index, nonces.current(NOW + 30).index] == [65535, 0]


def test_a_retired_nonce_is_replaced_once_a_second_at_most() -> None:
    nonces = Nonces(bytes)
    first = nonces.current(NOW)
    nonces.retire()
    assert nonces.current(NOW + 0.9) == first
    assert nonces.current(NOW + 1.0) != first
    assert nonces.find(first.index, NOW + 1.0) == first


# Binding Updates


def test_a_proved_update_makes_a_binding_and_is_acknowledged() -> None:
    peer = Peer()
    peer.register()
    assert peer.outputs[0] == OPTIMISE
    assert peer.answer.status == BindingStatus.ACCEPTED
    assert (peer.answer.sequence, peer.answer.lifetime) == (1, 105)


@pytest.mark.parametrize(("asked", "granted"), [(105, 105), (106, 105), (65535, 105), (1, 1)])
def test_no_binding_lasts_longer_than_420_seconds_or_than_was_asked(
    asked: int, granted: int
) -> None:
    peer = Peer()
    peer.update(peer.home_test(), peer.care_of_test(), lifetime=asked)
    assert peer.answer.lifetime == granted
    peer.fire(NOW + 4 * granted - 0.1)
    assert peer.care_of == HERE
    peer.fire(NOW + 4 * granted)
    assert peer.care_of is None
    assert peer.outputs == [RESTORE]


def test_an_update_that_asks_for_no_answer_gets_none_when_it_is_accepted() -> None:
    peer = Peer()
    peer.update(peer.home_test(), peer.care_of_test(), flags=BindingUpdateFlags(0))
    assert peer.outputs == [OPTIMISE]


def test_a_renewal_changes_nothing_in_the_data_path() -> None:
    peer = Peer()
    peer.register(1)
    peer.register(2)
    assert names(peer.packets) == ["BindingAcknowledgement"]
    assert len(peer.outputs) == 1


def test_the_alternate_care_of_address_is_the_one_that_was_tested_and_is_bound() -> None:
    peer = Peer()
    home, care_of = peer.home_test(), peer.care_of_test(THERE)
    message = BindingUpdate(
        sequence=1,
        flags=A,
        lifetime=9,
        options=(
            NonceIndicesOption(home.nonce_index, care_of.nonce_index),
            AlternateCareOfAddressOption(THERE),
        ),
    )
    kbm = binding_management_key(home.keygen_token, care_of.keygen_token)
    peer.give(with_binding_authorization(message, kbm, THERE, CN), HERE, home_address=HOME)
    assert peer.care_of == THERE
    (answer,) = peer.packets
    assert (answer.destination, answer.routed_to) == (HERE, HOME)
    assert binding_authorization_holds(answer.data, kbm, THERE, CN)


def test_each_of_its_own_addresses_has_a_cache_of_its_own() -> None:
    peer = Peer()
    packet = peer.register()
    other = IPv6Address("2001:db8:c::2")
    home, care_of = peer.home_test(), peer.care_of_test()
    kbm = binding_management_key(home.keygen_token, care_of.keygen_token)
    plain = message_of(packet)
    plain = msgspec.structs.replace(plain, options=plain.options[:1])
    signed = with_binding_authorization(plain, kbm, HERE, other)
    data = encode(signed, HOME, other)
    peer.deliver(msgspec.structs.replace(packet, destination=other, data=data))
    assert set(peer.node.bindings) == {(CN, HOME), (other, HOME)}


def altered(packet: Packet, without: type[object] | None = None, **changes: object) -> Packet:
    """A packet with a message that is not what its authenticator was made for."""
    message = message_of(packet)
    kept = tuple(o for o in message.options if without is None or not isinstance(o, without))
    other = msgspec.structs.replace(message, options=kept, **changes)
    return msgspec.structs.replace(packet, data=encode(other, packet.sender, packet.receiver))


def test_an_update_that_was_tampered_with_is_dropped_silently() -> None:
    right = Peer().register()
    tampered = [
        altered(right, sequence=2),
        altered(right, lifetime=104),
        altered(right, lifetime=0),
        altered(right, flags=BindingUpdateFlags(0)),
        altered(right, without=NonceIndicesOption),
        altered(right, without=BindingAuthorizationDataOption),
        msgspec.structs.replace(right, source=THERE),
    ]
    for packet in tampered:
        peer = Peer()
        peer.home_test()
        peer.deliver(packet)
        (complaint,) = peer.outputs
        assert isinstance(complaint, Complain)
        assert peer.node.bindings == {}


def test_a_home_registration_is_not_for_a_correspondent() -> None:
    peer = Peer()
    flags = BindingUpdateFlags.A | BindingUpdateFlags.H
    peer.update(peer.home_test(), peer.care_of_test(), flags=flags)
    assert [type(output) for output in peer.outputs] == [Complain]


@pytest.mark.parametrize("which", ["home", "care-of"])
def test_a_token_of_somebody_elses_address_authorises_nothing(which: str) -> None:
    peer = Peer()
    home, care_of = peer.home_test(), peer.care_of_test()
    if which == "home":
        home = peer.home_test(STRANGER)
    else:
        care_of = peer.care_of_test(STRANGER)
    peer.update(home, care_of)
    assert peer.care_of is None
    assert peer.packets == []


def test_who_cannot_receive_at_the_care_of_address_cannot_bomb_it() -> None:
    """An attacker with a home address of his own, and a victim's for the care-of address."""
    peer = Peer()
    home = peer.home_test()
    own = peer.care_of_test(STRANGER)
    guess = msgspec.structs.replace(own, keygen_token=bytes(8))
    for care_of in (own, guess, home):
        assert isinstance(care_of, AddressTest)
        peer.update(home, care_of, source=HERE)
        assert [type(output) for output in peer.outputs] == [Complain]
    peer.give(CareOfTestInit(cookie=COOKIE), HERE)
    assert [packet.destination for packet in peer.packets] == [HERE]  # not to the attacker
    assert peer.node.bindings == {}


def test_who_knows_the_home_token_alone_can_delete_but_not_register() -> None:
    """He is on the way to the home address, and could drop the packets as well (§15.4.2)."""
    peer = Peer()
    peer.register()
    home = peer.home_test()
    message = BindingUpdate(
        sequence=9, flags=A, lifetime=9, options=(NonceIndicesOption(home.nonce_index, 1),)
    )
    kbm = binding_management_key(home.keygen_token)
    peer.give(with_binding_authorization(message, kbm, THERE, CN), THERE, home_address=HOME)
    assert peer.care_of == HERE
    peer.update(home, None, 9, source=THERE)
    assert peer.care_of is None


def test_a_home_address_for_a_care_of_address_is_refused() -> None:
    peer = Peer()
    peer.update(peer.home_test(), peer.care_of_test(HOME), source=HOME)
    assert peer.answer.status == BindingStatus.INVALID_CARE_OF_ADDRESS
    assert peer.care_of is None


def test_a_full_cache_says_so_whether_it_was_asked_or_not() -> None:
    peer = Peer(most_bindings=0)
    peer.update(peer.home_test(), peer.care_of_test(), flags=BindingUpdateFlags(0))
    assert peer.answer.status == BindingStatus.INSUFFICIENT_RESOURCES
    assert peer.answer.first(BindingAuthorizationDataOption) is not None


# Expired nonces


@pytest.mark.parametrize(
    ("home_age", "care_of_age", "status"),
    [
        (0, 0, BindingStatus.ACCEPTED),
        (239, 239, BindingStatus.ACCEPTED),
        (240, 0, BindingStatus.EXPIRED_HOME_NONCE_INDEX),
        (0, 240, BindingStatus.EXPIRED_CARE_OF_NONCE_INDEX),
        (240, 240, BindingStatus.EXPIRED_NONCES),
    ],
)
@pytest.mark.parametrize("flags", [A, BindingUpdateFlags(0)])
def test_expired_nonces_are_told_apart_without_a_proof(
    home_age: int, care_of_age: int, status: BindingStatus, flags: BindingUpdateFlags
) -> None:
    peer = Peer()
    tests = {}
    for name, age in sorted(
        {"home": home_age, "care-of": care_of_age}.items(), key=lambda i: -i[1]
    ):
        peer.now = NOW - age
        tests[name] = peer.home_test() if name == "home" else peer.care_of_test()
    peer.now = NOW
    peer.update(tests["home"], tests["care-of"], flags=A if status.accepted else flags)
    assert (peer.answer.status, peer.answer.sequence) == (status, 1)
    proved = peer.answer.first(BindingAuthorizationDataOption) is not None
    assert proved == status.accepted
    (packet,) = peer.packets
    assert (packet.destination, packet.routed_to) == (HERE, HOME)


def test_the_care_of_nonce_is_not_looked_at_to_delete() -> None:
    peer = Peer()
    peer.register()
    peer.now += 300
    peer.update(peer.home_test(), None, 2)
    assert peer.answer.status == BindingStatus.ACCEPTED
    assert RESTORE in peer.outputs


def test_unproved_updates_are_answered_ten_times_a_second() -> None:
    peer = Peer()
    home, care_of = peer.home_test(), peer.care_of_test()
    peer.now += 300
    answered = 0
    for number in range(1000):
        peer.now += 0.001
        peer.update(home, care_of, number)
        answered += len(peer.packets)
    assert answered <= 20


# Replays, and what comes in the wrong order


@pytest.mark.parametrize(
    ("sequence", "accepted"),
    [
        (14, False),
        (15, False),
        (16, True),
        (32782, True),
        (32783, False),
        (65535, False),
        (0, False),
    ],
)
def test_sequence_numbers_are_compared_as_the_rfcs_example_has_it(
    sequence: int, accepted: bool
) -> None:
    peer = Peer()
    peer.register(15)
    peer.register(sequence)
    answer = peer.answer
    if accepted:
        assert answer.status == BindingStatus.ACCEPTED
    else:
        assert answer.status == BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
        assert answer.sequence == 15
        assert answer.first(BindingAuthorizationDataOption) is not None


def test_a_replayed_update_does_not_undo_a_move() -> None:
    peer = Peer()
    old = peer.register(1)
    peer.register(2, THERE)
    peer.deliver(old)
    assert peer.answer.status == BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
    assert peer.care_of == THERE


def test_a_replayed_update_does_not_bring_a_deleted_binding_back() -> None:
    peer = Peer()
    old = peer.register(1)
    peer.update(peer.home_test(), None, 2)
    assert peer.care_of is None
    for age in range(0, 300, 10):
        peer.fire(NOW + age)
        peer.deliver(old)
        assert peer.care_of is None


def test_a_replayed_update_does_not_bring_an_expired_binding_back() -> None:
    peer = Peer()
    old = peer.update(peer.home_test(), peer.care_of_test(), lifetime=1)
    for age in range(4, 300):
        peer.fire(NOW + age)
        peer.deliver(old)
        assert peer.care_of is None


def test_a_registration_overtaken_by_its_deletion_comes_to_nothing() -> None:
    peer = Peer()
    late = Peer()  # with the same key and nonces
    registration = late.register(1)
    peer.update(peer.home_test(), None, 2)
    peer.deliver(registration)
    assert peer.answer.status == BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
    assert peer.care_of is None


def test_the_nonces_of_a_deleted_binding_do_not_authorise_another() -> None:
    peer = Peer()
    home, care_of = peer.home_test(), peer.care_of_test()
    peer.update(home, care_of, 1)
    peer.update(home, None, 2)
    peer.update(home, care_of, 3)
    refused = peer.answer
    peer.now += 1
    peer.update(peer.home_test(), peer.care_of_test(), 3)
    assert refused.status == BindingStatus.EXPIRED_NONCES
    assert peer.answer.status == BindingStatus.ACCEPTED


def test_what_is_gone_is_forgotten_when_nothing_of_it_can_be_replayed() -> None:
    peer = Peer()
    peer.register(1)
    peer.update(peer.home_test(), None, 2)
    while peer.node.next_timer() < math.inf:
        peer.fire(peer.node.next_timer())
    assert peer.node.bindings == {}
    assert peer.now <= NOW + 240


def test_after_that_any_sequence_number_is_accepted() -> None:
    peer = Peer()
    peer.register(100)
    peer.update(peer.home_test(), None, 101)
    peer.fire(NOW + 240)
    peer.register(50)
    assert peer.answer.status == BindingStatus.ACCEPTED


# Refresh requests


def test_who_is_talked_to_is_asked_to_refresh_three_times_at_the_home_address() -> None:
    peer = Peer()
    peer.register()
    peer.node.used(CN, HOME)
    asked = []
    while peer.node.next_timer() < NOW + 420:
        peer.fire(peer.node.next_timer())
        asked += [(peer.now - NOW, packet.destination) for packet in peer.packets]
    assert asked == [(350, HOME), (351, HOME), (353, HOME)]


def test_who_is_not_talked_to_is_not() -> None:
    peer = Peer()
    peer.register()
    assert peer.node.next_timer() == NOW + 420


def test_use_late_in_the_lifetime_asks_at_once() -> None:
    peer = Peer()
    peer.register()
    peer.now = NOW + 400
    peer.node.used(CN, HOME)
    peer.fire(NOW + 400)
    assert names(peer.packets) == ["BindingRefreshRequest"]


def test_a_refreshed_binding_is_not_asked_for_again() -> None:
    peer = Peer()
    peer.register()
    peer.node.used(CN, HOME)
    peer.fire(NOW + 350)
    peer.register(2)
    assert peer.node.next_timer() == NOW + 350 + 420


# Binding Errors


def test_a_home_address_option_without_a_binding_is_a_binding_error_to_the_care_of_address() -> (
    None
):
    peer = Peer()
    (packet,) = peer.node.unbound(HERE, CN, HOME, NOW)
    assert isinstance(packet, Packet)
    assert (packet.source, packet.destination, packet.routed_to) == (CN, HERE, None)
    status = BindingErrorStatus.UNKNOWN_BINDING
    assert message_of(packet) == BindingError(status=status, home_address=HOME)
    assert peer.node.bindings == {}


def test_a_binding_of_another_care_of_address_is_none() -> None:
    peer = Peer()
    peer.register()
    assert peer.node.unbound(HERE, CN, HOME, NOW) == []
    assert len(peer.node.unbound(THERE, CN, HOME, NOW)) == 1


def test_no_binding_error_goes_to_a_multicast_address() -> None:
    assert Peer().node.unbound(IPv6Address("ff02::1"), CN, HOME, NOW) == []


def test_binding_errors_are_limited_as_icmp_errors_are() -> None:
    peer = Peer()
    said = [peer.node.unbound(HERE, CN, HOME, NOW + n / 1000) for n in range(1000)]
    assert len([each for each in said if each]) <= 20


def test_an_unknown_type_is_a_binding_error_about_the_home_address_if_there_is_one() -> None:
    peer = Peer()
    packet = Packet(source=HERE, destination=CN, data=b"", home_address=HOME)
    for each, home_address in (
        (packet, HOME),
        (msgspec.structs.replace(packet, home_address=None), "::"),
    ):
        (answer,) = peer.node.errors.unrecognised(each, NOW)
        status = BindingErrorStatus.UNRECOGNIZED_MH_TYPE
        error = BindingError(status=status, home_address=IPv6Address(home_address))
        assert (message_of(answer), answer.destination) == (error, HERE)
