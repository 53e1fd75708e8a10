"""LISP sites of other makes: who may register which EIDs, by which key (RFC 9301 §8.2)."""

from ipaddress import IPv4Address, IPv6Address

import msgspec

from opendmm.model.addressing import HomePrefix
from opendmm.wire.lisp import is_authentic
from opendmm.wire.lisp.lcaf import InstanceId
from opendmm.wire.lisp.messages import Registration
from opendmm.wire.lisp.numbers import AlgorithmId
from opendmm.wire.lisp.records import EidRecord, Question

STRONG = frozenset({AlgorithmId.HMAC_SHA_256_128, AlgorithmId.HMAC_SHA_256_128_HKDF})


class Eid(msgspec.Struct, frozen=True):
    """An EID-prefix within an instance."""

    instance: int
    prefix: HomePrefix

    def covers(self, other: "Eid") -> bool:
        return self.instance == other.instance and self.prefix.covers(other.prefix)


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """`keys` are secrets by key ID. With `any_nonce` a registration may have any nonce: some xTRs
    draw them at random, and a replay of theirs is not noticed."""

    name: str
    eids: tuple[Eid, ...]
    keys: dict[int, bytes]
    algorithms: frozenset[AlgorithmId] = STRONG
    any_nonce: bool = False

    def has(self, eid: Eid) -> bool:
        """Whether the site may register it."""
        return any(allowed.covers(eid) for allowed in self.eids)

    def made(self, message: Registration, payload: bytes) -> bool:
        """Whether a message is authentic with a key of the site."""
        said = message.authentication
        key = self.keys.get(said.key_id)
        return (
            key is not None
            and said.algorithm in self.algorithms
            and is_authentic(message, payload, key)
        )


def eid_of(record: EidRecord | Question) -> Eid | None:
    """The EID-prefix of a record; None where it is neither IPv4 nor IPv6."""
    instance, address = 0, record.eid
    if isinstance(address, InstanceId):
        instance, address = address.instance, address.address
    if not isinstance(address, IPv4Address | IPv6Address):
        return None
    return Eid(instance, HomePrefix.parse(f"{address}/{record.mask_length}"))
