"""How many handovers per second an FE_IEC carries on one core, and what a mobile node costs.

Method. The real entities of the small cooperative constellation (two ingresses, one FE_IEC,
three anchors) are joined by a relay that hands messages over at once, in one thread, without
virtual delays and without timers; nothing is stubbed: every grant is signed (Ed25519, COSE)
and verified wherever it counts. All mobile nodes attach at home, then each makes one move to
another anchor, by which every entity comes to hold its state. For every node the time spent
in its entities and in its forwarding plan is measured apart, so "handovers per second" of the
FE_IEC is moves divided by the time spent in the FE_IEC's node alone: what one core would
carry if it did nothing else. Memory is the size of all objects reachable from a node's
entities (shared ones counted once, keys and registry not at all), divided by the mobile
nodes, measured after the moves; facts on disk and rules in the kernel are not in it.

Run: python benchmarks/simulator_handovers.py [--mobile-nodes 100000]
"""

import gc
import sys
import time
from collections import deque
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import click
import msgspec

from opendmm.authority.authority import Authority
from opendmm.constellation.deployment import Deployment, SubscriberPlan
from opendmm.entities.effects import LinkAttached
from opendmm.entities.host import EntityHost
from opendmm.forwarding.memory import MemoryForwarding
from opendmm.forwarding.plane import ForwardingPlane
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.simulation.constellations import small
from opendmm.simulation.hosts import AssembledHosts

HOME, AWAY, CONTROL, INGRESS = map(NodeId, ("anchor-a", "anchor-b", "control", "ingress"))
START = 1_900_000_000.0
ROLES = {
    CONTROL: "FE_IEC",
    HOME: "home anchor: FE_MCTX, FE_MA_C",
    AWAY: "visited anchor: FE_MCTX, FE_MA_C, FE_E",
    INGRESS: "FE_I",
}
_NOT_STATE = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType, Authority)


def populated(count: int) -> Deployment:
    """The cooperative constellation with `count` mobile nodes at home at one anchor."""
    plain = small("cooperative")
    model = next(iter(plain.subscribers.values()))
    base = int.from_bytes(HomePrefix.parse("2001:db8:a::/48").network, "big")
    subscribers: dict[MobileNodeId, SubscriberPlan] = {}
    for number in range(count):
        mobile_node = MobileNodeId(f"mn{number}@example.org")
        prefix = HomePrefix((base + number + 1).to_bytes(16, "big"), 128)
        subscribers[mobile_node] = msgspec.structs.replace(
            model, name=f"mn{number}", mobile_node=mobile_node, prefixes=(prefix,)
        )
    return msgspec.structs.replace(plain, subscribers=subscribers)


class Relay:
    """Nodes joined without time: every message is handed over at once, every rule applied."""

    def __init__(self, deployment: Deployment) -> None:
        hosts = AssembledHosts(deployment)
        self.hosts: dict[NodeId, EntityHost] = {
            NodeId(name): hosts.host(NodeId(name))
            for name, plan in deployment.nodes.items()
            if plan.entities
        }
        self._planes = {name: ForwardingPlane(MemoryForwarding()) for name in self.hosts}
        self._messages: deque[Any] = deque()
        self.spent = dict.fromkeys(self.hosts, 0.0)
        self.now = START
        for host in self.hosts.values():
            host.start({}, self.now)
        for name in self.hosts:
            for other in self.hosts:
                if other != name:
                    self.hosts[name].peer(other, True, self.now)
            self._drain(name)
        self._settle()

    def attach(self, anchor: NodeId, subscriber: SubscriberPlan) -> None:
        """One attachment, with everything that follows from it."""
        self.now += 1e-4
        event = LinkAttached(
            subscriber.mobile_node, subscriber.name, subscriber.link_layer_ids[anchor]
        )
        began = time.perf_counter()
        self.hosts[anchor].local(FunctionalEntity.FE_MU_C, event, self.now)
        self._drain(anchor)
        self.spent[anchor] += time.perf_counter() - began
        self._settle()

    def _settle(self) -> None:
        while self._messages:
            envelope = self._messages.popleft()
            node = envelope.receiver.node
            began = time.perf_counter()
            self.hosts[node].receive(envelope, self.now)
            self._drain(node)
            self.spent[node] += time.perf_counter() - began

    def _drain(self, node: NodeId) -> None:
        host = self.hosts[node]
        while output := host.drain():
            self._messages.extend(output.envelopes)
            if output.rules:
                host.outcomes(self._planes[node].carry_out(output.rules), self.now)


def reachable_size(root: Any) -> int:
    """Octets of all objects reachable from `root`, each once."""
    seen: set[int] = set()
    pending, total = [root], 0
    while pending:
        one = pending.pop()
        if id(one) in seen or isinstance(one, _NOT_STATE):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        pending.extend(gc.get_referents(one))
    return total


@click.command(help=__doc__)
@click.option("--mobile-nodes", default=100_000, show_default=True)
def main(mobile_nodes: int) -> None:
    deployment = populated(mobile_nodes)
    relay = Relay(deployment)
    # Profiles of the subscribers are configuration, there before anyone attaches.
    before = {node: reachable_size(list(relay.hosts[node].entities.values())) for node in ROLES}
    gc.disable()
    for subscriber in deployment.subscribers.values():
        relay.attach(HOME, subscriber)
    relay.spent = dict.fromkeys(relay.hosts, 0.0)
    began = time.perf_counter()
    for subscriber in deployment.subscribers.values():
        relay.attach(AWAY, subscriber)
    took = time.perf_counter() - began
    gc.enable()
    click.echo(f"{mobile_nodes} moves in {took:.1f} s, all entities on one core")
    for node, role in ROLES.items():
        size = reachable_size(list(relay.hosts[node].entities.values())) - before[node]
        rate = mobile_nodes / relay.spent[node]
        click.echo(f"{role:42} {rate:9.0f} handovers/s {size / mobile_nodes:8.0f} B/mobile node")
    whole = mobile_nodes / took
    click.echo(f"{'the whole deployment':42} {whole:9.0f} handovers/s")


if __name__ == "__main__":
    main()
