"""Numbers of LISP's registries (IANA "LISP Parameters"), with the RFC that assigned each.

Names are the RFCs' own. A number without a name yet is kept, as UNASSIGNED_n. Flags forget
reserved bits, which "MUST be ignored on receipt".
"""

import enum
import functools
from typing import TypeVar

from opendmm.wire.layout import OpenEnum

#: UDP port of control messages (RFC 9301 §12.1).
CONTROL_PORT = 4342
#: UDP port of encapsulated packets (RFC 9300 §5.3).
DATA_PORT = 4341
#: A record's TTL that leaves it to the receiver how long to keep it (RFC 9301 §5.4).
LOCAL_TTL = 0xFFFFFFFF
#: The priority of a locator that must not be used (RFC 9301 §5.4).
NEVER_USED = 255
#: The level of every entry of a replication list in signal-free multicast (RFC 8378 §5.1.2).
RECEIVER_SITE_LEVEL = 128


class MessageType(OpenEnum):
    """The first four bits of a control message (RFC 9301 §5.1)."""

    MAP_REQUEST = 1
    MAP_REPLY = 2
    MAP_REGISTER = 3
    MAP_NOTIFY = 4
    MAP_NOTIFY_ACK = 5
    MAP_REFERRAL = 6  # RFC 8111 §6.4
    INFO = 7  # draft-ermagan-lisp-nat-traversal
    ENCAPSULATED_CONTROL = 8
    SHARED_EXTENSION = 15  # RFC 9304: not read here


class AddressFamily(OpenEnum):
    """IANA's address family numbers, as far as LISP gives their addresses a length."""

    NONE = 0  # RFC 8060 §2.2
    IPV4 = 1
    IPV6 = 2
    MAC = 6  # RFC 8060 §4.10.2: in an AFI list
    NAME = 17  # RFC 8060 §4.10.3: in an AFI list
    LCAF = 16387  # RFC 8060 §3


class LcafType(OpenEnum):
    """The Type of an address in the LISP Canonical Address Format (RFC 8060 §3)."""

    AFI_LIST = 1  # RFC 8060 §4.10
    INSTANCE_ID = 2  # RFC 8060 §4.1
    NAT_TRAVERSAL = 7  # RFC 8060 §4.4
    MULTICAST_INFO = 9  # RFC 8060 §4.5
    SECURITY_KEY = 11  # RFC 8060 §4.7
    REPLICATION_LIST = 13  # RFC 8060 §4.9
    VENDOR_SPECIFIC = 255  # RFC 9306 §4


class Action(OpenEnum):
    """What to do with packets to an EID without locators (RFC 9301 §5.4, §12.3)."""

    NO_ACTION = 0
    NATIVELY_FORWARD = 1
    SEND_MAP_REQUEST = 2
    DROP_NO_REASON = 3
    DROP_POLICY_DENIED = 4
    DROP_AUTH_FAILURE = 5


class ReferralAction(OpenEnum):
    """What a DDT node knows of an EID (RFC 8111 §6.1)."""

    NODE_REFERRAL = 0
    MS_REFERRAL = 1
    MS_ACK = 2
    MS_NOT_REGISTERED = 3
    DELEGATION_HOLE = 4
    NOT_AUTHORITATIVE = 5


#: Minutes that a referral may be kept, by what it says (RFC 8111 §6.4).
REFERRAL_TTL = {
    ReferralAction.NODE_REFERRAL: 1440,
    ReferralAction.MS_REFERRAL: 1440,
    ReferralAction.MS_ACK: 1440,
    ReferralAction.MS_NOT_REGISTERED: 1,
    ReferralAction.DELEGATION_HOLE: 15,
    ReferralAction.NOT_AUTHORITATIVE: 0,
}


class SignatureAlgorithm(OpenEnum):
    """With what a DDT node signs (RFC 8111 §6.4.1)."""

    RSA_SHA1 = 1
    RSA_SHA256 = 2


class AlgorithmId(OpenEnum):
    """Message authentication and key derivation of registrations (RFC 9301 §12.5)."""

    NONE = 0
    HMAC_SHA_1_96 = 1
    HMAC_SHA_256_128 = 2
    HMAC_SHA_256_128_HKDF_SHA256 = 3


class HmacId(OpenEnum):
    """Message authentication of LISP-SEC (RFC 9303 §8.3)."""

    NOPREF = 0
    AUTH_HMAC_SHA_1_96 = 1
    AUTH_HMAC_SHA_256_128 = 2


