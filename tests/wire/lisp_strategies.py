"""Arbitrary LISP messages, of values that have an encoding."""

import enum
import functools
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

from hypothesis import strategies as st

from opendmm.wire.lisp.addresses import locator_order
from opendmm.wire.lisp.codec import Message
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.framing import XtrIdentity
from opendmm.wire.lisp.info import Info
from opendmm.wire.lisp.lcaf.base import Address, address_bits, understood
from opendmm.wire.lisp.lcaf.eids import InstanceId, MulticastInfo
from opendmm.wire.lisp.lcaf.locators import (
    AfiList,
    AnotherFamily,
    ReplicationList,
    Replicator,
    SecurityKey,
)
from opendmm.wire.lisp.lcaf.nat import NatTraversal
from opendmm.wire.lisp.lcaf.others import UnknownLcaf, VendorSpecific
from opendmm.wire.lisp.lcaf.registry import DEEPEST, KNOWN
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import (
    Action,
    AddressFamily,
    AlgorithmId,
    DerivationId,
    EncapsulatedFlags,
    HmacId,
    LocatorFlags,
    MapRegisterFlags,
    MapReplyFlags,
    MapRequestFlags,
    ReferralAction,
    SignatureAlgorithm,
    WrappingId,
)
from opendmm.wire.lisp.reading import Tolerance
from opendmm.wire.lisp.records import EidRecord, Locator, Question
from opendmm.wire.lisp.referrals import MapReferral, ReferralRecord, Signature
from opendmm.wire.lisp.registrations import (
    Authentication,
    MapNotify,
    MapNotifyAck,
    MapRegister,
)
from opendmm.wire.lisp.security import (
    AuthorisedEid,
    EidAuthentication,
    ReplySecurity,
    RequestSecurity,
)

Flag = TypeVar("Flag", bound=enum.IntFlag)
BITS_8 = st.integers(0, 0xFF)
BITS_12 = st.integers(0, 0xFFF)
BITS_16 = st.integers(0, 0xFFFF)
BITS_32 = st.integers(0, 0xFFFFFFFF)
BITS_64 = st.integers(0, 2**64 - 1)
FEW_OCTETS = st.binary(max_size=40)
IPV4 = st.ip_addresses(v=4)
IPV6 = st.ip_addresses(v=6)
OURS = 0xABCDEF
TOLERANCE = Tolerance(organisations=frozenset((OURS,)))
PORTS = BITS_16.filter(lambda port: port != 4341)


def names(last: bool) -> st.SearchStrategy[AnotherFamily]:
    plain = st.binary(max_size=8).map(lambda octets: octets.replace(b"\0", b""))
    ended = plain if last else plain.map(lambda octets: octets + b"\0")
    return ended.map(lambda octets: AnotherFamily(AddressFamily.NAME, octets))


MACS = st.binary(min_size=6, max_size=6).map(
    lambda octets: AnotherFamily(AddressFamily.MAC, octets)
)


@st.composite
def lengths(draw: st.DrawFn, address: Address) -> int:
    """Of a prefix of the address."""
    bits = address_bits(address)
    return draw(st.integers(0, 0xFF if bits is None else bits))


@st.composite
def instances(draw: st.DrawFn, inner: st.SearchStrategy[Address]) -> InstanceId:
    address = draw(inner)
    if address is not None:
        return InstanceId(draw(BITS_32), address, draw(BITS_8))
    length = draw(st.integers(0, 32))
    return InstanceId(draw(BITS_32) >> 32 - length << 32 - length, None, length)


@st.composite
def multicasts(draw: st.DrawFn, inner: st.SearchStrategy[Address]) -> MulticastInfo:
    source, group = draw(inner), draw(inner)
    ends = draw(lengths(source)), draw(lengths(group))
    return MulticastInfo(draw(BITS_32), *ends, source, group)


@st.composite
def lists(draw: st.DrawFn, inner: st.SearchStrategy[Address]) -> AfiList:
    items = draw(st.lists(inner | MACS | names(last=False), max_size=3))
    return AfiList((*items, *draw(st.lists(names(last=True), max_size=1))))


