"""A Central Mobility Database (RFC 8885): octets a mobile node costs, PBUs and moves a second.

    .venv/bin/python benchmarks/database_bindings.py [--count 100000]

Method: the CMD's pure core (codec, authenticator of RFC 4285, replay windows, retransmission) on
one core, without sockets and without its pace. First with the framework's own FE_IEC: `count`
mobile nodes, each with one prefix, are registered by their home MAAR (a LocationUpdate with a
signed grant in a PBU, answered by PBAs); the time includes verifying the grant (Ed25519) and
recording. Octets are the growth of the process's resident memory divided by `count`. Then moves
through the relay, with an FE_IEC that answers from a table: a PBU of the serving MAAR, a PBU to
the previous one, its PBA, and the PBA to the serving MAAR; the MAARs' messages are made
beforehand as far as they can be, outside the time that is measured. Grants are made beforehand,
too.
"""

import argparse
import gc
import resource
import time
from pathlib import Path

import msgspec

from opendmm.authority.authority import Authority
from opendmm.bindings.mobility.outputs import Datagram, Deliver, Wanted
from opendmm.bindings.rfc8885.carriage import ends
from opendmm.bindings.rfc8885.config import DistributedConfig
from opendmm.bindings.rfc8885.node import DistributedMobilityNode
from opendmm.constellation.deployment import Deployment
from opendmm.entities.host import EntityHost
from opendmm.model.addressing import HomePrefix
from opendmm.model.context import MobilityContext
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.node.rfc8885 import distributed_config
from opendmm.reference_points import r_xc, r_xx
from opendmm.reference_points.catalogue import Envelope
from opendmm.reference_points.message import Status
from opendmm.simulation.constellations import small
from opendmm.simulation.hosts import AssembledHosts

START = 1_900_000_000.0
HOME, SERVING, DATABASE = map(NodeId, ("anchor-a", "anchor-b", "database"))
BATCH = 1_000
"""Mobile nodes a second of the CMD's clock."""
MOVES = 5_000


