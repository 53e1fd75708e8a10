"""Numbers of LISP's control and data plane, by the names their registries give them."""

import enum

from opendmm.wire.layout import OpenEnum

CONTROL_PORT = 4342
"""UDP (RFC 9301 §5)."""
DATA_PORT = 4341
"""UDP (RFC 9300 §5.1)."""
LOCAL_TTL = 0xFFFFFFFF
"""A record TTL that leaves it to the receiver how long to keep the mapping (RFC 9301 §5.4)."""
NEVER_USED = 255
"""The priority of a locator that is not for packets (RFC 9301 §5.4)."""
MOST_ITR_RLOCS = 32
"""Addresses to answer to in one Map-Request (RFC 9301 §5.2)."""
LARGEST_VERSION = 0xFFF


class MessageType(OpenEnum):
    """The first four bits of a control message (RFC 9301 §5.1)."""

    MAP_REQUEST = 1
    MAP_REPLY = 2
    MAP_REGISTER = 3
    MAP_NOTIFY = 4
    MAP_NOTIFY_ACK = 5
    MAP_REFERRAL = 6
    ENCAPSULATED = 8


class AddressFamily(OpenEnum):
    """IANA's address family numbers, as far as LISP gives their addresses a length."""

    NONE = 0
    IPV4 = 1
    IPV6 = 2
    LCAF = 16387


class LcafType(OpenEnum):
    """The LISP Canonical Address Format (RFC 8060 §3, RFC 9306 §4)."""

    INSTANCE_ID = 2
    MULTICAST_INFO = 9
    SECURITY_KEY = 11
    REPLICATION_LIST = 13
    VENDOR_SPECIFIC = 255


class Action(OpenEnum):
    """What to do with packets to an EID without locators (RFC 9301 §5.4)."""

    NO_ACTION = 0
    NATIVELY_FORWARD = 1
    SEND_MAP_REQUEST = 2
    DROP = 3
    DROP_POLICY_DENIED = 4
    DROP_AUTHENTICATION_FAILURE = 5


class ReferralAction(OpenEnum):
    """What a DDT node knows of an EID (RFC 8111 §6.1)."""

    NODE_REFERRAL = 0
    MS_REFERRAL = 1
    MS_ACK = 2
    MS_NOT_REGISTERED = 3
    DELEGATION_HOLE = 4
    NOT_AUTHORITATIVE = 5


class AlgorithmId(OpenEnum):
    """Message authentication and key derivation (RFC 9301 §12.5)."""

    NONE = 0
    HMAC_SHA_1_96 = 1
    HMAC_SHA_256_128 = 2
    HMAC_SHA_256_128_HKDF = 3


class MapRequestFlags(enum.IntFlag):
    """RFC 9301 §5.2, I of RFC 9437 §4."""

    A = 0x0800_0000
    """The site itself is to answer."""
    M = 0x0400_0000
    """The asker's own mapping comes with it."""
    PROBE = 0x0200_0000
    S = 0x0100_0000
    """Solicit-Map-Request: ask again, my mapping has changed."""
    PITR = 0x0080_0000
    SMR_INVOKED = 0x0040_0000
    I = 0x0010_0000  # noqa: E741  (the RFC's name)
    """xTR-ID and Site-ID are at the end."""
    L = 0x0000_4000
    """Among locators of a site: this one is the sender's."""
    D = 0x0000_2000
    """Do not answer."""


class MapReplyFlags(enum.IntFlag):
    """RFC 9301 §5.4."""

    PROBE = 0x0800_0000
    E = 0x0400_0000
    """The site echoes nonces."""
    S = 0x0200_0000
    """Authentication data of LISP-SEC is at the end (RFC 9303)."""


class MapRegisterFlags(enum.IntFlag):
    """RFC 9301 §5.6."""

    P = 0x0800_0000
    """The Map-Server is to answer for the site."""
    S = 0x0400_0000
    """The site can do LISP-SEC (RFC 9303)."""
    I = 0x0200_0000  # noqa: E741  (the RFC's name)
    """xTR-ID and Site-ID are at the end."""
    E = 0x0000_1000
    T = 0x0000_0800
    """The registration lasts as long as its records' TTL."""
    A_MERGE = 0x0000_0400
    """Locators of several xTRs are to be merged."""
    M = 0x0000_0100
    """A Map-Notify is wanted."""


class EncapsulatedFlags(enum.IntFlag):
    """RFC 9301 §5.8."""

    S = 0x0800_0000
    """Authentication data of LISP-SEC comes first (RFC 9303)."""
    D = 0x0400_0000
    """A Map-Referral is wanted (RFC 8111)."""


class LocatorFlags(enum.IntFlag):
    """RFC 9301 §5.4."""

    L = 0x4
    """Of the sender itself."""
    PROBED = 0x2
    R = 0x1
    """The sender has a route to it."""