@functools.cache
def addresses(depth: int = DEEPEST) -> st.SearchStrategy[Address]:
    """With others in them, so deep."""
    plain = st.none() | IPV4 | IPV6
    unknown = st.builds(
        UnknownLcaf, BITS_8.filter(lambda number: number not in KNOWN), FEW_OCTETS, BITS_8
    )
    if not depth:
        return plain
    inner = addresses(depth - 1)
    keys = st.lists(FEW_OCTETS, max_size=2).map(tuple)
    rtrs = st.lists(inner, max_size=2).map(tuple)
    replicators = st.lists(st.builds(Replicator, BITS_8, inner), max_size=3).map(tuple)
    return (
        plain
        | plain
        | unknown
        | instances(inner)
        | multicasts(inner)
        | lists(inner)
        | st.builds(SecurityKey, BITS_8, keys, inner, st.booleans())
        | st.builds(ReplicationList, replicators)
        | st.builds(NatTraversal, BITS_16, BITS_16, inner, inner, inner, rtrs)
        | st.builds(VendorSpecific, st.just(OURS), FEW_OCTETS)
    )


ADDRESSES = addresses()
EIDS = ADDRESSES.filter(understood)


def flags(kind: type[Flag], without: int = 0) -> st.SearchStrategy[Flag]:
    bits = [flag for flag in kind if not flag & without]
    return st.sets(st.sampled_from(bits)).map(lambda some: kind(sum(some)))


def in_order(locators: list[Locator]) -> tuple[Locator, ...]:
    return tuple(sorted(locators, key=lambda one: locator_order(one.address)))


def locators(probed: bool = True) -> st.SearchStrategy[tuple[Locator, ...]]:
    one = st.builds(
        Locator,
        address=ADDRESSES,
        priority=BITS_8,
        weight=BITS_8,
        multicast_priority=BITS_8,
        multicast_weight=BITS_8,
        flags=flags(LocatorFlags, 0 if probed else LocatorFlags.PROBED),
    )
    return st.lists(one, max_size=3).map(in_order)


@st.composite
def records(draw: st.DrawFn, probed: bool = True, authoritative: bool | None = None) -> EidRecord:
    eid, there = draw(EIDS), draw(locators(probed))
    return EidRecord(
        eid=eid,
        mask_length=draw(lengths(eid)),
        ttl=draw(BITS_32),
        locators=there,
        action=Action.NO_ACTION if there else Action(draw(st.integers(0, 7))),
        authoritative=draw(st.booleans()) if authoritative is None else authoritative,
        map_version=draw(BITS_12),
    )


def several(
    one: st.SearchStrategy[EidRecord], least: int = 0
) -> st.SearchStrategy[tuple[EidRecord, ...]]:
    return st.lists(one, min_size=least, max_size=3).map(tuple)


@st.composite
def questions(draw: st.DrawFn) -> tuple[Question, ...]:
    eid = draw(EIDS)
    wants = draw(st.booleans())
    return (Question(eid=eid, mask_length=draw(lengths(eid)), wants_notifications=wants),)


@st.composite
def authorised(draw: st.DrawFn) -> AuthorisedEid:
    eid = draw(EIDS)
    return AuthorisedEid(eid, draw(lengths(eid)))


@st.composite
def eid_ads(draw: st.DrawFn) -> bytes:
    derivation = DerivationId(draw(BITS_16))
    eids = tuple(draw(st.lists(authorised(), max_size=2)))
    if not eids:
        return EidAuthentication(derivation=derivation).packed()
    return EidAuthentication(
        derivation=derivation,
        eids=eids,
        hmac_id=HmacId(draw(BITS_16)),
        digest=draw(FEW_OCTETS),
        cannot_sign=draw(st.booleans()),
    ).packed()


