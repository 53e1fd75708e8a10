"""Policy installs per second: the kernel driver of each means beside `ip -6 -batch`.

Run as root (or inside `unshare -Urnm`):

    .venv/bin/python benchmarks/policy_installs.py [--count 10000] [--rounds 5]

Method: one fresh network namespace, gone with the process. Every contestant installs `count`
host prefixes toward one egress, moves all of them to another in place, and removes them.
`ip -6 -batch` is given the same routes by way of next hop objects that exist already, its
fastest form (its start as a process and its reading of the file count, as they do in use).
The rounds are interleaved and the order rotates; the figures are medians, with the range.
The driver's side includes all of it: checking, packing, sending, reading every answer,
keeping account of what is shared.
"""

import argparse
import ctypes
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from opendmm.forwarding.kernel import KernelForwarding, NodeForwardingConfig
from opendmm.forwarding.kernel.means import MEANS
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.identity import NodeId
from opendmm.model.rules import Action, Change, Redirect, RuleKey, Table

CLONE_NEWNET = 0x40000000
ENVIRONMENT_LACKS = 4
PHASES = ("install", "move", "remove")
EGRESSES = tuple(Egress(NodeId(f"egress-{n}"), Locator.parse(f"fd00:d:{n}::1")) for n in (2, 3))
Timings = dict[str, list[float]]


def enter_fresh_namespace() -> None:
    """This process in a network namespace of its own, with one way out. Exits where it cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0 or libc.unshare(CLONE_NEWNET):
        print("needs root, or: unshare -Urnm", file=sys.stderr)
        sys.exit(ENVIRONMENT_LACKS)
    for command in (
        "link set lo up",
        "link add name core type veth peer name far",
        "link set dev core up",
        "link set dev far up",
        "addr add fd00:c:1::1/64 dev core nodad",
        *(f"route add fd00:d:{n}::/64 via fd00:c:1::{n} dev core" for n in (2, 3)),
        *(
            f"nexthop add id {n} encap seg6 mode encap.red segs fd00:d:{n}::6 dev core"
            for n in (2, 3)
        ),
    ):
        subprocess.run(["ip", "-6", *command.split()], check=True)


def prefixes(count: int) -> list[HomePrefix]:
    base = int.from_bytes(HomePrefix.parse("2001:db8:a::").network, "big")
    return [HomePrefix((base + n).to_bytes(16, "big"), 128) for n in range(1, count + 1)]


class DriverContestant:
    """Our driver with one means."""

    def __init__(self, means: str, homes: list[HomePrefix]) -> None:
        self.name = means
        config = NodeForwardingConfig(
            node=NodeId("ingress"),
            locator=Locator.parse("fd00:d:1::1"),
            means=means,
            egresses=EGRESSES,
        )
        self._driver = KernelForwarding(config)
        self._driver.start()
        keys = [RuleKey(Table.DOWNLINK, home) for home in homes]
        actions: tuple[Action | None, ...] = (*map(Redirect, EGRESSES), None)
        self._changes = {
            phase: [Change(key, action) for key in keys]
            for phase, action in zip(PHASES, actions, strict=True)
        }

    def run(self, phase: str) -> None:
        errors = [error for error in self._driver.apply(self._changes[phase]) if error]
        if errors:
            sys.exit(f"{self.name}: {len(errors)} changes failed, first: {errors[0]}")

    def close(self) -> None:
        self._driver.close(remove=True)


class IpBatchContestant:
    """iproute2, given a file."""

    name = "ip -6 -batch"

    def __init__(self, homes: list[HomePrefix], folder: Path) -> None:
        lines: dict[str, Callable[[HomePrefix], str]] = {
            "install": lambda home: f"route replace {home} nhid 2 proto 173 metric 173",
            "move": lambda home: f"route replace {home} nhid 3 proto 173 metric 173",
            "remove": lambda home: f"route del {home} proto 173 metric 173",
        }
        self._files = {phase: folder / phase for phase in PHASES}
        for phase, line in lines.items():
            self._files[phase].write_text("".join(f"{line(home)}\n" for home in homes))

    def run(self, phase: str) -> None:
        subprocess.run(["ip", "-6", "-batch", str(self._files[phase])], check=True)

    def close(self) -> None:
        """It leaves nothing."""


Contestant = DriverContestant | IpBatchContestant


def rotated(contestants: list[Contestant], rounds: int) -> Iterator[list[Contestant]]:
    for number in range(rounds):
        shift = number % len(contestants)
        yield contestants[shift:] + contestants[:shift]


def measure(contestants: list[Contestant], count: int, rounds: int) -> dict[str, Timings]:
    """Operations per second, by contestant and phase, one value a round; a first one is dropped."""
    rates: dict[str, Timings] = {c.name: {phase: [] for phase in PHASES} for c in contestants}
    for order in rotated(contestants, rounds + 1):
        for contestant in order:
            for phase in PHASES:
                begin = time.perf_counter()
                contestant.run(phase)
                rates[contestant.name][phase].append(count / (time.perf_counter() - begin))
    return {
        name: {phase: values[1:] for phase, values in timings.items()}
        for name, timings in rates.items()
    }


def report(rates: dict[str, Timings]) -> None:
    baseline = rates[IpBatchContestant.name]
    for phase in PHASES:
        base = statistics.median(baseline[phase])
        print(f"\n{phase:<14}{'per second':>12}{'range':>22}{'ratio to ip -6 -batch':>24}")
        for name, timings in rates.items():
            values = timings[phase]
            middle = statistics.median(values)
            span = f"{min(values):,.0f}..{max(values):,.0f}"
            print(f"{name:<14}{middle:>12,.0f}{span:>22}{middle / base:>24.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000, help="policies")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    enter_fresh_namespace()
    homes = prefixes(options.count)
    with tempfile.TemporaryDirectory() as folder:
        contestants: list[Contestant] = [IpBatchContestant(homes, Path(folder))]
        contestants.extend(DriverContestant(means, homes) for means in MEANS)
        rates = measure(contestants, options.count, options.rounds)
        for contestant in contestants:
            contestant.close()
    print(f"{options.count} policies, {options.rounds} interleaved rounds, order rotated; medians")
    report(rates)


if __name__ == "__main__":
    main()
