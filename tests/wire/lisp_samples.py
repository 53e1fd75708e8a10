"""LISP messages for the tests: every kind, with everything that it can carry.

Each is as decoding makes it; `test_lisp_golden` has the octets of all of them.
"""

from ipaddress import IPv4Address, IPv6Address

from opendmm.wire.lisp.codec import Message
from opendmm.wire.lisp.data_header import DataHeader, MapVersions
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.framing import XtrIdentity
from opendmm.wire.lisp.info import Info
from opendmm.wire.lisp.lcaf.base import Address
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

ITR = IPv6Address("fd00:d::1")
ETR = IPv6Address("fd00:d::2")
ETR4 = IPv4Address("10.9.0.2")
EID = IPv6Address("2001:db8:a::100")
EID4 = IPv4Address("10.10.0.100")
GROUP = IPv6Address("ff3e::1")
NONCE = 0x0102030405060708
IDENTITY = XtrIdentity(bytes(range(16)), 7)
SIGNED = Authentication(3, AlgorithmId.HMAC_SHA_256_128, bytes(range(16)))
OURS = 0xABCDEF
#: Who understands addresses of our organisation.
TOLERANCE = Tolerance(organisations=frozenset((OURS,)))

RECORD = EidRecord(
    eid=EID,
    mask_length=128,
    ttl=1440,
    locators=(
        Locator(address=ETR4, priority=2, weight=50),
        Locator(address=ETR, flags=LocatorFlags.L | LocatorFlags.R),
    ),
    authoritative=True,
    map_version=5,
)
PROBED = EidRecord(
    eid=EID,
    mask_length=64,
    ttl=10,
    locators=(Locator(address=ETR, flags=LocatorFlags.PROBED | LocatorFlags.R),),
    authoritative=True,
)
NEGATIVE = EidRecord(eid=EID4, mask_length=24, ttl=15, action=Action.NATIVELY_FORWARD)
WITHDRAWN = EidRecord(eid=EID, mask_length=128, ttl=0)

#: Canonical addresses, by name.
ADDRESSES: dict[str, Address] = {
    "AFI list": AfiList(
        (
            ETR4,
            AnotherFamily(AddressFamily.MAC, bytes.fromhex("020000000001")),
            AnotherFamily(AddressFamily.NAME, b"etr\0"),
            ETR,
        )
    ),
    "name that ends with its list": AfiList((ETR4, AnotherFamily(AddressFamily.NAME, b"etr"))),
    "instance": InstanceId(9, EID4),
    "range of instances": InstanceId(0x100, None, 24),
    "NAT": NatTraversal(4342, 50000, ETR4, None, IPv4Address("192.168.0.2"), (ETR, ETR4)),
    "multicast": MulticastInfo(9, 64, 128, EID, GROUP),
    "any source": MulticastInfo(9, 0, 32, IPv4Address("0.0.0.0"), IPv4Address("232.1.1.1")),
    "keys": SecurityKey(2, (b"key", b"another"), ETR, revoked=True),
    "replication list": ReplicationList((Replicator(0, ETR), Replicator(128, ETR4))),
    "vendor": VendorSpecific(OURS, b"ours"),
    "unknown": UnknownLcaf(77, b"whatever", 5),
}

EIDS = EidAuthentication(
    derivation=DerivationId.HKDF_SHA256,
    eids=(AuthorisedEid(EID, 64),),
    hmac_id=HmacId.AUTH_HMAC_SHA_256_128,
    digest=bytes(range(16)),
    cannot_sign=True,
)
ASKED = RequestSecurity(wrapped=bytes(range(24)), key_id=4)
FORWARDED = RequestSecurity(wrapped=bytes(range(24)), key_id=4, eids=EIDS.packed())
ANSWERED = ReplySecurity(
    eids=EIDS.packed(), hmac_id=HmacId.AUTH_HMAC_SHA_256_128, digest=bytes(range(16, 32))
)

REQUEST = MapRequest(
    nonce=NONCE,
    itr_rlocs=(ITR, ETR4),
    questions=(Question(eid=EID, mask_length=128),),
    source=EID4,
    flags=MapRequestFlags.A | MapRequestFlags.SMR_INVOKED,
)
REGISTER = MapRegister(
    nonce=NONCE,
    records=(RECORD,),
    authentication=SIGNED,
    flags=MapRegisterFlags.P | MapRegisterFlags.T | MapRegisterFlags.M,
    identity=IDENTITY,
)
REQUEST_IN_IPV4 = MapRequest(
    nonce=NONCE, itr_rlocs=(ETR4,), questions=(Question(eid=EID4, mask_length=32),)
)

