"""Packets per second of an ingress that redirects a thousand and a million prefixes, by means.

As root of the machine (eBPF makes the packets):

    .venv/bin/python benchmarks/forwarding_rate.py [--prefixes 1000 1000000] [--rounds 3] [--json]

Method: one network namespace with the ingress between two pairs of virtual links. The kernel
itself makes frames of 128 octets and gives them to one of them as received; what leaves by the
other is counted and dropped at its far end. So one core does all the work, and the ingress's is
what differs. `plain` is one route for the whole pool and no driver; every means has its own driver
with a redirection of each prefix. Destinations are one for all, then drawn evenly from all. Each
contestant has a child process and a namespace of its own; rounds are interleaved and their order
rotates; figures are medians. Memory is what the kernel has in use more once the prefixes are in,
redirections per second how fast the driver brought them there.
"""

import argparse
import ctypes
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

from packets.generator import Generator, frame_of
from shared.table import Row, middle, table

from opendmm.forwarding.kernel import KernelForwarding, NodeForwardingConfig
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.identity import NodeId
from opendmm.model.rules import Change, Redirect, RuleKey, Table

CLONE_NEWNET = 0x40000000
PLAIN = "plain"
CONTESTANTS = (PLAIN, "host-route", "srv6", "vxlan", "ebpf", "lisp")
POOL = HomePrefix.parse("2001:db8:a::/48")
EGRESS = Egress(NodeId("egress"), Locator.parse("fd00:d:2::1"))
ROUTER = "020000000002"
PACKETS = 400_000
CHUNK = 10_000
LAYOUT = (
    "link set lo up",
    "link add name in address 02:00:00:00:00:02 type veth peer name in-far",
    "link add name out type veth peer name out-far",
    *(f"link set dev {name} mtu 2000 up" for name in ("in", "in-far", "out", "out-far")),
    "-6 addr add fd00:c:1::1/64 dev out nodad",
    "-6 neigh add fd00:c:1::2 lladdr 02:00:00:00:00:03 dev out nud permanent",
    "-6 route add fd00:d:2::/64 via fd00:c:1::2 dev out",
)


def enter_namespace() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0 or libc.unshare(CLONE_NEWNET):
        print("needs root", file=sys.stderr)
        sys.exit(4)
    Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")
    Path("/proc/sys/net/ipv6/route/max_size").write_text("4000000")
    for command in LAYOUT:
        subprocess.run(["ip", *command.split()], check=True)


def used() -> int:
    """Octets of memory that the kernel itself has in use."""
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    kinds = ("Slab", "VmallocUsed", "Percpu", "KernelStack", "PageTables")
    return sum(int(fields[kind].split()[0]) * 1024 for kind in kinds)


def prefixes(count: int) -> list[HomePrefix]:
    base = int.from_bytes(POOL.network, "big")
    return [HomePrefix((base + n).to_bytes(16, "big"), 128) for n in range(1, count + 1)]


def redirect(means: str, count: int) -> KernelForwarding:
    driver = KernelForwarding(
        NodeForwardingConfig(
            node=NodeId("ingress"),
            locator=Locator.parse("fd00:d:1::1"),
            means=means,
            egresses=(EGRESS,),
            redirected=(POOL,),
        )
    )
    driver.start()
    keys = [RuleKey(Table.DOWNLINK, home) for home in prefixes(count)]
    for start in range(0, count, CHUNK):
        changes = [Change(key, Redirect(EGRESS)) for key in keys[start : start + CHUNK]]
        errors = [error for error in driver.apply(changes) if error]
        if errors:
            sys.exit(f"{means}: {errors[0]}")
    return driver


def contest(name: str, count: int, results: "multiprocessing.Queue[Row]") -> None:
    """One contestant, in a process of its own."""
    enter_namespace()
    before, begin = used(), time.perf_counter()
    if name == PLAIN:
        command = f"-6 route add {POOL} via fd00:c:1::2 dev out"
        subprocess.run(["ip", *command.split()], check=True)
    else:
        redirect(name, count)
    spent, after = time.perf_counter() - begin, used()
    generator = Generator(index_of("in"), index_of("out-far"))
    frame = frame_of(bytes.fromhex(ROUTER), "2001:db8:c::2", "2001:db8:a::1")
    generator.rate(frame, 1, PACKETS // 10)
    one, share_of_one = generator.rate(frame, 1, PACKETS)
    generator.rate(frame, count, PACKETS)
    drawn, share_of_drawn = generator.rate(frame, count, PACKETS)
    results.put(
        {
            "one": one,
            "drawn": drawn,
            "arrived": min(share_of_one, share_of_drawn),
            "octets": (after - before) / count,
            "put": count / spent,
        }
    )


def index_of(interface: str) -> int:
    """Of the thread's namespace: /sys shows that of who mounted it."""
    shown = subprocess.run(
        ["ip", "-j", "link", "show", "dev", interface], capture_output=True, check=True
    )
    (link,) = json.loads(shown.stdout)
    return int(link["ifindex"])


def measured(name: str, count: int) -> Row:
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[Row] = context.Queue()
    child = context.Process(target=contest, args=(name, count, results))
    child.start()
    child.join()
    if child.exitcode:
        sys.exit(child.exitcode)
    return results.get()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--prefixes", type=int, nargs="+", default=[1_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows: list[Row] = []
    for count in options.prefixes:
        found: dict[str, list[Row]] = {name: [] for name in CONTESTANTS}
        for number in range(options.rounds):
            shift = number % len(CONTESTANTS)
            for name in CONTESTANTS[shift:] + CONTESTANTS[:shift]:
                found[name].append(measured(name, count))
        base = middle([row["one"] for row in found[PLAIN]])
        for name, values in found.items():
            mid = {key: middle([row[key] for row in values]) for key in values[0]}
            rows.append(
                {
                    "prefixes": count,
                    "means": name,
                    "one destination, packets/s": mid["one"],
                    "of plain": mid["one"] / base,
                    "drawn from all, packets/s": mid["drawn"],
                    "drawn of plain": mid["drawn"] / base,
                    "arrived": mid["arrived"],
                    "redirections/s": mid["put"] if name != PLAIN else "–",
                    "octets each": mid["octets"] if name != PLAIN else "–",
                }
            )
    print(json.dumps(rows) if options.json else table(rows))


if __name__ == "__main__":
    main()
