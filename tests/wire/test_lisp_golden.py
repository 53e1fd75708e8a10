"""Every LISP message, canonical address and data header as its RFC draws it, written by hand."""

import pytest
from hexdump import octets
from lisp_samples import ADDRESSES, HEADERS, MESSAGES, TOLERANCE

from opendmm.wire.lisp.addresses import pack_address, read_address
from opendmm.wire.lisp.codec import MESSAGES as REGISTRY
from opendmm.wire.lisp.codec import decode, encode
from opendmm.wire.lisp.data_header import DataHeader
from opendmm.wire.lisp.lcaf.registry import KNOWN
from opendmm.wire.lisp.reading import Reader

RECORD = """
    00 00 05 a0 # Record TTL: 1440 minutes (RFC 9301 §5.4)
    02 80 10 00 # Locator Count 2, EID mask-len 128, ACT 0, A
    00 05       # Rsvd, Map-Version Number 5
    00 02 20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 01 00   # EID-Prefix-AFI 2, EID-Prefix
    02 32 ff 00 # Priority 2, Weight 50, M Priority 255, M Weight 0
    00 01       # R
    00 01 0a 09 00 02   # Loc-AFI 1, Locator
    01 64 ff 00 # Priority 1, Weight 100, M Priority 255, M Weight 0
    00 05       # L, R
    00 02 fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 02   # Loc-AFI 2, Locator
"""
NEGATIVE = """
    00 00 00 0f # Record TTL: 15 minutes
    00 18 20 00 # no locators, EID mask-len 24, ACT 1
    00 00       # Map-Version Number 0
    00 01 0a 0a 00 64   # EID-Prefix-AFI 1, EID-Prefix
"""
SIGNED = """
    03 02 00 10 # Key ID 3, Algorithm ID 2, Authentication Data Length 16
    00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f
"""
IDENTITY = """
    00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f   # xTR-ID
    00 00 00 00 00 00 00 07   # Site-ID
"""
EID_AD = """
    00 2c 00 02 # EID-AD Length 44, KDF ID 2 (RFC 9303 §6.1)
    01 80 00 02 # Record Count 1, E, EID HMAC ID 2
    00 40       # Unassigned, EID mask-len 64
    00 02 20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 01 00   # EID-AFI 2, EID-Prefix
    00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f   # EID HMAC
"""
REQUEST = """
    18 40 01 01 # Type 1, A, s, IRC 1, Record Count 1 (RFC 9301 §5.2)
    01 02 03 04 05 06 07 08   # Nonce
    00 01 0a 0a 00 64         # Source-EID-AFI 1, Source EID Address
    00 02 fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 01   # ITR-RLOC-AFI 2, Address
    00 01 0a 09 00 02         # ITR-RLOC-AFI 1, Address
    00 80 00 02 20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 01 00   # EID mask-len 128, AFI 2
"""
INNER_IPV6 = """
    60 00 00 00 # Version 6
    00 46 11 40 # Payload Length 70, Next Header 17, Hop Limit 64
    fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 01
    20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 01 00
    c3 50 10 f6 # Source Port 50000, Dest Port 4342
    00 46 95 23 # UDP Length 70, UDP Checksum
"""