class Bench:
    """A CMD and two MAARs of the simulator's small constellation."""

    def __init__(self, count: int) -> None:
        self.deployment: Deployment = small("relay")
        keys = {DATABASE: {HOME: bytes(16), SERVING: bytes(16)}}
        keys |= {maar: {DATABASE: bytes(16)} for maar in (HOME, SERVING)}
        self.nodes = {
            name: DistributedMobilityNode(self._config(name, keys[name])) for name in keys
        }
        self.addresses = {name: node.config.address for name, node in self.nodes.items()}
        self.names = {address: name for name, address in self.addresses.items()}
        self.hosts = AssembledHosts(self.deployment)
        self.host: EntityHost = self.hosts.host(DATABASE)
        self.host.start({}, START)
        self.contexts = [self._context(number) for number in range(count)]

    def _config(self, name: NodeId, keys: dict[NodeId, bytes]) -> DistributedConfig:
        """Without a pace: what is measured is how fast it can be."""
        config = distributed_config(self.deployment, name, keys)
        return msgspec.structs.replace(config, pace=1e6, burst=1_000_000)

    def _context(self, number: int) -> MobilityContext:
        authority: Authority = self.hosts.authority(HOME)
        mobile_node = MobileNodeId(f"mn{number}@example.org")
        pool = 0x20010DB8000A << 80
        prefixes = (HomePrefix((pool | number << 56).to_bytes(16, "big"), 72),)
        order = MoveOrder(1, int(START * 1e6), HOME)
        grant = authority.issue(
            mobile_node=mobile_node,
            prefixes=prefixes,
            anchor=HOME,
            order=order,
            now=START,
            lifetime=36_000,
        )
        return MobilityContext(
            mobile_node=mobile_node,
            prefixes=prefixes,
            home_anchor=HOME,
            current_anchor=HOME,
            order=order,
            lifetime=36_000,
            grant=grant,
        )

    # Registrations, with the framework's FE_IEC

    def register_all(self) -> float:
        """PBUs a second."""
        egress = self.deployment.nodes[HOME].egress
        if egress is None:
            raise SystemExit("the home MAAR has no egress")
        taken = 0.0
        for start in range(0, len(self.contexts), BATCH):
            now = START + start / BATCH
            batch = self.contexts[start : start + BATCH]
            updates = [
                r_xc.LocationUpdate(context=context, egress=egress, delivering=True)
                for context in batch
            ]
            sealed = [self._sealed(HOME, DATABASE, update, now) for update in updates]
            began = time.perf_counter()
            answered = [one for data in sealed for one in self._recorded(data, now)]
            taken += time.perf_counter() - began
            for data in answered:
                self.nodes[HOME].receive(data, self.addresses[DATABASE], now)
        return len(self.contexts) / taken

    def _sealed(self, sender: NodeId, receiver: NodeId, message: object, now: float) -> bytes:
        envelope = ends(message, sender, receiver)  # type: ignore[arg-type]  # any message
        (datagram,) = _datagrams(self.nodes[sender].send(envelope, now))
        return datagram.data

    def _recorded(self, data: bytes, now: float) -> list[bytes]:
        database = self.nodes[DATABASE]
        sent: list[bytes] = []
        for envelope in _delivered(database.receive(data, self.addresses[HOME], now)):
            self.host.receive(envelope, now)
            for said in self.host.drain().envelopes:
                sent += [one.data for one in _datagrams(database.send(said, now))]
        database.next_timer()
        return sent

    # Moves through the relay

    def move_all(self) -> float:
        """Moves a second, of the CMD alone."""
        later = START + len(self.contexts) / BATCH + 60
        taken = 0.0
        moving = self.contexts[:MOVES]
        for number, context in enumerate(moving):
            now = later + number / BATCH
            request = r_xx.ContextRequest(
                mobile_node=context.mobile_node,
                home_anchor=HOME,
                new_anchor=SERVING,
                attached_at=int(now * 1e6),
            )
            data = self._sealed(SERVING, HOME, request, now)
            began = time.perf_counter()
            asked = self._looked_up(data, context, now)
            taken += time.perf_counter() - began
            answer = self._answer(asked, context, request, now)
            began = time.perf_counter()
            (told,) = _datagrams(self.nodes[DATABASE].receive(answer, self.addresses[HOME], now))
            taken += time.perf_counter() - began
            heard = self.nodes[SERVING].receive(told.data, self.addresses[DATABASE], now)
            if not list(_delivered(heard)):
                raise SystemExit("a serving MAAR heard nothing")
        return len(moving) / taken

    def _looked_up(self, data: bytes, context: MobilityContext, now: float) -> bytes:
        database = self.nodes[DATABASE]
        (lookup,) = _delivered(database.receive(data, self.addresses[SERVING], now))
        found = r_xc.ContextFound(mobile_node=context.mobile_node, contexts=(context,))
        back = Envelope(lookup.reference_point, lookup.receiver, lookup.sender, found)
        (asked,) = _datagrams(database.send(back, now))
        return asked.data

    def _answer(
        self, asked: bytes, context: MobilityContext, request: r_xx.ContextRequest, now: float
    ) -> bytes:
        home = self.nodes[HOME]
        list(_delivered(home.receive(asked, self.addresses[DATABASE], now)))
        response = r_xx.ContextResponse(
            mobile_node=context.mobile_node,
            home_anchor=HOME,
            attached_at=request.attached_at,
            status=Status.ACCEPTED,
            context=context,
        )
        return self._sealed(HOME, SERVING, response, now)


def _datagrams(wanted: list[Wanted]) -> list[Datagram]:
    return [one for one in wanted if isinstance(one, Datagram)]


def _delivered(wanted: list[Wanted]) -> list[Envelope]:
    return [one.envelope for one in wanted if isinstance(one, Deliver)]


def resident() -> int:
    """Octets of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    count: int = parser.parse_args().count
    bench = Bench(count)
    gc.collect()
    before = resident()
    registered = bench.register_all()
    gc.collect()
    octets = (resident() - before) / count
    print(f"{count} mobile nodes: {octets:.0f} octets each")
    print(f"{registered:.0f} registrations a second (PBU, grant verified and recorded, PBAs)")
    print(f"{bench.move_all():.0f} moves a second through the relay (2 PBUs, 2 PBAs)")


if __name__ == "__main__":
    main()
