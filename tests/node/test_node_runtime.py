"""The order in which a node carries things out, and what it survives."""

import asyncio
from collections.abc import Callable

import pytest
from scripted import (
    ENVELOPE,
    HERE,
    IEC,
    LOOKUP,
    MCTX,
    RULE,
    THERE,
    Journal,
    JournalStore,
    Scripted,
    runtime,
    silent,
)

from opendmm.entities.effects import (
    Effect,
    Input,
    Install,
    PeerReachable,
    Persist,
    Received,
    RuleOutcome,
    Send,
    SetTimer,
    Started,
    TimerFired,
)
from opendmm.entities.host import Fact
from opendmm.model.identity import EntityAddress
from opendmm.node.runtime import NodeRuntime
from opendmm.reference_points.r_xc import ContextFound

FOUND = ContextFound(mobile_node=LOOKUP.mobile_node, contexts=())


def on_message(*effects: Effect) -> Callable[[Input], list[Effect]]:
    return lambda event: list(effects) if isinstance(event, Received) else []


def test_facts_are_durable_and_rules_are_applied_before_messages_leave() -> None:
    journal = Journal()
    entity = Scripted(
        on_message(Install(RULE), Send(EntityAddress(THERE, MCTX), FOUND), Persist("k", b"v"))
    )

    async def story() -> None:
        node = runtime(entity, journal)
        node.start()
        node.receive([ENVELOPE])

    asyncio.run(story())

    assert journal.lines == ["facts k", f"rules {RULE.key}", "send ContextFound"]
    assert entity.inputs[-1] == RuleOutcome(RULE)


def test_messages_that_came_together_share_one_commit() -> None:
    journal = Journal()
    entity = Scripted(on_message(Persist("k", b"v")))

    async def story() -> None:
        node = runtime(entity, journal)
        node.start()
        node.receive([ENVELOPE, ENVELOPE, ENVELOPE])

    asyncio.run(story())

    assert journal.lines == ["facts k k k"]


def test_a_timer_fires_at_its_time() -> None:
    entity = Scripted(silent)

    async def story() -> float:
        node = runtime(entity, Journal())
        due = node.now() + 0.05
        entity._script = lambda event: [SetTimer("t", due)] if isinstance(event, Started) else []
        node.start()
        async with asyncio.timeout(2):
            while TimerFired("t") not in entity.inputs:
                await asyncio.sleep(0.001)
        return node.now() - due

    assert 0 <= asyncio.run(story()) < 0.5


def test_a_message_that_brings_out_a_defect_does_not_stop_the_node(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def script(event: Input) -> list[Effect]:
        if isinstance(event, Received):
            raise RuntimeError("a defect")
        return []

    entity = Scripted(script)

    async def story() -> None:
        node = runtime(entity, Journal())
        node.start()
        node.receive([ENVELOPE])
        node.peer(THERE, True)

    asyncio.run(story())

    assert entity.inputs[-1] == PeerReachable(THERE)
    assert "defect" in [record.getMessage() for record in caplog.records]


def test_nothing_is_promised_when_facts_cannot_be_kept() -> None:
    journal = Journal()
    entity = Scripted(on_message(Persist("k", b"v"), Send(EntityAddress(THERE, MCTX), FOUND)))

    async def story() -> None:
        node = runtime(entity, journal, store=JournalStore(journal, broken="disk full"))
        node.start()
        node.receive([ENVELOPE])
        node.receive([ENVELOPE])

    asyncio.run(story())

    assert journal.lines == []
    assert journal.failures == ["disk full"]


def test_facts_that_entities_cannot_read_are_put_aside() -> None:
    def script(event: Input) -> list[Effect]:
        if isinstance(event, Started) and event.facts:
            raise ValueError("what is this?")
        return []

    journal = Journal()
    store = JournalStore(journal)
    store.commit([Fact(IEC, "k", b"v")])
    entity = Scripted(script)

    async def story() -> None:
        runtime(entity, journal, store=store).start()

    asyncio.run(story())

    assert entity.inputs == [Started({"k": b"v"}), Started({})]
    assert store.load() == {}
    assert "what is this?" in store.notice


def test_after_a_reload_the_entities_have_their_facts_and_peers_again() -> None:
    journal = Journal()
    before = Scripted(on_message(Persist("k", b"v")))
    after = Scripted(silent)

    async def story() -> NodeRuntime:
        node = runtime(before, journal)
        node.start()
        node.peer(THERE, True)
        node.receive([ENVELOPE])
        node.renew(lambda: type(node.host)(HERE, [after]), node.plane)
        return node

    asyncio.run(story())

    assert after.inputs == [Started({"k": b"v"}), PeerReachable(THERE)]
