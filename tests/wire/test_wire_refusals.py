"""What is refused, where the error points, and what the receiver owes for it (RFC 6275 §9.2)."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hexdump import octets
from wire_messages import LMA, MAG, carrying

from opendmm.wire.errors import Reaction, WireError
from opendmm.wire.mobility.binding import BindingRefreshRequest, BindingUpdate
from opendmm.wire.mobility.codec import (
    decode,
    decode_without_checksum,
    encode,
    encode_without_checksum,
)
from opendmm.wire.mobility.fast_handover import FastBindingAcknowledgment, FastBindingUpdate
from opendmm.wire.mobility.numbers import (
    AddressCode,
    AuthenticationSubtype,
    BindingAcknowledgementFlags,
    BindingStatus,
    BindingUpdateFlags,
    FastBindingStatus,
    MldReport,
    MulticastContextStatus,
    MulticastPayload,
    MulticastRecordType,
)
from opendmm.wire.mobility.options.anchor import (
    LmaControlledMagParametersOption,
    QualityOfServiceOption,
)
from opendmm.wire.mobility.options.base import MobilityOption, UnknownOption
from opendmm.wire.mobility.options.base_protocol import (
    BindingAuthorizationDataOption,
    BindingRefreshAdviceOption,
)
from opendmm.wire.mobility.options.fast_handover import (
    AddressPrefixOption,
    FastBindingAuthorizationDataOption,
    LinkLocalInterfaceIdentifierOption,
)
from opendmm.wire.mobility.options.identification import (
    MessageAuthenticationOption,
    MobileNodeIdentifierOption,
    ServiceSelectionOption,
)
from opendmm.wire.mobility.options.ipv4 import (
    Ipv4HomeAddressOption,
    Ipv4HomeAddressRequestOption,
)
from opendmm.wire.mobility.options.multicast import (
    ActiveMulticastSubscriptionIpv6Option,
    MulticastAcknowledgementOption,
    MulticastMobilityOption,
    MulticastRecord,
)
from opendmm.wire.mobility.options.proxy import TimestampOption
from opendmm.wire.mobility.options.suboptions import Element
from opendmm.wire.mobility.return_routability import HomeTestInit

UPDATE = carrying(MobileNodeIdentifierOption.from_nai("mn1@example.org"))
NAI = MobileNodeIdentifierOption.from_nai("mn1")
MN_HA = MessageAuthenticationOption(AuthenticationSubtype.MN_HA, 256, bytes(12))
MN_AAA = MessageAuthenticationOption(AuthenticationSubtype.MN_AAA, 3, bytes(20))
IPV6_GROUP = MulticastRecord(MulticastRecordType.MODE_IS_EXCLUDE, IPv6Address("ff0e::1"))


def refused(data: bytes) -> WireError:
    with pytest.raises(WireError) as caught:
        decode_without_checksum(data)
    return caught.value


def with_option(drawn: str) -> bytes:
    """A Binding Update with an option as octets at octet 12, in a header of the right length."""
    data = bytearray(octets("3b 00 05 00 00 00 00 01 82 00 00 4b") + octets(drawn))
    data += bytes(-len(data) % 8)
    data[1] = len(data) // 8 - 1
    return bytes(data)


def test_a_wrong_checksum_is_discarded_silently() -> None:
    data = bytearray(encode(UPDATE, MAG, LMA))
    data[6] ^= 1
    with pytest.raises(WireError, match="wrong checksum, at octet 4") as caught:
        decode(bytes(data), MAG, LMA)
    assert caught.value.reaction is Reaction.DISCARD


def test_a_message_for_another_address_has_a_wrong_checksum() -> None:
    with pytest.raises(WireError, match="wrong checksum"):
        decode(encode(UPDATE, MAG, LMA), MAG, IPv6Address("2001:db8::ffff"))


def test_an_unknown_type_is_answered_with_a_binding_error() -> None:
    error = refused(octets("3b 00 63 00 00 00 00 00"))
    assert (error.offset, error.reaction) == (2, Reaction.BINDING_ERROR)
    assert "unknown MH Type 99" in error.what


def test_another_payload_proto_is_a_parameter_problem_that_points_at_it() -> None:
    error = refused(octets("06 01 05 00 00 00 00 01 82 00 00 4b 01 02 00 00"))
    assert (error.offset, error.reaction) == (0, Reaction.PARAMETER_PROBLEM)


def test_a_header_too_short_for_its_message_is_a_parameter_problem_that_points_at_its_length() -> (
    None
):
    error = refused(octets("3b 00 05 00 00 00 00 01"))
    assert (error.offset, error.reaction) == (1, Reaction.PARAMETER_PROBLEM)


def test_an_unknown_type_counts_before_the_payload_proto_and_the_checksum_before_both() -> None:
    wrong = octets("06 00 63 00 12 34 00 00")
    assert refused(wrong).reaction is Reaction.BINDING_ERROR
    with pytest.raises(WireError, match="wrong checksum"):
        decode(wrong, MAG, LMA)


def test_a_header_that_is_cut_off_is_discarded() -> None:
    whole = encode_without_checksum(UPDATE)
    for length in range(len(whole)):
        assert refused(whole[:length]).reaction is Reaction.DISCARD


def test_reserved_fields_and_flags_are_ignored() -> None:
    data = octets("3b 01 05 ff 00 00 00 01 82 0f 00 4b 01 02 aa bb")
    assert decode_without_checksum(data) == BindingUpdate(
        sequence=1, flags=BindingUpdateFlags.A | BindingUpdateFlags.P, lifetime=75
    )


def test_an_unknown_option_is_skipped_and_what_follows_it_is_read() -> None:
    data = with_option("c8 03 01 02 03  08 04 01 6d 6e 31")
    assert decode_without_checksum(data).options == (UnknownOption(200, b"\1\2\3", 4), NAI)


def test_unknown_numbers_of_known_fields_are_kept() -> None:
    data = octets("3b 01 06 00 00 00 c8 20 00 01 00 4b 01 02 00 00")
    status = decode_without_checksum(data).status  # type: ignore[attr-defined] # it is a BA
    assert (status, status.name) == (BindingStatus(200), "UNASSIGNED_200")


@pytest.mark.parametrize(
    ("drawn", "offset", "what"),
    [
        ("08 ff 01", 13, "an option of 255 octets runs past the end"),
        ("00 00 00 16", 15, "ends before its length"),
        ("08 00", 14, "MobileNodeIdentifierOption: 0 octets where at least 1 are due"),
        ("16 11" + " 00" * 17, 14, "HomeNetworkPrefixOption: 17 octets where 18 are due"),
        ("16 12 00 81" + " 00" * 16, 14, "prefix length 129"),
        ("09 04 01 00 00 00", 14, "MessageAuthenticationOption: 4 octets where at least 5"),
        ("1d 06 02 00 c0 00 02 01", 14, "a prefix length of zero is invalid"),
        ("1d 06 84 00 c0 00 02 01", 14, "prefix length 33 is outside 0..32"),
        ("21 04 00 00 de ad", 14, "GreKeyOption: 4 octets where 6 are due"),
        ("28 04 00 00 16 01", 17, "an element of 1 octets runs past the end"),
        ("28 03 00 00 16", 16, "an element ends before its length"),
        ("29 06 01 00 c0 00 02 01", 14, "6 octets where 18 are due"),
        ("29 06 03 00 c0 00 02 01", 14, "unknown Option-Code 3"),
        ("2f 06 c0 00 c0 00 02 01", 14, "flags 0xc000 do not fit an address of 4 octets"),
        ("33 12 00 40" + " 00" * 16, 14, "address length 64 instead of 128"),
        ("37 06 00 18 c6 33 64 00", 14, "flags 0x00 do not fit a prefix of 4 octets"),
        ("38 05 22 02 00 00 01", 15, "runs past the end"),
        ("38 0a 22 02 00 00 00 e8 01 02 03 00", 23, "octets after the multicast record"),
        ("38 04 22 02 00 00", 15, "ends before its number of sources"),
        ("3c 00 02 00", 14, "0 octets where at least 4 are due"),
        ("3c 01 02 00 00 00 00 01", 20, "ends before its number of sources"),
        ("3c 02 02 00 00 00 00 00 00 00 00 00", 20, "octets after 0 multicast records"),
        ("3d 01 00 01 00 00 00 01", 14, "no records go with an unsupported payload type"),
        ("3e 00", 14, "at least one element is due"),
        ("14 00", 14, "a service identifier has at least one octet"),
        ("05 0b" + " 00" * 11, 14, "an authenticator of 11 octets needs padding"),
    ],
)
def test_a_broken_option_is_discarded_with_its_place(drawn: str, offset: int, what: str) -> None:
    data = with_option(drawn)
    error = refused(data)
    assert what in error.what
    assert (error.offset, error.reaction) == (offset, Reaction.DISCARD)


def test_binding_authorization_data_are_last_and_have_no_padding_after_them() -> None:
    padded = octets(
        """
        3b 04 05 00 00 00 00 01 82 00 00 4b     # up to octet 12
        05 0c 00 01 02 03 04 05 06 07 08 09 0a 0b   # up to octet 26
        01 0c 00 00 00 00 00 00 00 00 00 00 00 00
        """
    )
    assert "padding after" in refused(padded).what
    followed = padded[:26] + octets("08 0c 01") + bytes(11)
    error = refused(followed)
    assert "an option after the Binding Authorization Data" in error.what
    assert error.offset == 26


def test_what_follows_a_shared_key_authenticator_is_refused_unless_it_is_another_one() -> None:
    update = BindingUpdate(sequence=1, flags=BindingUpdateFlags.A, lifetime=1)
    right = carrying(MN_HA)
    both = BindingUpdate(1, update.flags, 1, options=(MN_HA, MN_AAA))
    for message in (right, both):
        assert decode_without_checksum(encode_without_checksum(message)) == message
    for options in ((MN_HA, NAI), (MN_AAA, MN_HA), (MN_AAA, NAI)):
        with pytest.raises(WireError, match="an option after the Mobility Message Authentication"):
            encode_without_checksum(BindingUpdate(1, update.flags, 1, options=options))
    appended = bytearray(encode_without_checksum(right) + octets("08 04 01 6d 6e 31 00 00"))
    appended[1] += 1
    assert "an option after the Mobility Message" in refused(bytes(appended)).what


@pytest.mark.parametrize(
    "options",
    [
        (BindingAuthorizationDataOption(bytes(12)), NAI),
        (FastBindingAuthorizationDataOption(1, bytes(12)), NAI),
    ],
)
def test_nothing_is_encoded_behind_what_must_be_last(options: tuple[MobilityOption, ...]) -> None:
    with pytest.raises(WireError, match="an option after the Binding Authorization Data"):
        encode_without_checksum(BindingUpdate(1, BindingUpdateFlags.A, 1, options=options))


@pytest.mark.parametrize(
    "message",
    [
        BindingUpdate(65536, BindingUpdateFlags.A, 1),
        BindingUpdate(1, BindingUpdateFlags.A, -1),
        carrying(BindingRefreshAdviceOption(65536)),
        carrying(TimestampOption(-1)),
        carrying(MobileNodeIdentifierOption.from_nai("n" * 255)),
        carrying(UnknownOption(22, bytes(18))),
        BindingRefreshRequest(options=(ServiceSelectionOption(bytes(255)),) * 8),
        carrying(ActiveMulticastSubscriptionIpv6Option(MldReport.MLDV1, IPV6_GROUP)),
        carrying(ActiveMulticastSubscriptionIpv6Option(MldReport.MLDV2, b"")),
        carrying(MulticastMobilityOption(MulticastPayload.IGMPV3, (IPV6_GROUP,))),
        carrying(MulticastMobilityOption(MulticastPayload(9), (IPV6_GROUP,))),
        carrying(MulticastMobilityOption(MulticastPayload(9), b"odd")),
        carrying(MulticastMobilityOption(MulticastPayload.MLDV2, (IPV6_GROUP,) * 51)),
    ],
    ids=str,
)
def test_values_without_an_encoding_are_refused(message: BindingUpdate) -> None:
    with pytest.raises(WireError):
        encode(message, MAG, LMA)


def test_fifty_groups_are_the_most_an_option_carries() -> None:
    """RFC 7411 §5.5 says 51, which would be 256 words in a Length of eight bits."""
    message = carrying(MulticastMobilityOption(MulticastPayload.MLDV2, (IPV6_GROUP,) * 50))
    assert decode(encode(message, MAG, LMA), MAG, LMA) == message


def test_a_group_has_at_most_62_sources_in_an_option() -> None:
    sources = (IPv6Address("2001:db8::1"),) * 62
    group = MulticastRecord(MulticastRecordType.MODE_IS_INCLUDE, IPv6Address("ff0e::1"), sources)
    message = carrying(MulticastMobilityOption(MulticastPayload.MLDV2, (group,)))
    assert decode(encode(message, MAG, LMA), MAG, LMA) == message


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (HomeTestInit, (b"short",)),
        (FastBindingUpdate, (1, BindingUpdateFlags.P, 1)),
        (
            FastBindingAcknowledgment,
            (FastBindingStatus.ACCEPTED, BindingAcknowledgementFlags.P, 1, 1),
        ),
        (BindingAuthorizationDataOption, (bytes(16),)),
        (LinkLocalInterfaceIdentifierOption, (bytes(7),)),
        (ServiceSelectionOption, (b"",)),
        (LmaControlledMagParametersOption, ((),)),
        (QualityOfServiceOption, (0, 64, 1)),
        (Ipv4HomeAddressOption, (IPv4Address(0), 0)),
        (Ipv4HomeAddressRequestOption, (IPv4Address(0), 33)),
        (AddressPrefixOption, (AddressCode.NAR_PREFIX, 64, IPv6Address("2001:db8::1"))),
        (AddressPrefixOption, (AddressCode.NAR_ADDRESS, 129, IPv6Address("2001:db8::1"))),
        (MulticastAcknowledgementOption, (MulticastContextStatus(2), b"")),
        (MulticastAcknowledgementOption, (MulticastContextStatus(2), bytes(5))),
        (UnknownOption, (1, b"")),
        (UnknownOption, (256, b"")),
        (UnknownOption, (200, b"", 8)),
        (Element, (256,)),
        (Element, (1, bytes(256))),
        (MulticastRecord, (MulticastRecordType(1), IPv6Address(0), (IPv4Address(0),))),
        (MulticastRecord, (MulticastRecordType(1), IPv6Address(0), (), b"odd")),
    ],
    ids=str,
)
def test_values_that_no_rfc_knows_cannot_be_made(kind: type, fields: tuple[object, ...]) -> None:
    with pytest.raises(WireError):
        kind(*fields)
