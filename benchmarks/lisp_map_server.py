"""A LISP Map-Server on one core: registrations, questions, notifications a second, octets per EID.

    .venv/bin/python benchmarks/lisp_map_server.py [--counts 10000 1000000] [--json]

Method: the pure cores (codec, authentication with HMAC-SHA-256-128, nonces, registry); no socket,
and none of the framework's entities. Messages are made beforehand, outside the time.

- registered: Map-Registers of one /128 each, of one site, each answered by a Map-Notify. Then once
  more, as each minute, `again`: at most 100 000 of them.
- in batches: the same with 20 EIDs a message, in EIDs a second.
- asked: Map-Requests in ECMs for EIDs at random, each answered in the site's place.
- absent: the same for EIDs of the site that are not registered.
- octets: growth of the resident memory for each EID.
- notified: changes for ingresses of ours, each a signed Map-Notify with the policy and a grant of
  300 octets, to one that has subscribed; answered: the same asked for by an ECM and signed by
  LISP-SEC, both ends counted.
"""

import argparse
import gc
import json
import random
import resource
import time
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

from opendmm.bindings.lisp.carriage import ends
from opendmm.bindings.lisp.config import LispConfig
from opendmm.bindings.lisp.map_server import MapServer
from opendmm.bindings.lisp.node import LispNode
from opendmm.bindings.lisp.sites import Eid, Site
from opendmm.bindings.mobility.outputs import Datagram
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.policy import ForwardingPolicy
from opendmm.reference_points import r_ic
from opendmm.wire.lisp.authentication import sign
from opendmm.wire.lisp.codec import encode
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.messages import MapRequest
from opendmm.wire.lisp.numbers import AlgorithmId, MapRegisterFlags
from opendmm.wire.lisp.records import EidRecord, Question
from opendmm.wire.lisp.records import Locator as Rloc
from opendmm.wire.lisp.registrations import MapRegister

NOW = 1_900_000_000.0
KEY = b"a secret of the site"
POOL = HomePrefix.parse("2001:db8::/32")
FIRST = int.from_bytes(POOL.network, "big")
ETR, ITR = IPv6Address("fd00:d::2"), IPv6Address("fd00:d::1")
BATCH = 20
SAMPLE = 100_000
NOTIFICATIONS = 10_000


def registers(numbers: Sequence[int], nonce: int, batch: int = 1) -> list[bytes]:
    """Made and signed."""
    flags = MapRegisterFlags.P | MapRegisterFlags.M
    found = []
    for start in range(0, len(numbers), batch):
        records = tuple(
            EidRecord(
                eid=IPv6Address(FIRST + number),
                mask_length=128,
                ttl=3,
                locators=(Rloc(address=ETR),),
            )
            for number in numbers[start : start + batch]
        )
        plain = MapRegister(nonce=nonce + start, records=records, flags=flags)
        found.append(sign(plain, KEY, 0, AlgorithmId.HMAC_SHA_256_128))
    return found


def questions(numbers: Iterable[int]) -> list[bytes]:
    """In ECMs."""
    return [
        encode(
            EncapsulatedControl(
                source=ITR,
                destination=IPv6Address(FIRST + number),
                source_port=4342,
                message=encode(
                    MapRequest(
                        nonce=number,
                        itr_rlocs=(ITR,),
                        questions=(Question(eid=IPv6Address(FIRST + number), mask_length=128),),
                    )
                ),
            )
        )
        for number in numbers
    ]


def rate(messages: Sequence[bytes], take: Callable[[bytes], list[Any]]) -> float:
    """A second; each must have an answer."""
    begun = time.perf_counter()
    answers = sum(len(take(message)) for message in messages)
    spent = time.perf_counter() - begun
    if answers != len(messages):
        raise SystemExit(f"{answers} answers to {len(messages)} messages")
    return len(messages) / spent


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def plain(count: int) -> dict[str, float]:
    """A Map-Server for others, with so many EIDs."""
    site = Site(name="site", eids=(Eid(0, POOL),), keys={0: KEY})
    server = MapServer([site], IPv6Address("2001:db8:53::1"))
    before = resident()
    spent, nonce = 0.0, 1
    for start in range(0, count, SAMPLE):
        numbers = range(start, min(start + SAMPLE, count))
        messages = registers(numbers, nonce)
        nonce += len(numbers)
        spent += len(messages) / rate(messages, lambda data: server.receive(data, ETR, NOW))
        del messages
    octets = (resident() - before) / count
    chosen = random.Random(1).sample(range(count), min(count, SAMPLE))
    again = registers(chosen, nonce)
    in_batches = registers(chosen, nonce + SAMPLE, BATCH)
    return {
        "EIDs": count,
        "registered/s": count / spent,
        "again/s": rate(again, lambda data: server.receive(data, ETR, NOW)),
        "in batches/s": BATCH * rate(in_batches, lambda data: server.receive(data, ETR, NOW)),
        "asked/s": rate(questions(chosen), lambda data: server.receive(data, ITR, NOW)),
        "absent/s": rate(
            questions(number + count for number in chosen),
            lambda data: server.receive(data, ITR, NOW),
        ),
        "octets": octets,
    }


def ours() -> dict[str, float]:
    """A Map-Server and an ingress of ours."""
    server, itr = NodeId("map-server"), NodeId("itr")
    addresses = {server: ETR, itr: ITR}
    cores = {
        node: LispNode(
            LispConfig(
                node=node, address=addresses[node], nodes={peer: addresses[peer]}, keys={peer: KEY}
            )
        )
        for node, peer in ((server, itr), (itr, server))
    }
    for core in cores.values():
        core.start(NOW)
    updates = [update(number) for number in range(NOTIFICATIONS)]
    begun = time.perf_counter()
    for one in updates:
        (datagram,) = cores[server].send(ends(one, server, itr), NOW)
        assert isinstance(datagram, Datagram)
        cores[itr].receive(datagram.data, ETR, NOW)
    notified = NOTIFICATIONS / (time.perf_counter() - begun)
    begun = time.perf_counter()
    for one in updates:
        request = r_ic.PolicyRequest(prefix=one.policies[0].prefixes[0])
        (datagram,) = cores[itr].send(ends(request, itr, server), NOW)
        assert isinstance(datagram, Datagram)
        cores[server].receive(datagram.data, ITR, NOW)
        (datagram,) = cores[server].send(ends(one, server, itr), NOW)
        assert isinstance(datagram, Datagram)
        cores[itr].receive(datagram.data, ETR, NOW)
    answered = NOTIFICATIONS / (time.perf_counter() - begun)
    return {"notified/s": notified, "answered/s": answered}


def update(number: int) -> r_ic.PolicyUpdate:
    policy = ForwardingPolicy(
        mobile_node=MobileNodeId(f"mn{number}@example.org"),
        home_anchor=NodeId("anchor-a"),
        prefixes=(HomePrefix((FIRST + number).to_bytes(16, "big"), 128),),
        order=MoveOrder(2, int(NOW * 1e6), NodeId("anchor-b")),
        egress=Egress(NodeId("anchor-b"), Locator(ETR.packed)),
        expires_at=NOW + 300,
        grant=bytes(300),
    )
    return r_ic.PolicyUpdate(transaction=number, policies=(policy,))


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--counts", type=int, nargs="+", default=[10_000, 1_000_000])
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    rows = [*(plain(count) for count in given.counts), ours()]
    for row in rows:
        if given.json:
            print(json.dumps(row), flush=True)
        else:
            print("  ".join(f"{name} {value:,.0f}" for name, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
