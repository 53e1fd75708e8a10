"""Which class reads which type, and what is around the body (RFC 8060 §3)."""

from struct import Struct

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.lcaf.base import Lcaf, Pack, Read
from opendmm.wire.lisp.lcaf.eids import InstanceId, MulticastInfo
from opendmm.wire.lisp.lcaf.locators import AfiList, ReplicationList, SecurityKey
from opendmm.wire.lisp.lcaf.nat import NatTraversal
from opendmm.wire.lisp.lcaf.others import UnknownLcaf, VendorSpecific
from opendmm.wire.lisp.reading import Reader

#: Rsvd1 and Flags, which are ignored; Type, Rsvd2, Length.
HEADER = Struct("!2xBBH")
LARGEST_LENGTH = 0xFFFF
#: Addresses within addresses: RFC 8060 §4.10.4 gives no limit.
DEEPEST = 4


KNOWN: dict[int, type[Lcaf]] = {
    kind.TYPE: kind
    for kind in (
        AfiList,
        InstanceId,
        NatTraversal,
        MulticastInfo,
        SecurityKey,
        ReplicationList,
        VendorSpecific,
    )
}


def read_lcaf(reader: Reader, read: Read) -> Lcaf:
    """What follows the address family. Raises WireError."""
    require_depth(reader.depth, reader.offset)
    number, rsvd2, length = reader.fields(HEADER, "canonical address")
    kind = KNOWN.get(number)
    if kind is None:
        return UnknownLcaf(number, reader.octets(length, "canonical address"), rsvd2)
    reader.depth += 1
    found = reader.nested(length, kind.__name__, lambda inner: kind.parse(inner, rsvd2, read))
    reader.depth -= 1
    return found


def pack_lcaf(address: Lcaf, pack: Pack) -> bytes:
    """What follows the address family. Raises WireError or struct.error."""
    body = address.body(pack)
    if len(body) > LARGEST_LENGTH:
        raise WireError(f"an address of {len(body)} octets")
    return HEADER.pack(address.number, address.rsvd2, len(body)) + body


def require_depth(depth: int, offset: int = 0) -> None:
    """Raises WireError for one address too many within another."""
    if depth >= DEEPEST:
        raise WireError(f"addresses nested over {DEEPEST} deep", offset)
