"""Authenticators and keys, against octets put together by hand and hashed with nothing of ours."""

import hashlib
import hmac
from ipaddress import IPv6Address

import pytest
from hexdump import octets
from wire_messages import LMA, MAG

from opendmm.wire.errors import WireError
from opendmm.wire.mobility.authentication import (
    aaa_authenticator,
    authenticator,
    binding_authorization_holds,
    covered_by_binding_authorization,
    covered_by_message_authentication,
    message_authentication_holds,
    with_binding_authorization,
    with_message_authentication,
)
from opendmm.wire.mobility.binding import BindingUpdate
from opendmm.wire.mobility.codec import encode, encode_without_checksum
from opendmm.wire.mobility.home_agent_switch import HomeAgentSwitch
from opendmm.wire.mobility.keygen import (
    binding_management_key,
    care_of_keygen_token,
    home_keygen_token,
)
from opendmm.wire.mobility.numbers import AuthenticationSubtype, BindingUpdateFlags
from opendmm.wire.mobility.options.base_protocol import (
    BindingAuthorizationDataOption,
    NonceIndicesOption,
)
from opendmm.wire.mobility.options.identification import (
    MessageAuthenticationOption,
    MobileNodeIdentifierOption,
)

HOME = IPv6Address("2001:db8:cafe::42")
CARE_OF = IPv6Address("2001:db8:f::7")
CORRESPONDENT = IPv6Address("2001:db8:c::1")
KCN = bytes(range(20))
NONCE = bytes(range(0x80, 0x88))
KEY = b"sixteen octets.."

UPDATE_TO_CORRESPONDENT = BindingUpdate(
    sequence=5,
    flags=BindingUpdateFlags.A,
    lifetime=105,
    options=(NonceIndicesOption(home_nonce_index=1, care_of_nonce_index=2),),
)
UPDATE_TO_CORRESPONDENT_DRAWN = """
    3b 03 05 00 # Payload Proto, Header Len: 32 octets, MH Type: Binding Update
    00 00       # Checksum: "as if the Checksum field in the Mobility Header was zero"
    00 05       # Sequence #
    80 00       # A
    00 69       # Lifetime: 420 s
    04 04 00 01 00 02   # at 12: Nonce Indices
    05 0c       # at 18, which is 8n + 2: Binding Authorization Data; what follows is not covered
"""

UPDATE_BY_KEY = BindingUpdate(
    sequence=5,
    flags=BindingUpdateFlags.A | BindingUpdateFlags.H,
    lifetime=105,
    options=(MobileNodeIdentifierOption.from_nai("mn1"),),
)
UPDATE_BY_KEY_DRAWN = """
    3b 04 05 00 # Payload Proto, Header Len: 40 octets, MH Type: Binding Update
    00 00       # Checksum, zero
    00 05       # Sequence #
    c0 00       # A, H
    00 69       # Lifetime
    08 04 01 6d 6e 31   # at 12: Mobile Node Identifier
    01 01 00    # at 18: PadN up to 4n + 1
    09 11 01    # at 21: Mobility Message Authentication, 17 octets, MN-HA
    00 00 01 00 # Mobility SPI: the last that is covered
"""


def test_keygen_tokens_and_kbm_are_those_of_the_formulas() -> None:
    """RFC 6275 §5.2.5; octets of the addresses written out."""
    home = octets("20 01 0d b8 ca fe 00 00 00 00 00 00 00 00 00 42")
    care_of = octets("20 01 0d b8 00 0f 00 00 00 00 00 00 00 00 00 07")
    home_token = hmac.new(KCN, home + NONCE + b"\0", hashlib.sha1).digest()[:8]
    care_of_token = hmac.new(KCN, care_of + NONCE + b"\1", hashlib.sha1).digest()[:8]
    assert home_keygen_token(KCN, HOME, NONCE) == home_token
    assert care_of_keygen_token(KCN, CARE_OF, NONCE) == care_of_token
    kbm = hashlib.sha1(home_token + care_of_token).digest()
    assert binding_management_key(home_token, care_of_token) == kbm
    assert len(kbm) == 20
    assert binding_management_key(home_token) == hashlib.sha1(home_token).digest()


def test_tokens_and_kbm_keep_their_values() -> None:
    """The same as numbers, so that a change of both sides is noticed."""
    home_token = home_keygen_token(KCN, HOME, NONCE)
    care_of_token = care_of_keygen_token(KCN, CARE_OF, NONCE)
    assert home_token.hex() == "d1027edf820768fb"
    assert care_of_token.hex() == "201a34a8662eb9a5"
    assert (
        binding_management_key(home_token, care_of_token).hex()
        == "eda0e07e2b911729b9fd882f52a3900d2f8827a6"
    )