DRAWN = {
    "request": REQUEST,
    "solicitation": """
        11 00 60 01 # Type 1, S, L, D, IRC 0, Record Count 1 (RFC 9301 §5.2, §6.1)
        01 02 03 04 05 06 07 08   # Nonce
        00 02 20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 01 00   # Source EID
        00 02 fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 02   # ITR-RLOC
        00 80 00 02 20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 01 00   # EID mask-len 128
    """,
    "subscription": """
        10 90 00 01 # Type 1, p, I, IRC 0, Record Count 1 (RFC 9301 §5.2, RFC 9437)
        01 02 03 04 05 06 07 08   # Nonce
        00 00                     # Source-EID-AFI 0
        00 02 fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 01   # ITR-RLOC
        80 18 00 01 0a 0a 00 64   # N, EID mask-len 24, EID-Prefix-AFI 1, EID-Prefix
    """
    + IDENTITY,
    "unsubscription": """
        10 10 00 01 # Type 1, I, IRC 0, Record Count 1 (RFC 9437)
        01 02 03 04 05 06 07 08   # Nonce
        00 00                     # Source-EID-AFI 0
        00 00                     # ITR-RLOC-AFI 0
        80 18 00 01 0a 0a 00 64   # N, EID mask-len 24, EID-Prefix-AFI 1, EID-Prefix
    """
    + IDENTITY,
    "probe": """
        16 00 00 01 # Type 1, M, P, IRC 0, Record Count 1 (RFC 9301 §5.2, §7.1)
        01 02 03 04 05 06 07 08   # Nonce
        00 00                     # Source-EID-AFI 0
        00 02 fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 01   # ITR-RLOC
        00 40 00 02 20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 01 00   # EID mask-len 64
    """
    + RECORD,
    "reply": """
        24 00 00 03 # Type 2, E, Record Count 3 (RFC 9301 §5.4)
        01 02 03 04 05 06 07 08   # Nonce
    """
    + RECORD
    + NEGATIVE
    + """
        00 00 00 00 # Record TTL: remove at once
        00 80 00 00 # no locators, EID mask-len 128, ACT 0
        00 00       # Map-Version Number 0
        00 02 20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 01 00
    """,
    "reply to a probe": """
        28 00 00 01 # Type 2, P, Record Count 1
        01 02 03 04 05 06 07 08   # Nonce
        00 00 00 0a # Record TTL: 10 minutes
        01 40 10 00 # Locator Count 1, EID mask-len 64, A
        00 00       # Map-Version Number 0
        00 02 20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 01 00
        01 64 ff 00
        00 03       # p, R
        00 02 fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 02
    """,
    "reply with security": """
        22 00 00 01 # Type 2, S, Record Count 1
        01 02 03 04 05 06 07 08   # Nonce
    """
    + RECORD
    + """
        01 00 00 00 # MR AD Type 1, Unassigned (RFC 9303 §6.2)
    """
    + EID_AD
    + """
        00 14 00 02 # PKT-AD Length 20, PKT HMAC ID 2
        10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f   # PKT HMAC
    """,
    "register": """
        3a 00 09 01 # Type 3, P, I, T, M, Record Count 1 (RFC 9301 §5.6)
        01 02 03 04 05 06 07 08   # Nonce
    """
    + SIGNED
    + RECORD
    + IDENTITY,
    "register by a list": """
        3c 00 14 01 # Type 3, P, S, E, a, Record Count 1
        01 02 03 04 05 06 07 08   # Nonce
        00 01 00 0c # Key ID 0, Algorithm ID 1, Authentication Data Length 12
        00 01 02 03 04 05 06 07 08 09 0a 0b
        00 00 00 03 # Record TTL: 3 minutes
        01 00 00 00 # Locator Count 1, EID mask-len 0
        00 00       # Map-Version Number 0
        40 03 00 00 09 00 00 2c   # LCAF Type 9, Length 44 (RFC 8060 §4.5)
        00 00 00 09 # Instance ID
        00 00 40 80 # Source MaskLen 64, Group MaskLen 128
        00 02 20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 01 00
        00 02 ff 3e 00 00 00 00 00 00 00 00 00 00 00 00 00 01
        01 64 ff 00 00 01         # priorities and weights, R
        40 03 00 00 0d 00 00 20   # LCAF Type 13, Length 32 (RFC 8060 §4.9)
        00 00 00 00               # Level Value 0
        00 02 fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 02
        00 00 00 80               # Level Value 128
        00 01 0a 09 00 02
    """,
    "register canonical": """
        30 00 00 01 # Type 3, Record Count 1
        01 02 03 04 05 06 07 08   # Nonce
    """
    + SIGNED
    + """
        00 00 00 03 # Record TTL: 3 minutes
        04 20 00 00 # Locator Count 4, EID mask-len 32
        00 00       # Map-Version Number 0
        40 03 00 00 02 00 00 0a   # LCAF Type 2, Length 10 (RFC 8060 §4.1)
        00 00 00 09 00 01 0a 0a 00 64
        01 64 ff 00 00 01         # by LCAF Type ascending
        40 03 00 00 01 00 00 26   # LCAF Type 1, Length 38 (RFC 8060 §4.10)
        00 01 0a 09 00 02         # AFI 1
        00 06 02 00 00 00 00 01   # AFI 6
        00 11 65 74 72 00         # AFI 17, "etr"
        00 02 fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 02
        01 64 ff 00 00 01
        40 03 00 00 0b 00 00 24   # LCAF Type 11, Length 36 (RFC 8060 §4.7)
        02 00 02 01               # Key Count 2, Key Algorithm 2, R
        00 03 6b 65 79            # Key Length 3, Key Material
        00 07 61 6e 6f 74 68 65 72
        00 02 fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 02
        01 64 ff 00 00 01
        40 03 00 00 4d 05 00 08   # LCAF Type 77, Rsvd2 5, Length 8
        77 68 61 74 65 76 65 72
        01 64 ff 00 00 01
        40 03 00 00 ff 00 00 08   # LCAF Type 255, Length 8 (RFC 9306 §4)
        00 ab cd ef 6f 75 72 73   # Rsvd3, OUI, internal format
    """,
    "notify": """
        40 00 00 01 # Type 4, Record Count 1 (RFC 9301 §5.7)
        01 02 03 04 05 06 07 08   # Nonce
    """
    + SIGNED
    + RECORD,
    "notify with identity": """
        48 00 00 01 # Type 4, I, Record Count 1
        01 02 03 04 05 06 07 08   # Nonce
    """
    + SIGNED
    + NEGATIVE
    + IDENTITY,
    "notify ack": """
        50 00 00 01 # Type 5, Record Count 1
        01 02 03 04 05 06 07 08   # Nonce
    """
    + SIGNED
    + RECORD,
    "info request": """
        70 00 00 00 # Type 7
        01 02 03 04 05 06 07 08   # Nonce
    """
    + SIGNED
    + """
        00 00 00 05 # TTL: 5 minutes
        00 20       # Reserved, EID mask-len 32
        00 01 0a 0a 00 64
        00 00       # AFI 0: nothing follows
    """,
    "info reply": """
        78 00 00 00 # Type 7, R
        01 02 03 04 05 06 07 08   # Nonce
        00 00 00 00 # no key, no data
        00 00 00 05
        00 00 00 00 # mask-len 0, EID of family 0
        40 03 00 00
        07 00 00 28 # Type 7, Rsvd2, Length 40 (RFC 8060 §4.4)
        10 f6 c3 50 # MS UDP Port 4342, ETR UDP Port 50000
        00 01 0a 09 00 02
        00 02 fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 02
        00 01 c0 a8 00 02
        00 01 0a 09 00 02
    """,
    "referral": """
        60 00 00 02 # Type 6, Record Count 2 (RFC 8111 §6.4)
        01 02 03 04 05 06 07 08   # Nonce
        00 00 05 a0 # Record TTL: 1440 minutes
        01 30 30 00 # Referral Count 1, EID mask-len 48, ACT 1, A
        00 05       # SigCnt 0, Map Version Number 5
        40 03 00 00 02 00 00 16   # LCAF Type 2, Length 22
        00 00 00 09
        00 02 20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 01 00
        01 64 ff 00 00 01
        00 02 fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 02
        00 00 00 00 # Record TTL 0
        00 20 a8 00 # no referrals, EID mask-len 32, ACT 5, I
        00 00
        00 01 0a 0a 00 64
    """,
    "signed referral": """
        60 00 00 01 # Type 6, Record Count 1
        01 02 03 04 05 06 07 08   # Nonce
        00 00 05 a0 # Record TTL: 1440 minutes
        01 30 00 00 # Referral Count 1, EID mask-len 48, ACT 0
        10 00       # SigCnt 1, Map Version Number 0
        00 02 20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 01 00
        01 64 ff 00 00 01
        40 03 00 00 0b 00 00 1b   # LCAF Type 11, Length 27
        01 00 02 00 00 03 70 75 62
        00 02 fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 02
        00 00 05 a0 # Original Record TTL (RFC 8111 §6.4.1)
        72 00 00 00 # Signature Expiration
        71 00 00 00 # Signature Inception
        00 03 00 08 # Key Tag 3, Sig Length 8
        02 00 00 00 # Sig-Algorithm 2, Reserved
        00 01 02 03 04 05 06 07
    """,
    "encapsulated": """
        84 00 00 00 # Type 8, D (RFC 9301 §5.8, RFC 8111 §5)
    """
    + INNER_IPV6
    + REQUEST,
    "encapsulated in IPv4": """
        83 00 00 00 # Type 8, E, M (RFC 9301 §5.8, §12.6)
        45 00 00 38 # Version 4, IHL 5, Total Length 56
        00 00 00 00 # Identification, Flags, Fragment Offset
        40 11 66 3d # Time to Live 64, Protocol 17, Header Checksum
        0a 09 00 02 0a 0a 00 64
        c3 50 10 f6 # Source Port 50000, Dest Port 4342
        00 24 e2 36 # UDP Length 36, UDP Checksum
        10 00 00 01 # Type 1, IRC 0, Record Count 1
        01 02 03 04 05 06 07 08   # Nonce
        00 00                     # Source-EID-AFI 0
        00 01 0a 09 00 02         # ITR-RLOC
        00 20 00 01 0a 0a 00 64   # EID mask-len 32, EID-Prefix-AFI 1, EID-Prefix
    """,
    "encapsulated with security": """
        88 00 00 00 # Type 8, S
        01 00 00 02 # ECM AD Type 1, Unassigned, Requested HMAC ID 2 (RFC 9303 §6.1)
        00 18 04 02 # OTK Length 24, Key ID 4, OTK Wrap. ID 2
        00 01 02 03 04 05 06 07   # One-Time-Key Preamble
        08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17   # One-Time Key
        00 04 00 00 # EID-AD Length 4, KDF ID 0
    """
    + INNER_IPV6
    + REQUEST,
    "forwarded with security": """
        88 00 00 00 # Type 8, S
        01 00 00 02 # ECM AD Type 1, Unassigned, Requested HMAC ID 2
        00 18 04 02 # OTK Length 24, Key ID 4, OTK Wrap. ID 2
        00 01 02 03 04 05 06 07   # One-Time-Key Preamble
        08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17   # One-Time Key
    """
    + EID_AD
    + INNER_IPV6
    + REQUEST,
}

