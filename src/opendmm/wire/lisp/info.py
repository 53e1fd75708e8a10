"""Info-Request and Info-Reply: what a NAT makes of an xTR's address and port.

No RFC describes the message; it is as draft-ermagan-lisp-nat-traversal has it, whose address format
is in RFC 8060 §4.4. Digests in it are kept, and checked by nobody here.
"""

from struct import Struct
from typing import ClassVar, Self

import msgspec

from opendmm.wire.lisp.addresses import pack_address, pack_eid, read_address, read_eid
from opendmm.wire.lisp.framing import NONCE, TYPE_SHIFT, WORD, read_nonce
from opendmm.wire.lisp.lcaf.base import Address
from opendmm.wire.lisp.numbers import InfoFlags, MessageType
from opendmm.wire.lisp.reading import Reader
from opendmm.wire.lisp.registrations import Authentication


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """A question, or with `told` (a `NatTraversal`) its answer; the flag R follows from that.

    `ttl` is in minutes. A reserved octet is before the mask length of the EID.
    """

    TYPE: ClassVar = MessageType.INFO
    LAYOUT: ClassVar[Struct] = Struct("!IxB")

    nonce: int
    ttl: int = 0
    eid: Address = None
    mask_length: int = 0
    authentication: Authentication = Authentication()
    told: Address = None

    def packed(self) -> bytes:
        """The UDP payload. Raises WireError or struct.error for impossible values."""
        flags = InfoFlags.R if self.told is not None else 0
        parts = (
            WORD.pack(self.TYPE << TYPE_SHIFT | flags),
            NONCE.pack(self.nonce),
            self.authentication.packed(),
            self.LAYOUT.pack(self.ttl, self.mask_length),
            pack_eid(self.eid, self.mask_length),
            pack_address(self.told),
        )
        return b"".join(parts)

    @classmethod
    def read(cls, word: int, reader: Reader) -> Self:
        """What follows the first word. Raises WireError."""
        nonce = read_nonce(reader)
        authentication = Authentication.read(reader)
        ttl, mask_length = reader.fields(cls.LAYOUT, "TTL and EID mask-len")
        eid = read_eid(reader, mask_length)
        told = read_address(reader)
        return cls(
            nonce=nonce,
            ttl=ttl,
            eid=eid,
            mask_length=mask_length,
            authentication=authentication,
            told=told if word & InfoFlags.R else None,
        )
