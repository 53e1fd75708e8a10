"""State and small helpers that the parts of an FE_IEC share."""

import msgspec

from opendmm.authority.authority import Authority
from opendmm.entities.effects import Effect, Notice, Persist, SetTimer, Severity
from opendmm.entities.fe_iec.config import ControllerConfig
from opendmm.entities.fe_iec.record import Record
from opendmm.model.addressing import HomePrefix
from opendmm.model.context import ContextId, MobilityContext
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId


class Core:
    """The records of one instance with their indexes, and whom it can reach."""

    def __init__(self, config: ControllerConfig, authority: Authority) -> None:
        self.config = config
        self.node = config.node
        self.authority = authority
        self.records: dict[ContextId, Record] = {}
        self.unreachable: set[NodeId] = set()
        self._by_prefix: dict[HomePrefix, ContextId] = {}
        self._by_mobile_node: dict[MobileNodeId, set[ContextId]] = {}

    def keep(self, record: Record) -> list[Effect]:
        """Put a record (new or changed) into memory and store."""
        key = record.key
        self.remember(record)
        return [
            Persist(str(key), msgspec.msgpack.encode(record)),
            SetTimer(f"expiry {key}", record.expires_at),
        ]

    def remember(self, record: Record) -> None:
        self._unindex(record.key)
        self.records[record.key] = record
        for prefix in record.context.prefixes:
            self._by_prefix[prefix] = record.key
        self._by_mobile_node.setdefault(record.key.mobile_node, set()).add(record.key)

    def forget(self, key: ContextId) -> list[Effect]:
        self._unindex(key)
        self.records.pop(key, None)
        return [Persist(str(key), None)]

    def _unindex(self, key: ContextId) -> None:
        record = self.records.get(key)
        if record is None:
            return
        for prefix in record.context.prefixes:
            if self._by_prefix.get(prefix) == key:
                del self._by_prefix[prefix]
        siblings = self._by_mobile_node.get(key.mobile_node, set())
        siblings.discard(key)
        if not siblings:
            self._by_mobile_node.pop(key.mobile_node, None)

    def covering(self, prefix: HomePrefix) -> Record | None:
        """The record whose home prefix covers this one, the longest first."""
        for length in range(prefix.length, -1, -1):
            key = self._by_prefix.get(_shortened(prefix, length))
            if key is not None:
                return self.records[key]
        return None

    def contexts_of(self, mobile_node: MobileNodeId) -> tuple[MobilityContext, ...]:
        keys = sorted(self._by_mobile_node.get(mobile_node, set()))
        return tuple(self.records[key].context for key in keys if not self.records[key].released)

    def responsible(self, context: MobilityContext) -> NodeId:
        """The instance that answers for a context now: this one for a primary it stands in for."""
        for prefix, instance in self.config.responsibility:
            if any(prefix.covers(p) for p in context.prefixes):
                stands_in = instance == self.config.standby_for and instance in self.unreachable
                return self.node if stands_in else instance
        return self.node

    def companion(self) -> NodeId | None:
        """The instance that holds the same records, to take over or be taken over from."""
        return self.config.standby or self.config.standby_for

    def warn(self, event: str, context: MobilityContext, why: str, **fields: str) -> Notice:
        about = {
            "mobile_node": context.mobile_node,
            "order": str(context.order),
            "why": why,
            **fields,
        }
        return Notice(event, about, Severity.WARNING)


def entity(node: NodeId, kind: FunctionalEntity) -> EntityAddress:
    return EntityAddress(node, kind)


def _shortened(prefix: HomePrefix, length: int) -> HomePrefix:
    bits = len(prefix.network) * 8
    value = int.from_bytes(prefix.network, "big") >> (bits - length) << (bits - length)
    return HomePrefix(value.to_bytes(len(prefix.network), "big"), length)
