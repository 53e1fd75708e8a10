"""An entity that does what a test tells it, and surroundings that note what is done when."""

from collections.abc import Callable, Sequence

from opendmm.entities.effects import Effect, Input
from opendmm.entities.host import EntityHost, Fact
from opendmm.forwarding.memory import MemoryForwarding
from opendmm.forwarding.plane import ForwardingPlane
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.rules import Access, Change, Rule, RuleKey, Table
from opendmm.node.clock import steady_clock
from opendmm.node.recorder import Recorder
from opendmm.node.runtime import NodeRuntime
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.r_xc import ContextLookup
from opendmm.store.contract import FactStore, StoreError
from opendmm.store.memory import MemoryStore

HERE, THERE = NodeId("here"), NodeId("there")
MCTX, IEC = FunctionalEntity.FE_MCTX, FunctionalEntity.FE_IEC
LOOKUP = ContextLookup(mobile_node=MobileNodeId("mn1@example.org"))
PREFIX = HomePrefix.parse("2001:db8:a::/64")
RULE = Rule(RuleKey(Table.DOWNLINK, PREFIX), Access("mn1", b""), MoveOrder(1, 1, HERE))
ENVELOPE = Envelope(
    ReferencePointName.R_XC, EntityAddress(THERE, MCTX), EntityAddress(HERE, IEC), LOOKUP
)


class Scripted:
    """An FE_IEC whose answers the test writes; `inputs` is what it was given."""

    kind = IEC

    def __init__(self, script: Callable[[Input], list[Effect]]) -> None:
        self.inputs: list[Input] = []
        self._script = script

    def handle(self, event: Input, now: float) -> list[Effect]:
        del now
        self.inputs.append(event)
        return self._script(event)


class Journal:
    """What the surroundings of a runtime were asked to do, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.failures: list[str] = []


class JournalStore(MemoryStore):
    def __init__(self, journal: Journal, broken: str = "") -> None:
        super().__init__()
        self._journal = journal
        self._broken = broken

    def commit(self, facts: Sequence[Fact]) -> None:
        if self._broken:
            raise StoreError(self._broken)
        self._journal.lines.append("facts " + " ".join(fact.key for fact in facts))
        super().commit(facts)


class JournalSender:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def send(self, envelope: Envelope) -> None:
        self._journal.lines.append(f"send {type(envelope.message).__name__}")


class JournalForwarding(MemoryForwarding):
    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def apply(self, changes: Sequence[Change]) -> list[str]:
        self._journal.lines.append("rules " + " ".join(str(change.key) for change in changes))
        return super().apply(changes)


def runtime(
    entity: Scripted,
    journal: Journal,
    *,
    store: FactStore | None = None,
) -> NodeRuntime:
    """A runtime around one scripted entity; must be made in a running loop."""
    made = NodeRuntime(
        lambda: EntityHost(HERE, [entity]),
        ForwardingPlane(JournalForwarding(journal)),
        store or JournalStore(journal),
        Recorder(HERE),
        steady_clock(),
        lambda error: journal.failures.append(str(error)),
    )
    made.sender = JournalSender(journal)
    return made


def silent(_event: Input) -> list[Effect]:
    return []