class WrappingId(OpenEnum):
    """How a one-time key of LISP-SEC is wrapped (RFC 9303 §8.4)."""

    NULL_KEY_WRAP_128 = 1
    AES_KEY_WRAP_128_HKDF_SHA256 = 2


class DerivationId(OpenEnum):
    """How a Map-Server derives its one-time key from an ITR's (RFC 9303 §8.5)."""

    NOPREF = 0
    HKDF_SHA1_128 = 1
    HKDF_SHA256 = 2


#: The type of LISP-SEC's authentication data, in either message (RFC 9303 §8.1, §8.2).
LISP_SEC = 1


class MapRequestFlags(enum.IntFlag):
    """Of the first word of a Map-Request (RFC 9301 §5.2)."""

    #: The destination site itself is to answer.
    A = 0x0800_0000
    #: The asker's own mapping is there.
    M = 0x0400_0000
    #: A probe of a locator.
    P = 0x0200_0000
    #: Solicit-Map-Request: ask again, for my mapping has changed.
    S = 0x0100_0000
    #: From a proxy ITR; "p" in the RFC.
    PITR = 0x0080_0000
    #: Sent because of a Solicit-Map-Request; "s" in the RFC.
    SMR_INVOKED = 0x0040_0000
    #: xTR-ID and Site-ID are at the end (RFC 9437).
    I = 0x0010_0000  # noqa: E741  (the RFC's name)
    #: To other xTRs of the site: this locator is the sender's.
    L = 0x0000_4000
    #: No Map-Reply is wanted.
    D = 0x0000_2000


class MapReplyFlags(enum.IntFlag):
    """Of the first word of a Map-Reply (RFC 9301 §5.4)."""

    #: The answer to a probe.
    P = 0x0800_0000
    #: The site echoes nonces.
    E = 0x0400_0000
    #: Authentication data of LISP-SEC are at the end (RFC 9303 §6.2).
    S = 0x0200_0000


class MapRegisterFlags(enum.IntFlag):
    """Of the first word of a Map-Register (RFC 9301 §5.6)."""

    #: The Map-Server is to answer for the site.
    P = 0x0800_0000
    #: The site can do LISP-SEC (RFC 9303 §6.3).
    S = 0x0400_0000
    #: xTR-ID and Site-ID are at the end.
    I = 0x0200_0000  # noqa: E741  (the RFC's name)
    #: Of a first-hop router that has discovered an EID.
    E = 0x0000_1000
    #: The registration lasts as long as the TTL of its records.
    T = 0x0000_0800
    #: Locators of several xTRs are to be merged; "a" in the RFC.
    MERGE = 0x0000_0400
    #: A Map-Notify is wanted.
    M = 0x0000_0100


#: xTR-ID and Site-ID are at the end of a Map-Notify, as speakers have it: to RFC 9301 §5.7 the bit
#: is reserved, and the contents are "the same as of a Map-Register".
NOTIFY_IDENTITY = 0x0800_0000


class InfoFlags(enum.IntFlag):
    """In the first word of an Info-Request or Info-Reply."""

    R = 0x08000000


class EncapsulatedFlags(enum.IntFlag):
    """Of the first word of an Encapsulated Control Message.

    RFC 9301 §5.8 calls the bits of E and M reserved; its §12.6 registers them, and speakers use
    them.
    """

    #: Authentication data of LISP-SEC come before the inner header (RFC 9303 §6.1).
    S = 0x0800_0000
    #: A Map-Referral is wanted (RFC 8111 §5).
    D = 0x0400_0000
    #: To be forwarded to an ETR (RFC 9301 §12.6).
    E = 0x0200_0000
    #: Destined to a Map-Server (RFC 9301 §12.6).
    M = 0x0100_0000


class LocatorFlags(enum.IntFlag):
    """Of a locator (RFC 9301 §5.4)."""

    #: The locator is the sender's own.
    L = 0x4
    #: The locator that was probed; "p" in the RFC.
    PROBED = 0x2
    #: The sender has a route to it.
    R = 0x1


class DataFlags(enum.IntFlag):
    """The first octet of the header of an encapsulated packet (RFC 9300 §5.3)."""

    N = 0x80
    L = 0x40
    E = 0x20
    V = 0x10
    I = 0x08  # noqa: E741  (the RFC's name)


Flags = TypeVar("Flags", bound=enum.IntFlag)


def known(flags: type[Flags], word: int) -> Flags:
    """The bits of a word that have a name; the others are reserved."""
    return flags(word & _named(flags))


@functools.cache
def _named(flags: type[enum.IntFlag]) -> int:
    return sum(flags)
