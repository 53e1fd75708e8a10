"""One schedule tried: a world built, everything made to happen, the auditor asked."""

from collections.abc import Sequence
from functools import cache, partial

import msgspec

from opendmm.constellation.deployment import Deployment
from opendmm.model.identity import NodeId
from opendmm.reference_points.catalogue import Envelope
from opendmm.simulation.auditor import Auditor, GrantLog, Violation
from opendmm.simulation.constellations import small
from opendmm.simulation.forgery import forged
from opendmm.simulation.hosts import AssembledHosts
from opendmm.simulation.mobile_node import SimulatedMobileNode
from opendmm.simulation.network import Impairments
from opendmm.simulation.schedules import (
    Attach,
    Crash,
    Cut,
    Detach,
    Expect,
    Forge,
    Happening,
    Hear,
    Impair,
    Release,
    Replay,
    Schedule,
)
from opendmm.simulation.world import World

QUIET = 100.0
"""Seconds after the last happening in which everything must come to rest: three times the
ceiling of a retransmission interval."""


class Trial(msgspec.Struct, frozen=True):
    """What came of a schedule."""

    violations: tuple[Violation, ...]
    world: World


@cache
def _hosts(constellation: str) -> AssembledHosts:
    return AssembledHosts(small(constellation), witness=GrantLog())


def try_schedule(schedule: Schedule, *, recording: bool = False) -> Trial:
    """Run a schedule; deterministic."""
    hosts = _hosts(schedule.constellation)
    hosts.witness.clear()
    deployment = small(schedule.constellation)
    world = World(
        deployment,
        hosts,
        seed=schedule.seed,
        recording=recording,
        skew=lambda node: schedule.skews.get(node, 0.0),
    )
    auditor = Auditor(world, hosts.witness)
    world.start()
    actor = _Actor(world, auditor, deployment)
    for happening in schedule.happenings:
        world.scheduler.after(happening.at, partial(actor.act, happening))
    if schedule.unbroken:
        world.scheduler.after(1.9, actor.demand_unbroken)
    world.run(schedule.until + QUIET)
    auditor.judge_quiet()
    return Trial(tuple(auditor.violations), world)


class _Actor:
    """Makes happenings happen."""

    def __init__(self, world: World, auditor: Auditor, deployment: Deployment) -> None:
        self._world = world
        self._auditor = auditor
        self._deployment = deployment
        self._mobiles = {m.name: m for m in world.mobile_nodes.values()}

    def demand_unbroken(self) -> None:
        """From now on no packet may be lost."""
        self._auditor.unbroken = True

    def act(self, happening: Happening) -> None:
        """One happening, now."""
        match happening:
            case Attach() | Detach() | Expect() | Release():
                self._move(self._mobiles[happening.mobile_node], happening)
            case Crash():
                self._crash(happening)
            case Cut():
                self._cut(happening)
            case Impair():
                self._impair(happening)
            case Hear():
                self._hear(self._mobiles[happening.mobile_node])
            case Replay(count=count):
                self._say_again(self._some_sent(count))
                self._world.packets.say_again(count)
            case Forge(count=count):
                self._forge(count)

    def _move(
        self, mobile: SimulatedMobileNode, happening: Attach | Detach | Expect | Release
    ) -> None:
        match happening:
            case Attach(access=access):
                mobile.attach(NodeId(access))
            case Detach(access=access):
                mobile.detach(NodeId(access))
            case Expect(target=target):
                mobile.expect(self._deployment.anchor_at(NodeId(target)))
            case Release():
                mobile.release(())
        self._auditor.look_everywhere()

    def _crash(self, crash: Crash) -> None:
        node = self._world.nodes[NodeId(crash.node)]
        if not node.alive:
            return

        def again() -> None:
            if crash.lasts is not None:
                self._world.scheduler.after(crash.lasts, node.start)

        node.arm(crash.steps, again)
        self._world.scheduler.after(0.5, node.strike)

    def _cut(self, cut: Cut) -> None:
        a, b = (end.node for end in self._deployment.links[cut.link].ends)
        self._world.network.cut(a, b)
        self._world.scheduler.after(cut.lasts, partial(self._world.network.mend, a, b))

    def _hear(self, mobile: SimulatedMobileNode) -> None:
        address = self._world.destination_in(mobile, ipv6=True)
        for ingress in self._deployment.ingresses if address else ():
            self._world.first_packet(ingress, address or b"")

    def _some_sent(self, count: int) -> list[Envelope]:
        sent = list(self._world.network.sent)
        return self._world.random.sample(sent, min(count, len(sent)))

    def _forge(self, count: int) -> None:
        egresses = [plan.egress for plan in self._deployment.nodes.values() if plan.egress]
        turned = [forged(one, egresses, self._world.random) for one in self._some_sent(count)]
        self._say_again([envelope for envelope in turned if envelope is not None])

    def _say_again(self, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            self._world.send(envelope)

    def _impair(self, impair: Impair) -> None:
        self._world.network.impairments = Impairments(
            impair.loss, impair.duplication, impair.jitter
        )
        self._world.scheduler.after(impair.lasts, self._repair)

    def _repair(self) -> None:
        self._world.network.impairments = Impairments()