ADDRESSES_DRAWN = {
    "AFI list": """
        40 03 00 00 # AFI 16387, Rsvd1, Flags (RFC 8060 §3)
        01 00 00 26 # Type 1, Rsvd2, Length 38 (RFC 8060 §4.10)
        00 01 0a 09 00 02
        00 06 02 00 00 00 00 01
        00 11 65 74 72 00
        00 02 fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 02
    """,
    "name that ends with its list": """
        40 03 00 00
        01 00 00 0b # Type 1, Rsvd2, Length 11
        00 01 0a 09 00 02
        00 11 65 74 72
    """,
    "instance": """
        40 03 00 00
        02 00 00 0a # Type 2, IID mask-len 0, Length 10 (RFC 8060 §4.1)
        00 00 00 09 # Instance ID
        00 01 0a 0a 00 64
    """,
    "range of instances": """
        40 03 00 00
        02 18 00 06 # Type 2, IID mask-len 24, Length 6
        00 00 01 00 # Instance ID
        00 00       # AFI 0
    """,
    "multicast": """
        40 03 00 00
        09 00 00 2c # Type 9, Rsvd2, Length 44 (RFC 8060 §4.5)
        00 00 00 09 # Instance ID
        00 00 40 80 # Reserved, Source MaskLen 64, Group MaskLen 128
        00 02 20 01 0d b8 00 0a 00 00 00 00 00 00 00 00 01 00
        00 02 ff 3e 00 00 00 00 00 00 00 00 00 00 00 00 00 01
    """,
    "any source": """
        40 03 00 00
        09 00 00 14 # Type 9, Rsvd2, Length 20
        00 00 00 09 # Instance ID
        00 00 00 20 # Reserved, Source MaskLen 0, Group MaskLen 32
        00 01 00 00 00 00
        00 01 e8 01 01 01
    """,
    "NAT": """
        40 03 00 00
        07 00 00 2a # Type 7, Rsvd2, Length 42 (RFC 8060 §4.4)
        10 f6 c3 50 # MS UDP Port 4342, ETR UDP Port 50000
        00 01 0a 09 00 02 # Global ETR RLOC
        00 00             # MS RLOC: not told
        00 01 c0 a8 00 02 # Private ETR RLOC
        00 02 fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 02
        00 01 0a 09 00 02
    """,
    "keys": """
        40 03 00 00
        0b 00 00 24 # Type 11, Rsvd2, Length 36 (RFC 8060 §4.7)
        02 00 02 01 # Key Count 2, Rsvd3, Key Algorithm 2, Rsvd4, R
        00 03 6b 65 79
        00 07 61 6e 6f 74 68 65 72
        00 02 fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 02
    """,
    "replication list": """
        40 03 00 00
        0d 00 00 20 # Type 13, Rsvd2, Length 32 (RFC 8060 §4.9)
        00 00 00 00 # Rsvd3, Rsvd4, Level Value 0
        00 02 fd 00 00 0d 00 00 00 00 00 00 00 00 00 00 00 02
        00 00 00 80 # Rsvd3, Rsvd4, Level Value 128
        00 01 0a 09 00 02
    """,
    "vendor": """
        40 03 00 00
        ff 00 00 08 # Type 255, Rsvd2, Length 8 (RFC 9306 §4)
        00 ab cd ef # Rsvd3, OUI
        6f 75 72 73
    """,
    "unknown": """
        40 03 00 00
        4d 05 00 08 # Type 77, Rsvd2 5, Length 8
        77 68 61 74 65 76 65 72
    """,
}

