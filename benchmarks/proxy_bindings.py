"""Proxy bindings: octets each one costs a local mobility anchor, and PBUs a second on one core.

    .venv/bin/python benchmarks/proxy_bindings.py [--count 100000] [--rounds 3]

Method: the anchor's pure core (codec, authenticator of RFC 4285, replay window, checks of RFC 5213,
Binding Cache, its timers) with an FE_MCTX that accepts at once; no socket, and none of the
framework's entities and rules. `count` mobile nodes, each with one /64 and one IPv4 home address,
are registered by ten gateways; then all of them again, `rounds` times, as gateways do before a
lifetime ends. The gateways' messages are made beforehand, outside the time that is measured; the
time includes making and sealing every PBA, and asking for the next timer after each. Rates are
medians over the rounds, with the range. Octets are the growth of the process's resident memory
from the empty anchor to the one that holds all bindings, divided by their number; with them is
what is remembered against replays of the last 14 seconds, at 1000 PBUs a second.
"""

import argparse
import gc
import resource
import statistics
import time
from collections.abc import Iterator
from ipaddress import IPv6Address
from pathlib import Path

from opendmm.bindings.mobility.association import SecurityAssociation
from opendmm.bindings.mobility.outputs import Datagram, Deliver
from opendmm.bindings.pmipv6.config import PmipConfig, PolicyProfile
from opendmm.bindings.pmipv6.node import ProxyMobilityNode
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import Envelope, ReferencePointName

START = 1_900_000_000.0
GATEWAYS = 10
BATCH = 1_000
"""PBUs a second of the anchor's clock; what its replay windows remember is 14 times as much."""
HERE = IPv6Address("2001:db8:ffff::1")
LMA = NodeId("lma")


def gateway(number: int) -> tuple[NodeId, IPv6Address]:
    return NodeId(f"mag-{number}"), IPv6Address(f"2001:db8:ffff::1:{number}")


def association(peer: NodeId, address: IPv6Address) -> SecurityAssociation:
    return SecurityAssociation(peer=peer, address=address, spi=256, key=bytes(16))


class Bench:
    """An anchor, its gateways, and `count` mobile nodes."""

    def __init__(self, count: int) -> None:
        self.now = START
        self.names = [MobileNodeId(f"mn{n}@example.org") for n in range(count)]
        self.prefixes = [
            (
                HomePrefix((0x20010DB8 << 96 | n << 64).to_bytes(16, "big"), 64),
                HomePrefix((10 << 24 | n).to_bytes(4, "big"), 32),
            )
            for n in range(count)
        ]
        self.profiles = {
            name: PolicyProfile(prefixes=prefixes)
            for name, prefixes in zip(self.names, self.prefixes, strict=True)
        }
        self.gateways = dict(gateway(n) for n in range(GATEWAYS))
        self.anchor = ProxyMobilityNode(
            PmipConfig(
                node=LMA,
                address=HERE,
                associations={n: association(n, a) for n, a in self.gateways.items()},
                nodes={LMA: HERE},
                profiles=self.profiles,
                gateways=frozenset(self.gateways),
            )
        )

    def register_all(self) -> float:
        """Every mobile node once, by new gateways; in PBUs per second."""
        spent = 0.0
        for first in range(0, len(self.names), BATCH):
            self.now += 1.0
            mags = [self._mag(name, address) for name, address in self.gateways.items()]
            messages = [
                message
                for n in range(first, min(first + BATCH, len(self.names)))
                for message in self._updates(mags[n % GATEWAYS], n)
            ]
            begun = time.perf_counter()
            for source, data in messages:
                self._answer(data, source)
                self.anchor.next_timer()
            spent += time.perf_counter() - begun
        return len(self.names) / spent

    def _mag(self, name: NodeId, address: IPv6Address) -> ProxyMobilityNode:
        return ProxyMobilityNode(
            PmipConfig(
                node=name,
                address=address,
                associations={LMA: association(LMA, HERE)},
                nodes={LMA: HERE},
                profiles=self.profiles,
                anchor=LMA,
            )
        )

    def _updates(self, mag: ProxyMobilityNode, number: int) -> Iterator[tuple[IPv6Address, bytes]]:
        client = EntityAddress(mag.config.node, FunctionalEntity.FE_MU_C)
        message = r_xu.AttachNotification(
            mobile_node=self.names[number],
            attached_at=int(START * 1e6) + number,
            link_layer_id=number.to_bytes(6, "big"),
        )
        there = EntityAddress(LMA, FunctionalEntity.FE_MCTX)
        envelope = Envelope(ReferencePointName.R_XU, client, there, message)
        for wanted in mag.send(envelope, self.now):
            if isinstance(wanted, Datagram):
                yield mag.config.address, wanted.data

    def _answer(self, data: bytes, source: IPv6Address) -> None:
        for wanted in self.anchor.receive(data, source, self.now):
            if not isinstance(wanted, Deliver):
                continue
            asked = wanted.envelope
            message = asked.message
            number = int(message.mobile_node[2 : message.mobile_node.index("@")])
            accepted = r_xu.AttachAcknowledgement(
                mobile_node=message.mobile_node,
                attached_at=message.attached_at,
                status=0,
                anchor=LMA,
                prefixes=self.prefixes[number],
            )
            answer = Envelope(asked.reference_point, asked.receiver, asked.sender, accepted)
            sent = self.anchor.send(answer, self.now)
            assert isinstance(sent[0], Datagram)


def resident() -> int:
    """Octets of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def measure(count: int, rounds: int) -> None:
    bench = Bench(count)
    gc.collect()
    gc.freeze()
    before = resident()
    rates = [bench.register_all()]
    gc.collect()
    each = (resident() - before) / count
    assert len(bench.anchor.lma.cache) == count
    rates += [bench.register_all() for _ in range(rounds)]
    print(f"{count:,} bindings: {each:.0f} octets each")
    middle = statistics.median(rates)
    print(f"PBUs answered: {middle:,.0f}/s ({min(rates):,.0f} to {max(rates):,.0f})")


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory and speed of a local mobility anchor.")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    measure(given.count, given.rounds)


if __name__ == "__main__":
    main()
