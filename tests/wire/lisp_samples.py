"""LISP messages for the tests: one of every kind, with everything that it can carry."""

from ipaddress import IPv4Address, IPv6Address

from opendmm.wire.lisp.codec import Message
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.lcaf import (
    InstanceId,
    MulticastInfo,
    ReplicationList,
    Replicator,
    SecurityKey,
    UnknownLcaf,
    VendorSpecific,
)
from opendmm.wire.lisp.messages import (
    Authentication,
    MapNotify,
    MapNotifyAck,
    MapReferral,
    MapRegister,
    MapReply,
    MapRequest,
    XtrIdentity,
)
from opendmm.wire.lisp.numbers import (
    Action,
    AlgorithmId,
    EncapsulatedFlags,
    LocatorFlags,
    MapRegisterFlags,
    MapReplyFlags,
    MapRequestFlags,
    ReferralAction,
)
from opendmm.wire.lisp.records import EidRecord, Locator, Question, ReferralRecord, Signature
from opendmm.wire.lisp.security import (
    DerivationId,
    EidAuthentication,
    HmacId,
    ReplySecurity,
    RequestSecurity,
    WrappingId,
)

ITR = IPv6Address("fd00:d::1")
ETR = IPv6Address("fd00:d::2")
ETR4 = IPv4Address("10.9.0.2")
EID = IPv6Address("2001:db8:a::100")
EID4 = IPv4Address("10.10.0.100")
NONCE = 0x0102030405060708
IDENTITY = XtrIdentity(bytes(range(16)), 7)
SIGNED = Authentication(3, AlgorithmId.HMAC_SHA_256_128, bytes(range(16)))

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
NEGATIVE = EidRecord(eid=EID4, mask_length=24, ttl=15, action=Action.NATIVELY_FORWARD)
CANONICAL = EidRecord(
    eid=InstanceId(9, EID4),
    mask_length=32,
    ttl=3,
    locators=(
        Locator(address=ETR),
        Locator(address=SecurityKey(1, (b"key", b"another"), ETR, revoked=True)),
        Locator(address=ReplicationList((Replicator(0, ETR), Replicator(128, ETR4)))),
        Locator(address=UnknownLcaf(77, b"whatever", 5)),
        Locator(address=VendorSpecific(0xABCDEF, b"ours")),
    ),
)
GROUP = EidRecord(eid=MulticastInfo(9, 128, 128, EID, IPv6Address("ff3e::1")), mask_length=0, ttl=3)
EIDS = EidAuthentication(
    eids=(Question(eid=EID, mask_length=64),),
    hmac_id=HmacId.HMAC_SHA_256_128,
    digest=bytes(range(16)),
    cannot_sign=True,
)
ASKED = RequestSecurity(wrapped=bytes(range(24)), eids=EidAuthentication(), key_id=4)
ANSWERED = ReplySecurity(eids=EIDS, digest=bytes(range(16, 32)))

REQUEST = MapRequest(
    nonce=NONCE,
    itr_rlocs=(ITR, ETR4),
    questions=(Question(eid=EID, mask_length=128),),
    source=EID4,
    flags=MapRequestFlags.A | MapRequestFlags.SMR_INVOKED,
)

MESSAGES: dict[str, Message] = {
    "request": REQUEST,
    "request with everything": MapRequest(
        nonce=NONCE,
        itr_rlocs=(ITR,),
        questions=(Question(eid=EID4, mask_length=24, wants_notifications=True),),
        flags=MapRequestFlags.S | MapRequestFlags.D | MapRequestFlags.M | MapRequestFlags.I,
        reply=RECORD,
        identity=IDENTITY,
    ),
    "probe": MapRequest(
        nonce=NONCE,
        itr_rlocs=(ITR,),
        questions=(Question(eid=EID, mask_length=128),),
        flags=MapRequestFlags.PROBE,
    ),
    "reply": MapReply(nonce=NONCE, records=(RECORD, NEGATIVE)),
    "reply to a probe": MapReply(nonce=NONCE, records=(RECORD,), flags=MapReplyFlags.PROBE),
    "reply with security": MapReply(
        nonce=NONCE, records=(RECORD,), flags=MapReplyFlags.S, security=ANSWERED.packed()
    ),
    "register": MapRegister(
        nonce=NONCE,
        records=(RECORD,),
        authentication=SIGNED,
        flags=MapRegisterFlags.P | MapRegisterFlags.M | MapRegisterFlags.T | MapRegisterFlags.I,
        identity=IDENTITY,
    ),
    "register canonical": MapRegister(
        nonce=NONCE,
        records=(CANONICAL, GROUP),
        authentication=SIGNED,
        flags=MapRegisterFlags.A_MERGE,
    ),
    "notify": MapNotify(nonce=NONCE, records=(RECORD,), authentication=SIGNED),
    "notify ack": MapNotifyAck(nonce=NONCE, records=(RECORD,), authentication=SIGNED),
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
                signatures=(
                    Signature(
                        original_ttl=1440,
                        expires=2_000_000_000,
                        begins=1_900_000_000,
                        key_tag=3,
                        algorithm=2,
                        value=bytes(range(32)),
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
        source=ETR4, destination=EID4, source_port=50000, message=REQUEST.packed()
    ),
    "encapsulated with security": EncapsulatedControl(
        source=ITR,
        destination=EID,
        source_port=50000,
        message=REQUEST.packed(),
        flags=EncapsulatedFlags.S,
        security=ASKED.packed(),
    ),
}
"""By name; each as decoding makes it."""

__all__ = ["ANSWERED", "ASKED", "EIDS", "MESSAGES", "DerivationId", "WrappingId"]