MESSAGES: dict[str, Message] = {
    "request": REQUEST,
    "solicitation": MapRequest(
        nonce=NONCE,
        itr_rlocs=(ETR,),
        questions=(Question(eid=EID, mask_length=128),),
        source=EID,
        flags=MapRequestFlags.S | MapRequestFlags.L | MapRequestFlags.D,
    ),
    "subscription": MapRequest(
        nonce=NONCE,
        itr_rlocs=(ITR,),
        questions=(Question(eid=EID4, mask_length=24, wants_notifications=True),),
        flags=MapRequestFlags.PITR,
        identity=IDENTITY,
    ),
    "unsubscription": MapRequest(
        nonce=NONCE,
        itr_rlocs=(None,),
        questions=(Question(eid=EID4, mask_length=24, wants_notifications=True),),
        identity=IDENTITY,
    ),
    "probe": MapRequest(
        nonce=NONCE,
        itr_rlocs=(ITR,),
        questions=(Question(eid=EID, mask_length=64),),
        flags=MapRequestFlags.P,
        reply=RECORD,
    ),
    "reply": MapReply(nonce=NONCE, records=(RECORD, NEGATIVE, WITHDRAWN), flags=MapReplyFlags.E),
    "reply to a probe": MapReply(nonce=NONCE, records=(PROBED,), flags=MapReplyFlags.P),
    "reply with security": MapReply(nonce=NONCE, records=(RECORD,), security=ANSWERED),
    "register": REGISTER,
    "register by a list": MapRegister(
        nonce=NONCE,
        records=(
            EidRecord(
                eid=ADDRESSES["multicast"],
                mask_length=0,
                ttl=3,
                locators=(Locator(address=ADDRESSES["replication list"]),),
            ),
        ),
        authentication=Authentication(0, AlgorithmId.HMAC_SHA_1_96, bytes(range(12))),
        flags=MapRegisterFlags.P | MapRegisterFlags.S | MapRegisterFlags.E | MapRegisterFlags.MERGE,
    ),
    "register canonical": MapRegister(
        nonce=NONCE,
        records=(
            EidRecord(
                eid=ADDRESSES["instance"],
                mask_length=32,
                ttl=3,
                locators=tuple(
                    Locator(address=ADDRESSES[name])
                    for name in ("AFI list", "keys", "unknown", "vendor")
                ),
            ),
        ),
        authentication=SIGNED,
    ),
    "notify": MapNotify(nonce=NONCE, records=(RECORD,), authentication=SIGNED),
    "notify with identity": MapNotify(
        nonce=NONCE, records=(NEGATIVE,), authentication=SIGNED, identity=IDENTITY
    ),
    "notify ack": MapNotifyAck(nonce=NONCE, records=(RECORD,), authentication=SIGNED),
    "info request": Info(nonce=NONCE, ttl=5, eid=EID4, mask_length=32, authentication=SIGNED),
    "info reply": Info(
        nonce=NONCE,
        ttl=5,
        told=NatTraversal(4342, 50000, ETR4, ETR, IPv4Address("192.168.0.2"), (ETR4,)),
    ),
    "referral": MapReferral(
        nonce=NONCE,
        records=(
            ReferralRecord(
                eid=InstanceId(9, EID),
                mask_length=48,
                ttl=1440,
                action=ReferralAction.MS_REFERRAL,
                referrals=(Locator(address=ETR),),
                authoritative=True,
                map_version=5,
            ),
            ReferralRecord(
                eid=EID4,
                mask_length=32,
                ttl=0,
                action=ReferralAction.NOT_AUTHORITATIVE,
                incomplete=True,
            ),
        ),
    ),
    "signed referral": MapReferral(
        nonce=NONCE,
        records=(
            ReferralRecord(
                eid=EID,
                mask_length=48,
                ttl=1440,
                action=ReferralAction.NODE_REFERRAL,
                referrals=(Locator(address=SecurityKey(2, (b"pub",), ETR)),),
                signatures=(
                    Signature(
                        original_ttl=1440,
                        inception=0x71000000,
                        expiration=0x72000000,
                        key_tag=3,
                        algorithm=SignatureAlgorithm.RSA_SHA256,
                        value=bytes(range(8)),
                    ),
                ),
            ),
        ),
    ),
    "encapsulated": EncapsulatedControl(
        source=ITR,
        destination=EID,
        source_port=50000,
        message=REQUEST.packed(),
        flags=EncapsulatedFlags.D,
    ),
    "encapsulated in IPv4": EncapsulatedControl(
        source=ETR4,
        destination=EID4,
        source_port=50000,
        message=REQUEST_IN_IPV4.packed(),
        flags=EncapsulatedFlags.E | EncapsulatedFlags.M,
    ),
    "encapsulated with security": EncapsulatedControl(
        source=ITR,
        destination=EID,
        source_port=50000,
        message=REQUEST.packed(),
        security=ASKED,
    ),
    "forwarded with security": EncapsulatedControl(
        source=ITR,
        destination=EID,
        source_port=50000,
        message=REQUEST.packed(),
        security=FORWARDED,
    ),
}

#: Headers of encapsulated packets, by name.
HEADERS = {
    "nothing": DataHeader(),
    "nonce": DataHeader(nonce=0xABCDEF, status_bits=3),
    "echo": DataHeader(nonce=0xABCDEF, echo=True, instance=0x123456, status_bits=1),
    "versions": DataHeader(versions=MapVersions(5, 0xFFF), instance=0x123456),
    "encrypted": DataHeader(key=2, status_bits=0x80000001),
}
