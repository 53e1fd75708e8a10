"""What independent implementations sent: read without loss, and believed with their key."""

from ipaddress import IPv4Address, IPv6Address

import pytest

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.authentication import LIBERAL, STRICT, Acceptance, Filling, holds
from opendmm.wire.lisp.codec import encode, receive
from opendmm.wire.lisp.lcaf.base import Ip
from opendmm.wire.lisp.messages import MapReply
from opendmm.wire.lisp.numbers import AlgorithmId, LocatorFlags, MapReplyFlags
from opendmm.wire.lisp.records import EidRecord, Locator
from opendmm.wire.lisp.registrations import MapNotify

SECRET = b"secret"
NOTIFY_SHA_1 = bytes.fromhex(
    "40000001a6e788294ff89cc6000100143e51372071f8f0dbd6eaf82306de17487a822cc1"
    "0000000a018010000000000220010db8f000000000000000000000010164ff00000100010a090002"
)
NOTIFY_SHA_256 = bytes.fromhex(
    "400000018e169c4a79e49734000200202355a1eb7da569f3876c921267565b1b3717970e639470a8e0b8d9dc8479cffb"
    "0000000a018010000000000220010db8f000000000000000000000060164ff00000500010a090002"
)
REPLY = bytes.fromhex(
    "20000001eb573b33367b05b60000000a018000000000000220010db8f00000000000000000000005"
    "0164ff000001000220010db8000900000000000000000002"
)
PROBE_REPLY = bytes.fromhex(
    "2800000190ae6d1e7e7100b80000000a014010000000000220010db8f00000010000000000000000"
    "0164ff000007000220010db8000900000000000000000003"
)
NOTIFIES = {
    NOTIFY_SHA_1: (AlgorithmId.HMAC_SHA_1_96, "2001:db8:f000::1", LocatorFlags.R),
    NOTIFY_SHA_256: (
        AlgorithmId.HMAC_SHA_256_128,
        "2001:db8:f000::6",
        LocatorFlags.L | LocatorFlags.R,
    ),
}


def mapping(
    eid: str, length: int, locator: Ip, flags: LocatorFlags, authoritative: bool
) -> EidRecord:
    """As they all have it: ten minutes, priority 1, weight 100, multicast 255 and 0."""
    return EidRecord(
        eid=IPv6Address(eid),
        mask_length=length,
        ttl=10,
        locators=(Locator(address=locator, flags=flags),),
        authoritative=authoritative,
    )


@pytest.mark.parametrize("captured", [NOTIFY_SHA_1, NOTIFY_SHA_256, REPLY, PROBE_REPLY])
def test_they_are_written_again_as_they_came(captured: bytes) -> None:
    assert encode(receive(captured).message) == captured


@pytest.mark.parametrize("captured", NOTIFIES)
def test_a_map_notify_says_what_was_registered(captured: bytes) -> None:
    algorithm, eid, flags = NOTIFIES[captured]
    message = receive(captured).message
    assert isinstance(message, MapNotify)
    assert message.authentication.algorithm is algorithm
    assert message.records == (mapping(eid, 128, IPv4Address("10.9.0.2"), flags, True),)


def test_a_map_reply_of_a_proxy_is_not_authoritative() -> None:
    message = receive(REPLY).message
    assert message == MapReply(
        nonce=0xEB573B33367B05B6,
        records=(
            mapping("2001:db8:f000::5", 128, IPv6Address("2001:db8:9::2"), LocatorFlags.R, False),
        ),
    )


def test_the_answer_to_a_probe_says_which_locator_was_probed() -> None:
    message = receive(PROBE_REPLY).message
    assert isinstance(message, MapReply)
    assert message.flags is MapReplyFlags.P
    everything = LocatorFlags.L | LocatorFlags.PROBED | LocatorFlags.R
    locator = IPv6Address("2001:db8:9::3")
    (record,) = message.records
    assert record == mapping("2001:db8:f000:1::", 64, locator, everything, True)
    assert record.probed == record.locators[0]


@pytest.mark.parametrize("captured", NOTIFIES)
def test_a_digest_that_was_not_shortened_is_believed_where_that_is_configured(
    captured: bytes,
) -> None:
    received = receive(captured)
    algorithm = NOTIFIES[captured][0]
    named = Acceptance(algorithms=frozenset((algorithm,)), fillings=frozenset((Filling.WHOLE,)))
    assert holds(received, SECRET, LIBERAL)
    assert holds(received, SECRET, named)
    assert not holds(received, SECRET, STRICT)
    assert not holds(received, SECRET, Acceptance(algorithms=frozenset((algorithm,))))
    assert not holds(received, b"another", LIBERAL)


@pytest.mark.parametrize("captured", NOTIFIES)
def test_any_changed_bit_of_a_map_notify_is_noticed(captured: bytes) -> None:
    for at in range(len(captured) * 8):
        changed = bytearray(captured)
        changed[at // 8] ^= 1 << at % 8
        try:
            received = receive(bytes(changed))
        except WireError:
            continue
        assert not holds(received, SECRET, LIBERAL), f"bit {at}"