IDENTITIES = st.none() | st.builds(XtrIdentity, st.binary(min_size=16, max_size=16), BITS_64)
AUTHENTICATIONS = st.builds(Authentication, BITS_8, BITS_8.map(AlgorithmId), FEW_OCTETS)
REPLY_SECURITY = st.builds(
    ReplySecurity, eids=eid_ads(), hmac_id=BITS_16.map(HmacId), digest=FEW_OCTETS
)
REQUEST_SECURITY = st.builds(
    RequestSecurity,
    wrapped=FEW_OCTETS,
    eids=eid_ads(),
    requested=BITS_16.map(HmacId),
    key_id=BITS_8,
    wrapping=BITS_8.map(WrappingId),
)


@st.composite
def replies(draw: st.DrawFn) -> MapReply:
    bits = draw(flags(MapReplyFlags))
    authoritative = True if bits & MapReplyFlags.P else None
    return MapReply(
        nonce=draw(BITS_64),
        records=draw(several(records(authoritative=authoritative))),
        flags=bits,
        security=draw(st.none() | REPLY_SECURITY),
    )


SIGNATURES = st.builds(
    Signature,
    original_ttl=BITS_32,
    inception=BITS_32,
    expiration=BITS_32,
    key_tag=BITS_16,
    algorithm=BITS_8.map(SignatureAlgorithm),
    value=FEW_OCTETS,
)


@st.composite
def referrals(draw: st.DrawFn) -> ReferralRecord:
    eid = draw(EIDS)
    return ReferralRecord(
        eid=eid,
        mask_length=draw(lengths(eid)),
        ttl=draw(BITS_32),
        action=ReferralAction(draw(st.integers(0, 7))),
        referrals=draw(locators()),
        authoritative=draw(st.booleans()),
        incomplete=draw(st.booleans()),
        map_version=draw(BITS_12),
        signatures=tuple(draw(st.lists(SIGNATURES, max_size=2))),
    )


@st.composite
def encapsulated(draw: st.DrawFn) -> EncapsulatedControl:
    ends: tuple[IPv4Address | IPv6Address, ...]
    ends = draw(st.tuples(IPV4, IPV4) | st.tuples(IPV6, IPV6))
    return EncapsulatedControl(
        source=ends[0],
        destination=ends[1],
        source_port=draw(PORTS),
        message=draw(st.binary(max_size=80)),
        destination_port=draw(PORTS),
        flags=draw(flags(EncapsulatedFlags)),
        security=draw(st.none() | REQUEST_SECURITY),
    )


@st.composite
def infos(draw: st.DrawFn) -> Info:
    eid = draw(EIDS)
    return Info(
        nonce=draw(BITS_64),
        ttl=draw(BITS_32),
        eid=eid,
        mask_length=draw(lengths(eid)),
        authentication=draw(AUTHENTICATIONS),
        told=draw(ADDRESSES),
    )


#: By class, messages of any values.
KINDS: dict[type[Message], st.SearchStrategy[Message]] = {
    MapRequest: st.builds(
        MapRequest,
        nonce=BITS_64,
        itr_rlocs=st.lists(ADDRESSES, min_size=1, max_size=32).map(tuple),
        questions=questions(),
        source=ADDRESSES,
        flags=flags(MapRequestFlags),
        reply=st.none() | records(probed=False),
        identity=IDENTITIES,
    ),
    MapReply: replies(),
    MapRegister: st.builds(
        MapRegister,
        nonce=BITS_64,
        records=several(records(probed=False)),
        authentication=AUTHENTICATIONS,
        identity=IDENTITIES,
        flags=flags(MapRegisterFlags),
    ),
    MapNotify: st.builds(
        MapNotify,
        nonce=BITS_64,
        records=several(records()),
        authentication=AUTHENTICATIONS,
        identity=IDENTITIES,
    ),
    MapNotifyAck: st.builds(
        MapNotifyAck,
        nonce=BITS_64,
        records=several(records()),
        authentication=AUTHENTICATIONS,
        identity=IDENTITIES,
    ),
    MapReferral: st.builds(
        MapReferral, nonce=BITS_64, records=st.lists(referrals(), max_size=3).map(tuple)
    ),
    Info: infos(),
    EncapsulatedControl: encapsulated(),
}


def messages() -> st.SearchStrategy[Message]:
    return st.one_of(list(KINDS.values()))
