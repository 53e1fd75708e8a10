"""LISP's registries, copied from the RFCs' tables once more."""

import enum

import pytest

from opendmm.wire.lisp import numbers

TABLES: dict[type[enum.IntEnum], str] = {
    # RFC 9301 §5.1
    numbers.MessageType: """1 MAP_REQUEST 2 MAP_REPLY 3 MAP_REGISTER 4 MAP_NOTIFY 5 MAP_NOTIFY_ACK
        6 MAP_REFERRAL 7 INFO 8 ENCAPSULATED_CONTROL 15 SHARED_EXTENSION""",
    # RFC 8060 §3, §4.10
    numbers.AddressFamily: "0 NONE 1 IPV4 2 IPV6 6 MAC 17 NAME 16387 LCAF",
    # RFC 8060 §3, RFC 9306 §6
    numbers.LcafType: """1 AFI_LIST 2 INSTANCE_ID 7 NAT_TRAVERSAL 9 MULTICAST_INFO 11 SECURITY_KEY
        13 REPLICATION_LIST 255 VENDOR_SPECIFIC""",
    # RFC 9301 §5.4, §12.3
    numbers.Action: """0 NO_ACTION 1 NATIVELY_FORWARD 2 SEND_MAP_REQUEST 3 DROP_NO_REASON
        4 DROP_POLICY_DENIED 5 DROP_AUTH_FAILURE""",
    # RFC 8111 §6.1
    numbers.ReferralAction: """0 NODE_REFERRAL 1 MS_REFERRAL 2 MS_ACK 3 MS_NOT_REGISTERED
        4 DELEGATION_HOLE 5 NOT_AUTHORITATIVE""",
    # RFC 8111 §6.4.1
    numbers.SignatureAlgorithm: "1 RSA_SHA1 2 RSA_SHA256",
    # RFC 9301 §12.5
    numbers.AlgorithmId: """0 NONE 1 HMAC_SHA_1_96 2 HMAC_SHA_256_128
        3 HMAC_SHA_256_128_HKDF_SHA256""",
    # RFC 9303 §8.3, §8.4, §8.5
    numbers.HmacId: "0 NOPREF 1 AUTH_HMAC_SHA_1_96 2 AUTH_HMAC_SHA_256_128",
    numbers.WrappingId: "1 NULL_KEY_WRAP_128 2 AES_KEY_WRAP_128_HKDF_SHA256",
    numbers.DerivationId: "0 NOPREF 1 HKDF_SHA1_128 2 HKDF_SHA256",
}
#: Bit positions, 0 being the first of the word (RFC 9301 §12.6 and the figures; RFC 9437).
POSITIONS: dict[type[enum.IntFlag], str] = {
    numbers.MapRequestFlags: "4 A 5 M 6 P 7 S 8 PITR 9 SMR_INVOKED 11 I 17 L 18 D",
    numbers.MapReplyFlags: "4 P 5 E 6 S",
    numbers.MapRegisterFlags: "4 P 5 S 6 I 19 E 20 T 21 MERGE 23 M",
    numbers.InfoFlags: "4 R",
    numbers.EncapsulatedFlags: "4 S 5 D 6 E 7 M",
}
#: Minutes (RFC 8111 §6.4).
REFERRAL_TTL = "0 1440 1 1440 2 1440 3 1 4 15 5 0"


@pytest.mark.parametrize("registry", TABLES)
def test_a_registry_is_as_its_table(registry: type[enum.IntEnum]) -> None:
    words = TABLES[registry].split()
    told = dict(zip(words[1::2], map(int, words[::2]), strict=True))
    assert {member.name: member.value for member in registry} == told


@pytest.mark.parametrize("flags", POSITIONS)
def test_flags_are_where_the_figure_has_them(flags: type[enum.IntFlag]) -> None:
    words = POSITIONS[flags].split()
    told = {name: 1 << 31 - int(at) for at, name in zip(words[::2], words[1::2], strict=True)}
    assert {member.name: member.value for member in flags} == told


def test_constants_are_as_the_rfcs_have_them() -> None:
    words = [int(word) for word in REFERRAL_TTL.split()]
    assert dict(zip(words[::2], words[1::2], strict=True)) == numbers.REFERRAL_TTL
    assert (numbers.CONTROL_PORT, numbers.DATA_PORT) == (4342, 4341)  # RFC 9301 §12.1, 9300 §5.3
    assert numbers.LOCAL_TTL == 2**32 - 1  # RFC 9301 §5.4
    assert numbers.NEVER_USED == 255  # RFC 9301 §5.4
    assert numbers.RECEIVER_SITE_LEVEL == 128  # RFC 8378 §5.1.2
