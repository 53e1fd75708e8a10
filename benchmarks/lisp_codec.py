"""Registering by LISP: what a Map-Server and an ETR spend on the octets of a message.

    python benchmarks/lisp_codec.py [--count 2000] [--rounds 5]

Method: one process, one core. A Map-Register with one EID (IPv6) and one locator (IPv6), and one
with eight EIDs of two locators, with every algorithm of RFC 9301 §12.5. A Map-Server reads the
octets and checks the digest (`receive`, `holds`), an ETR makes them (`sign`). Beside it, round by
round, the bare HMAC-SHA-256 of the same octets, which no implementation can do without: on a
shared machine the ratio says more than the numbers. Medians of the rounds.
"""

import argparse
import hmac
import statistics
import time
from collections.abc import Callable
from ipaddress import IPv6Address

from opendmm.wire.lisp.authentication import LIBERAL, holds, sign
from opendmm.wire.lisp.codec import receive
from opendmm.wire.lisp.numbers import AlgorithmId
from opendmm.wire.lisp.records import EidRecord, Locator
from opendmm.wire.lisp.registrations import MapRegister

SECRET = b"a secret of a site"
EID = int(IPv6Address("2001:db8:f000::"))
HERE = int(IPv6Address("2001:db8:9::"))
MICROSECONDS = 1e6


def register(eids: int, locators: int) -> MapRegister:
    there = tuple(Locator(address=IPv6Address(HERE + number)) for number in range(locators))
    records = tuple(
        EidRecord(eid=IPv6Address(EID + number), mask_length=128, ttl=3, locators=there)
        for number in range(eids)
    )
    return MapRegister(nonce=7, records=records)


def microseconds(work: Callable[[], object], count: int) -> float:
    """The time one call takes."""
    begin = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - begin) / count * MICROSECONDS


def check(octets: bytes) -> None:
    """As a Map-Server does it."""
    if not holds(receive(octets), SECRET, LIBERAL):
        raise SystemExit("we do not believe what we signed")


def compared(message: MapRegister, algorithm: AlgorithmId, count: int, rounds: int) -> str:
    octets = sign(message, SECRET, 0, algorithm)
    works: tuple[Callable[[], object], ...] = (
        lambda: check(octets),
        lambda: sign(message, SECRET, 0, algorithm),
        lambda: hmac.digest(SECRET, octets, "sha256"),
    )
    times = [[microseconds(work, count) for work in works] for _ in range(rounds)]
    checked, signed, bare = (statistics.median(column) for column in zip(*times, strict=True))
    return (
        f"{checked:>9.1f} us{signed:>9.1f} us{bare:>9.1f} us"
        f"{checked / bare:>11.1f}x{signed / bare:>11.1f}x{MICROSECONDS / checked:>10.0f}/s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    head = ("check", "sign", "HMAC", "check/HMAC", "sign/HMAC", "checks")
    print(f"{'':<51}" + "".join(f"{name:>12}" for name in head))
    for eids, locators in ((1, 1), (8, 2)):
        message = register(eids, locators)
        for algorithm in list(AlgorithmId)[1:]:
            figures = compared(message, algorithm, arguments.count, arguments.rounds)
            print(f"{eids} EIDs, {locators} locators, {algorithm.name:<28}{figures}")


if __name__ == "__main__":
    main()
