"""A storm of moves at a LISP Map-Server with three subscribed ingresses: time and octets.

    .venv/bin/python benchmarks/lisp_storm.py [--moves 100000] [--subscribers 3] [--json]

Method: the pure cores of one anchor, the Map-Server and its subscribers, on one core, without
sockets; each message is octets, signed (HMAC-SHA-256-128, a key of its own each) and checked by who
receives it. FE_IEC is scripted: every Map-Register (with the context and a grant of 300 octets) is
acknowledged, and every ingress is told; each answers. Nobody waits for anybody, as if all mobile
nodes moved at once. Time is told apart by who spends it; octets are of UDP payloads.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address
from typing import Any

from shared.table import Row, table

from opendmm.bindings.lisp.carriage import ends
from opendmm.bindings.lisp.config import LispConfig
from opendmm.bindings.lisp.node import LispNode
from opendmm.bindings.mobility.outputs import Complain, Datagram, Deliver, Reachable
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.context import MobilityContext
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.policy import ForwardingPolicy
from opendmm.reference_points import r_ic, r_xc
from opendmm.reference_points.message import Status

NOW = 1_900_000_000.0
SERVER, ANCHOR = NodeId("map-server"), NodeId("anchor-b")
FIRST = int.from_bytes(HomePrefix.parse("2001:db8::/32").network, "big")
GRANT = bytes(300)
PER_SECOND = 20_000
"""Moves in a second of the cores' time: nonces are times, and must be near to now."""


class Storm:
    """Cores by node; time spent in each, and what was sent."""

    def __init__(self, subscribers: int) -> None:
        self.itrs = [NodeId(f"itr-{number}") for number in range(subscribers)]
        names = [SERVER, ANCHOR, *self.itrs]
        self.addresses = {name: IPv6Address(f"fd00:d::{n + 1:x}") for n, name in enumerate(names)}
        self.names = {address: name for name, address in self.addresses.items()}
        self.cores = {name: LispNode(self._config(name)) for name in names}
        self.spent: Counter[str] = Counter()
        self.octets: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()
        self.now = NOW

    def _config(self, node: NodeId) -> LispConfig:
        others = [n for n in self.addresses if n != node] if node == SERVER else [SERVER]
        pair = {other: f"{other if node == SERVER else node}".encode() for other in others}
        nodes = {other: self.addresses[other] for other in others}
        return LispConfig(node=node, address=self.addresses[node], nodes=nodes, keys=pair)

    def move(self, number: int) -> None:
        """Of one mobile node, until everybody has answered."""
        self.now = NOW + number / PER_SECOND
        context = context_of(number)
        update = r_xc.LocationUpdate(context=context, egress=egress(), delivering=True)
        self._carry(ANCHOR, lambda core: core.send(ends(update, ANCHOR, SERVER), self.now))
        answer = r_xc.LocationAcknowledgement(
            mobile_node=context.mobile_node,
            home_anchor=context.home_anchor,
            order=context.order,
            status=Status.ACCEPTED,
        )
        self._carry(SERVER, lambda core: core.send(ends(answer, SERVER, ANCHOR), self.now))
        for itr in self.itrs:
            told = r_ic.PolicyUpdate(transaction=number, policies=(policy_of(context),))
            self._carry(SERVER, lambda core: core.send(ends(told, SERVER, itr), self.now))  # noqa: B023
            result = r_ic.PolicyResult(
                context.mobile_node, context.home_anchor, context.order, Status.ACCEPTED
            )
            taken = r_ic.PolicyAcknowledgement(transaction=number, results=(result,))
            self._carry(itr, lambda core: core.send(ends(taken, itr, SERVER), self.now))  # noqa: B023

    def _carry(self, node: NodeId, act: Callable[[LispNode], Sequence[Any]]) -> None:
        for one in self._timed(node, act):
            if isinstance(one, Complain):
                raise SystemExit(f"{node}: {one.event} {one.fields}")
            if isinstance(one, Datagram):
                kind = MESSAGES[one.data[0] >> 4]
                self.messages[kind] += 1
                self.octets[kind] += len(one.data)
                to = self.names[one.to]
                source = self.addresses[node]
                self._carry(to, lambda core: core.receive(one.data, source, self.now))  # noqa: B023
            else:
                assert isinstance(one, Deliver | Reachable)

    def _timed(self, node: NodeId, act: Callable[[LispNode], Sequence[Any]]) -> Sequence[Any]:
        begun = time.perf_counter()
        wanted = act(self.cores[node])
        self.spent[node] += time.perf_counter() - begun  # type: ignore[assignment]
        return wanted


MESSAGES = {3: "Map-Register", 4: "Map-Notify", 5: "Map-Notify-Ack"}


def egress() -> Egress:
    return Egress(ANCHOR, Locator(IPv6Address("fd00:d::2").packed))


def context_of(number: int) -> MobilityContext:
    return MobilityContext(
        mobile_node=MobileNodeId(f"mn{number}@example.org"),
        prefixes=(HomePrefix((FIRST + number).to_bytes(16, "big"), 128),),
        home_anchor=NodeId("anchor-a"),
        current_anchor=ANCHOR,
        order=MoveOrder(2, int(NOW * 1e6), ANCHOR),
        lifetime=300.0,
        grant=GRANT,
    )


def policy_of(context: MobilityContext) -> ForwardingPolicy:
    return ForwardingPolicy(
        mobile_node=context.mobile_node,
        home_anchor=context.home_anchor,
        prefixes=context.prefixes,
        order=context.order,
        egress=egress(),
        expires_at=NOW + 300,
        grant=context.grant,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--moves", type=int, default=100_000)
    parser.add_argument("--subscribers", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    storm = Storm(options.subscribers)
    for number in range(options.moves):
        storm.move(number)
    who = [("Map-Server", SERVER), ("anchor", ANCHOR), ("each ingress", storm.itrs[0])]
    rows: list[Row] = [
        {
            "who": name,
            "seconds": float(storm.spent[node]),
            "moves/s": options.moves / storm.spent[node],
        }
        for name, node in who
    ]
    sent: list[Row] = [
        {
            "message": kind,
            "messages": count,
            "octets": storm.octets[kind],
            "octets each": storm.octets[kind] / count,
        }
        for kind, count in storm.messages.items()
    ]
    if options.json:
        print(json.dumps({"time": rows, "sent": sent}))
        return
    print(f"{options.moves} moves, {options.subscribers} subscribers\n")
    print(table(rows), table(sent), sep="\n\n")


if __name__ == "__main__":
    main()
