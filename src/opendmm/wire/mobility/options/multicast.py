"""Multicast subscriptions that move with a mobile node: RFC 7161 §4.1 and §6.1, RFC 7411 §5.

They carry the records of MLDv2 (RFC 3810 §5.2) and IGMPv3 (RFC 3376 §4.2), alike but for the
size of an address.
"""

from collections.abc import Container
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import ClassVar, Self

import msgspec

from opendmm.wire.errors import WireError
from opendmm.wire.layout import unpack_exactly, unpack_head
from opendmm.wire.mobility.numbers import (
    IgmpReport,
    MldReport,
    MulticastContextStatus,
    MulticastPayload,
    MulticastRecordType,
    OptionType,
)
from opendmm.wire.mobility.options.base import Alignment, MobilityOption

Address = IPv4Address | IPv6Address

RECORD = Struct("!BBH")
PAYLOAD_HEADER = Struct("!2xH")
REPORT_TYPE = Struct("!B")
MLDV1_CONTEXT = Struct("!4x16s")
IGMP_GROUP = Struct("!4s")
CODES = Struct("!BB")
WORD = 4
IPV4_OCTETS = 4
IPV6_OCTETS = 16
#: How many octets an address in a report payload has, by Option-Code.
PAYLOAD_ADDRESSES = {
    MulticastPayload.IGMPV3: IPV4_OCTETS,
    MulticastPayload.MLDV2: IPV6_OCTETS,
    MulticastPayload.IGMPV3_FROM_IGMPV2: IPV4_OCTETS,
    MulticastPayload.MLDV2_FROM_MLDV1: IPV6_OCTETS,
}


class MulticastRecord(msgspec.Struct, frozen=True):
    """What is listened to in one group: a Multicast Address Record or Group Record.

    `auxiliary` is auxiliary data, a multiple of four octets; there is none in MLDv2 and IGMPv3.
    """

    record_type: MulticastRecordType
    group: Address
    sources: tuple[Address, ...] = ()
    auxiliary: bytes = b""

    def __post_init__(self) -> None:
        if len(self.auxiliary) % WORD:
            raise WireError(f"auxiliary data of {len(self.auxiliary)} octets is not in words")
        if any(source.version != self.group.version for source in self.sources):
            raise WireError("sources and group are of different IP versions")

    def pack(self) -> bytes:
        words = len(self.auxiliary) // WORD
        head = RECORD.pack(self.record_type, words, len(self.sources))
        addresses = b"".join(address.packed for address in (self.group, *self.sources))
        return head + addresses + self.auxiliary


def parse_record(body: bytes, begin: int, address_octets: int) -> tuple[MulticastRecord, int]:
    """The record at octet `begin`, and where it ends. Raises WireError."""
    if begin + RECORD.size > len(body):
        raise WireError("a multicast record ends before its number of sources", begin)
    record_type, words, count = RECORD.unpack_from(body, begin)
    first = begin + RECORD.size
    auxiliary = first + (1 + count) * address_octets
    end = auxiliary + words * WORD
    if end > len(body):
        raise WireError(f"a multicast record of {count} sources runs past the end", begin)
    kind = IPv4Address if address_octets == IPV4_OCTETS else IPv6Address
    group, *sources = (
        kind(body[at : at + address_octets]) for at in range(first, auxiliary, address_octets)
    )
    number = MulticastRecordType(record_type)
    return MulticastRecord(number, group, tuple(sources), body[auxiliary:end]), end


def parse_whole_record(body: bytes, begin: int, address_octets: int) -> MulticastRecord:
    """The one record from octet `begin` to the end. Raises WireError."""
    record, end = parse_record(body, begin, address_octets)
    if end != len(body):
        raise WireError("octets after the multicast record", end)
    return record


def pack_report(records: tuple[MulticastRecord, ...]) -> bytes:
    """The payload of a report: number of records, records (RFC 7411 §5.3)."""
    return PAYLOAD_HEADER.pack(len(records)) + b"".join(record.pack() for record in records)


def parse_report(body: bytes, address_octets: int, begin: int = 0) -> tuple[MulticastRecord, ...]:
    """The records in the payload of a report, from octet `begin` to the end. Raises WireError."""
    (count,) = unpack_head(PAYLOAD_HEADER, body[begin:])
    offset = begin + PAYLOAD_HEADER.size
    records: list[MulticastRecord] = []
    while len(records) < count:
        record, offset = parse_record(body, offset, address_octets)
        records.append(record)
    if offset != len(body):
        raise WireError(f"octets after {count} multicast records", offset)
    return tuple(records)


class ActiveMulticastSubscriptionIpv6Option(MobilityOption, frozen=True):
    """One group the mobile node listens to (RFC 7161 §4.1).

    `context` is a record for MLDv2, the group for MLDv1, and octets for what came later.
    """

    TYPE = OptionType.ACTIVE_MULTICAST_SUBSCRIPTION_IPV6

    report: MldReport
    context: MulticastRecord | IPv6Address | bytes

    @property
    def alignment(self) -> Alignment:
        return Alignment(8, 1)

    def body(self) -> bytes:
        head = REPORT_TYPE.pack(self.report)
        if self.report == MldReport.MLDV2 and isinstance(self.context, MulticastRecord):
            return head + _of_version(6, self.context).pack()
        if self.report == MldReport.MLDV1 and isinstance(self.context, IPv6Address):
            return head + MLDV1_CONTEXT.pack(self.context.packed)
        return head + _later(self.report, (MldReport.MLDV1, MldReport.MLDV2), self.context)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        (number,) = unpack_head(REPORT_TYPE, body)
        report = MldReport(number)
        if report == MldReport.MLDV2:
            return cls(report, parse_whole_record(body, REPORT_TYPE.size, IPV6_OCTETS))
        context = body[REPORT_TYPE.size :]
        if report == MldReport.MLDV1:
            return cls(report, IPv6Address(*unpack_exactly(MLDV1_CONTEXT, context)))
        return cls(report, context)


