"""LISP sites of other makes: who may register which EIDs, by which key (RFC 9301 §8.2)."""

import msgspec

from opendmm.model.addressing import HomePrefix
from opendmm.wire.lisp.authentication import LIBERAL, STRICT, Authenticated, holds
from opendmm.wire.lisp.codec import Received
from opendmm.wire.lisp.lcaf.eids import InstanceId
from opendmm.wire.lisp.numbers import AlgorithmId
from opendmm.wire.lisp.records import EidRecord, Question
from opendmm.wire.lisp.referrals import ReferralRecord

STRONG = STRICT.algorithms


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

    def made(self, message: Authenticated, received: Received) -> bool:
        """Whether a message is authentic with a key of the site, in whatever way it is filled in
        and covered: each proves that the sender has the key."""
        key = self.keys.get(message.authentication.key_id)
        accepted = msgspec.structs.replace(LIBERAL, algorithms=self.algorithms)
        return key is not None and holds(received, key, accepted)


def eid_of(record: EidRecord | Question | ReferralRecord) -> Eid | None:
    """The EID-prefix of a record; None where it is neither IPv4 nor IPv6."""
    instance = record.eid.instance if isinstance(record.eid, InstanceId) else 0
    prefix = prefix_in(record)
    return Eid(instance, prefix) if prefix is not None else None


def prefix_in(record: EidRecord | Question | ReferralRecord) -> HomePrefix | None:
    """The same without its instance."""
    network = record.prefix
    if network is None:
        return None
    return HomePrefix(network.network_address.packed, network.prefixlen)
