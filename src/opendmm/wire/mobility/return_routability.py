"""The return routability procedure: HoTI, CoTI, HoT, CoT (RFC 6275 §6.1.3 to §6.1.6)."""

from struct import Struct

from opendmm.wire.layout import require_octets
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import MessageType

#: Octets of a cookie or keygen token.
OPAQUE_LENGTH = 8


class AddressTestInit(MobilityMessage, frozen=True):
    """What HoTI and CoTI share: a random cookie, to recognise the answer by."""

    LAYOUT = Struct("!2x8s")

    cookie: bytes

    def __post_init__(self) -> None:
        require_octets("the cookie", self.cookie, OPAQUE_LENGTH)


class HomeTestInit(AddressTestInit, frozen=True):
    """Asks for a home keygen token, through the home agent (RFC 6275 §6.1.3)."""

    TYPE = MessageType.HOME_TEST_INIT


class CareOfTestInit(AddressTestInit, frozen=True):
    """Asks for a care-of keygen token, directly (RFC 6275 §6.1.4)."""

    TYPE = MessageType.CARE_OF_TEST_INIT


class AddressTest(MobilityMessage, frozen=True):
    """What HoT and CoT share: the token, and which nonce it was made of."""

    LAYOUT = Struct("!H8s8s")

    nonce_index: int
    cookie: bytes
    keygen_token: bytes

    def __post_init__(self) -> None:
        require_octets("the cookie", self.cookie, OPAQUE_LENGTH)
        require_octets("the keygen token", self.keygen_token, OPAQUE_LENGTH)


class HomeTest(AddressTest, frozen=True):
    """Brings the home keygen token (RFC 6275 §6.1.5)."""

    TYPE = MessageType.HOME_TEST


class CareOfTest(AddressTest, frozen=True):
    """Brings the care-of keygen token (RFC 6275 §6.1.6)."""

    TYPE = MessageType.CARE_OF_TEST