class ActiveMulticastSubscriptionIpv4Option(MobilityOption, frozen=True):
    """One IPv4 group the mobile node listens to (RFC 7161 §6.1).

    `context` is a record for IGMPv3, the group for IGMPv1 and IGMPv2, and octets for what came
    later.
    """

    TYPE = OptionType.ACTIVE_MULTICAST_SUBSCRIPTION_IPV4
    GROUP_ONLY: ClassVar[tuple[IgmpReport, ...]] = (IgmpReport.IGMPV1, IgmpReport.IGMPV2)

    report: IgmpReport
    context: MulticastRecord | IPv4Address | bytes

    @property
    def alignment(self) -> Alignment:
        return Alignment(4, 1)

    def body(self) -> bytes:
        head = REPORT_TYPE.pack(self.report)
        if self.report == IgmpReport.IGMPV3 and isinstance(self.context, MulticastRecord):
            return head + _of_version(4, self.context).pack()
        if self.report in self.GROUP_ONLY and isinstance(self.context, IPv4Address):
            return head + IGMP_GROUP.pack(self.context.packed)
        return head + _later(self.report, tuple(IgmpReport), self.context)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        (number,) = unpack_head(REPORT_TYPE, body)
        report = IgmpReport(number)
        if report == IgmpReport.IGMPV3:
            return cls(report, parse_whole_record(body, REPORT_TYPE.size, IPV4_OCTETS))
        context = body[REPORT_TYPE.size :]
        if report in cls.GROUP_ONLY:
            return cls(report, IPv4Address(*unpack_exactly(IGMP_GROUP, context)))
        return cls(report, context)


class MulticastMobilityOption(MobilityOption, frozen=True):
    """All groups the mobile node listens to, as one report (RFC 7411 §5.3).

    `report` is records, or octets of whole words where the payload type is not in the registry.
    """

    TYPE = OptionType.MULTICAST_MOBILITY
    LENGTH_IN_WORDS = True

    payload: MulticastPayload
    report: tuple[MulticastRecord, ...] | bytes

    @property
    def alignment(self) -> Alignment:
        return Alignment(4, 0)

    def body(self) -> bytes:
        head = CODES.pack(self.payload, 0)
        octets = PAYLOAD_ADDRESSES.get(self.payload)
        if isinstance(self.report, bytes):
            return head + _whole_words(_later(self.payload, PAYLOAD_ADDRESSES, self.report))
        version = 4 if octets == IPV4_OCTETS else 6
        if octets is None:
            raise WireError(f"records do not fit payload type {self.payload}")
        return head + pack_report(tuple(_of_version(version, record) for record in self.report))

    @classmethod
    def parse(cls, body: bytes) -> Self:
        number, _ = unpack_head(CODES, body)
        payload = MulticastPayload(number)
        octets = PAYLOAD_ADDRESSES.get(payload)
        if octets is None:
            return cls(payload, body[CODES.size :])
        return cls(payload, parse_report(body, octets, CODES.size))


class MulticastAcknowledgementOption(MobilityOption, frozen=True):
    """Which groups will not be served at the new place (RFC 7411 §5.4).

    `report` is the payload of a report as it came: only the request tells whether its addresses
    are IPv4 or IPv6, so `parse_report` reads it.
    """

    TYPE = OptionType.MULTICAST_ACKNOWLEDGEMENT
    LENGTH_IN_WORDS = True

    status: MulticastContextStatus
    report: bytes = PAYLOAD_HEADER.pack(0)

    def __post_init__(self) -> None:
        (count,) = unpack_head(PAYLOAD_HEADER, _whole_words(self.report))
        if self.status == MulticastContextStatus.PAYLOAD_TYPE_UNSUPPORTED and count:
            raise WireError("no records go with an unsupported payload type (RFC 7411 §5.4)")

    @property
    def alignment(self) -> Alignment:
        return Alignment(4, 0)

    def body(self) -> bytes:
        return CODES.pack(0, self.status) + self.report

    @classmethod
    def parse(cls, body: bytes) -> Self:
        _, status = unpack_head(CODES, body)
        return cls(MulticastContextStatus(status), body[CODES.size :])


class DynamicIpMulticastSelectorOption(MobilityOption, frozen=True):
    """Which groups are to be had locally (RFC 7028 §5.1), as octets.

    The figure draws the protocol field with nine bits and the text with a number of eight: what
    a peer would send cannot be told from the RFC.
    """

    TYPE = OptionType.DYNAMIC_IP_MULTICAST_SELECTOR

    data: bytes

    @property
    def alignment(self) -> Alignment:
        return Alignment(4, 2)

    def body(self) -> bytes:
        return self.data

    @classmethod
    def parse(cls, body: bytes) -> Self:
        return cls(body)


def _of_version(version: int, record: MulticastRecord) -> MulticastRecord:
    if record.group.version != version:
        raise WireError(f"the group {record.group} is not of IPv{version}")
    return record


def _later(number: int, known: Container[int], context: object) -> bytes:
    """A context of a kind that is not in the registry, which is only octets to us."""
    if not isinstance(context, bytes) or number in known:
        raise WireError(f"{type(context).__name__} does not fit type {number}")
    return context


def _whole_words(payload: bytes) -> bytes:
    if len(payload) % WORD:
        raise WireError(f"a report of {len(payload)} octets is not in words")
    return payload