def test_binding_authorization_covers_addresses_and_header_without_the_authenticator() -> None:
    signed = with_binding_authorization(UPDATE_TO_CORRESPONDENT, KEY, CARE_OF, CORRESPONDENT)
    by_hand = (
        octets("20 01 0d b8 00 0f 00 00 00 00 00 00 00 00 00 07")
        + octets("20 01 0d b8 00 0c 00 00 00 00 00 00 00 00 00 01")
        + octets(UPDATE_TO_CORRESPONDENT_DRAWN)
    )
    header = encode(signed, HOME, CORRESPONDENT)
    assert covered_by_binding_authorization(header, CARE_OF, CORRESPONDENT) == by_hand
    proof = hmac.new(KEY, by_hand, hashlib.sha1).digest()[:12]
    assert signed.options[-1] == BindingAuthorizationDataOption(proof)
    assert header[20:] == proof
    assert binding_authorization_holds(header, KEY, CARE_OF, CORRESPONDENT)


def test_a_shared_key_covers_addresses_and_header_up_to_the_spi() -> None:
    signed = with_message_authentication(UPDATE_BY_KEY, 256, KEY, CARE_OF, HOME)
    by_hand = (
        octets("20 01 0d b8 00 0f 00 00 00 00 00 00 00 00 00 07")
        + octets("20 01 0d b8 ca fe 00 00 00 00 00 00 00 00 00 42")
        + octets(UPDATE_BY_KEY_DRAWN)
    )
    header = encode(signed, HOME, LMA)
    assert covered_by_message_authentication(header, CARE_OF, HOME) == by_hand
    proof = hmac.new(KEY, by_hand, hashlib.sha1).digest()[:12]
    assert signed.options[-1] == MessageAuthenticationOption(
        AuthenticationSubtype.MN_HA, 256, proof
    )
    assert message_authentication_holds(header, KEY, CARE_OF, HOME)


def test_authenticators_keep_their_values() -> None:
    assert authenticator(KEY, b"covered").hex() == "e50fc8045db204f8b37cf3b2"
    assert aaa_authenticator(KEY, b"covered").hex() == "8870a866cf907c4231b5759c0c0340103f53d745"


@pytest.mark.parametrize("at", range(40))
def test_a_change_of_what_is_covered_is_noticed(at: int) -> None:
    signed = with_message_authentication(UPDATE_BY_KEY, 256, KEY, CARE_OF, HOME)
    header = bytearray(encode_without_checksum(signed))
    header[at] ^= 1
    in_checksum = at in (4, 5)
    try:
        holds = message_authentication_holds(bytes(header), KEY, CARE_OF, HOME)
    except WireError:
        holds = False
    assert holds == in_checksum


def test_another_key_or_address_does_not_hold() -> None:
    header = encode_without_checksum(
        with_message_authentication(UPDATE_BY_KEY, 256, KEY, CARE_OF, HOME)
    )
    assert not message_authentication_holds(header, KEY[::-1], CARE_OF, HOME)
    assert not message_authentication_holds(header, KEY, HOME, HOME)
    assert not message_authentication_holds(header, KEY, CARE_OF, CARE_OF)


def test_an_authenticator_of_another_length_does_not_hold() -> None:
    for proof in (b"", bytes(11), bytes(20)):
        option = MessageAuthenticationOption(AuthenticationSubtype.MN_HA, 256, proof)
        header = encode_without_checksum(
            BindingUpdate(5, BindingUpdateFlags.A, 1, options=(option,))
        )
        assert not message_authentication_holds(header, KEY, CARE_OF, HOME)


def test_the_authenticator_for_the_home_agent_is_found_beside_that_for_aaa() -> None:
    signed = with_message_authentication(UPDATE_BY_KEY, 256, KEY, CARE_OF, HOME)
    aaa = MessageAuthenticationOption(AuthenticationSubtype.MN_AAA, 3, bytes(20))
    options = (*signed.options, aaa)
    header = encode_without_checksum(BindingUpdate(5, signed.flags, 105, options=options))
    for_home_agent = covered_by_message_authentication(header, CARE_OF, HOME)
    for_aaa = covered_by_message_authentication(header, CARE_OF, HOME, AuthenticationSubtype.MN_AAA)
    assert for_home_agent.endswith(octets("09 11 01 00 00 01 00"))
    assert for_aaa.endswith(octets("02 00 00 00 03"))
    assert for_aaa.startswith(for_home_agent[:32])


def test_options_behind_a_list_of_addresses_are_found() -> None:
    switch = HomeAgentSwitch(home_agents=(LMA, MAG))
    header = encode_without_checksum(with_message_authentication(switch, 1, KEY, LMA, MAG))
    assert message_authentication_holds(header, KEY, LMA, MAG)


@pytest.mark.parametrize("check", [message_authentication_holds, binding_authorization_holds])
def test_a_header_without_an_authenticator_is_an_error(check: object) -> None:
    header = encode_without_checksum(UPDATE_BY_KEY)
    assert callable(check)
    with pytest.raises(WireError, match=r"no [A-Z_]+ option"):
        check(header, KEY, CARE_OF, HOME)