HEADERS_DRAWN = {
    "nothing": "00 00 00 00 00 00 00 00",
    "nonce": """
        c0 ab cd ef # N, L, Nonce (RFC 9300 §5.3)
        00 00 00 03 # Locator-Status-Bits
    """,
    "echo": """
        e8 ab cd ef # N, L, E, I, Nonce
        12 34 56 01 # Instance ID, LSBs
    """,
    "versions": """
        18 00 5f ff # V, I, Source Map-Version 5, Dest Map-Version 4095
        12 34 56 00 # Instance ID
    """,
    "encrypted": """
        42 00 00 00 # L, KK 2
        80 00 00 01 # Locator-Status-Bits
    """,
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_as_its_figure_draws_it(name: str) -> None:
    assert encode(MESSAGES[name]).hex(" ") == octets(DRAWN[name]).hex(" ")
    assert decode(octets(DRAWN[name]), TOLERANCE) == MESSAGES[name]


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_canonical_address_is_as_its_figure_draws_it(name: str) -> None:
    drawn = octets(ADDRESSES_DRAWN[name])
    assert pack_address(ADDRESSES[name]).hex(" ") == drawn.hex(" ")
    assert read_address(Reader(drawn, TOLERANCE)) == ADDRESSES[name]


@pytest.mark.parametrize("name", HEADERS)
def test_a_data_header_is_as_its_figure_draws_it(name: str) -> None:
    drawn = octets(HEADERS_DRAWN[name])
    assert HEADERS[name].packed().hex(" ") == drawn.hex(" ")
    assert DataHeader.read(drawn + b"the packet") == HEADERS[name]


def test_nothing_is_left_undrawn() -> None:
    assert {message.TYPE for message in MESSAGES.values()} == set(REGISTRY)
    assert {type(address) for address in ADDRESSES.values()} > set(KNOWN.values())
    assert set(MESSAGES) == set(DRAWN)
    assert set(ADDRESSES) == set(ADDRESSES_DRAWN)
    assert set(HEADERS) == set(HEADERS_DRAWN)
