"""Ten or a hundred thousand routes at once over iBGP: their rate, their memory, and a storm.

Run as root:

    .venv/bin/python benchmarks/ibgp_storm.py [--counts 10000 100000] [--only bird/frr] [--json]
                                              [--quick]

Method: the network of `ibgp_routes.py` (reflector/routers), two hops from an anchor's kernel to
edge's, a fresh one for each line. One run each.

- announced: anchor-a announces all host routes in one call of the product's kernel driver. Seconds
  from before the call until the last route is in edge's kernel, routes per second, and the
  seconds spent in our driver.
- memory: by how much the private resident set of each daemon has grown two seconds after that,
  for each route, in octets.
- storm: all of them move at once. anchor-b announces them as move 2 in one call (with rings one
  for each ring, after the time the routers of the last one have to follow), and when all are
  correct, anchor-a withdraws move 1. Seconds until the last route of edge is correct, of
  these in our driver; then up to a second after the last event: routes deleted at edge; order,
  how often a route led to anchor-a again once it had led to anchor-b; wrong, routes of edge's
  kernel that do not lead to anchor-b in the end.

`as they come`: without the settings we recommend, with the first count and BIRD only: what takes
its time then is the anchor's BIRD, whatever the others are.
"""

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec
from ibgp.scene import COMBINATIONS, Anchor, Layout, Scene, Story, hosts, run
from ibgp.watch import Event
from shared.table import Row, tell

from opendmm.forwarding.netlink.route import AF_INET6, TABLE_MAIN, dump_routes, parse_route
from opendmm.forwarding.netlink.socket import NetlinkSocket
from opendmm.lab.namespaces import inside
from opendmm.model.rules import EVERYWHERE

SETTLED = 2.0
"""Seconds until memory is looked at."""
QUIET = 1.0
"""Seconds without an event after which a storm is over."""
QUICK = [("bird", "bird"), ("bird", "frr"), ("gobgp", "bird")]
QUICK_COUNT = 2_000


class Timed(msgspec.Struct):
    """Something to do, and the seconds it took."""

    doing: Callable[[], None]
    seconds: float = 0.0

    def __call__(self) -> None:
        start = time.monotonic()
        self.doing()
        self.seconds += time.monotonic() - start


class Found(msgspec.Struct, frozen=True):
    """The figures of one network."""

    rates: Row
    memory: Row
    storm: Row


def measure(layout: Layout, count: int) -> Found:
    """All figures of one network."""
    head = {
        "reflector/routers": layout.name,
        "settings": "recommended" if layout.recommended else "as they come",
        "rings": "yes" if layout.rings else "no",
        "routes": count,
    }
    many = hosts(0, count)
    with contextlib.closing(Scene(layout)) as scene:
        before = dict(_memory(scene))
        ours = Timed(lambda: scene.a.announce(many, 1))
        announced = scene.until(ours, many, scene.way("edge")[0]).seconds
        time.sleep(SETTLED)
        grown = {what: (size - before[what]) / count for what, size in _memory(scene)}
        rates = {"s": announced, "per s": count / announced, "of it ours s": ours.seconds}
        return Found(head | rates, head | grown, head | storm(scene, many))


def storm(scene: Scene, many: Sequence[bytes]) -> Row:
    """All of anchor-a's move to anchor-b."""
    steps = [
        Timed(partial(scene.b.announce, many, 2, ring))
        for ring in (*range(1, 1 + len(scene.b.waits)), EVERYWHERE)
    ]
    before, after = scene.way("edge")
    moved = scene.until(lambda: _in_turn(steps, scene.b), many, after)
    scene.a.withdraw(many)
    story = Story(moved.seconds, moved.events + list(_until_quiet(scene)))
    return {
        "storm s": story.seconds,
        "of it ours s": sum(step.seconds for step in steps),
        "deleted": story.deleted,
        "order": story.back_again(before, after),
        "wrong": len(set(many) - _leading(scene, after)),
    }


def _in_turn(steps: Sequence[Timed], anchor: Anchor) -> None:
    for step, wait in zip(steps, (*anchor.waits, 0.0), strict=True):
        step()
        time.sleep(wait)


def _until_quiet(scene: Scene) -> Iterator[Event]:
    while True:
        time.sleep(QUIET)
        events = scene.watches["edge"].take()
        if not events:
            return
        yield from events


def _leading(scene: Scene, output: int) -> set[bytes]:
    """The destinations of edge's routes to an interface."""
    with inside(scene.namespaces.name("edge")):
        kernel = NetlinkSocket()
    bodies = kernel.dump(dump_routes(AF_INET6, table=TABLE_MAIN))
    routes = [parse_route(body) for body in bodies]
    kernel.close()
    return {route.destination for route in routes if route.form.output == output}


def _memory(scene: Scene) -> Iterator[tuple[str, int]]:
    for node in ("anchor-a", "reflector", "edge"):
        for program, size in scene.resident(node).items():
            yield f"{node} {program}", size


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--counts", type=int, nargs="+", default=[10_000], help="routes")
    options.add_argument("--only", help="one combination, like bird/frr")
    options.add_argument("--json", action="store_true")
    options.add_argument("--quick", action="store_true", help="less, in less than a minute")
    given = options.parse_args()
    first, *others = [QUICK_COUNT] if given.quick else given.counts
    settings = [(True, False)] if given.quick else [(True, False), (False, False), (True, True)]
    cases = [
        (Layout(reflector, router, recommended, rings), count)
        for count in (first, *others)
        for reflector, router in (QUICK if given.quick else COMBINATIONS)
        for recommended, rings in settings
        if given.only in (None, f"{reflector}/{router}")
        and (recommended or (count, reflector, router) == (first, *COMBINATIONS[0]))
    ]
    run(lambda: _tell_all(cases, as_json=given.json), [layout for layout, _ in cases])


def _tell_all(cases: Sequence[tuple[Layout, int]], *, as_json: bool) -> None:
    found = [measure(layout, count) for layout, count in cases]
    plain = [one for one, (layout, _) in zip(found, cases, strict=True) if not layout.rings]
    tell("announced at once", [one.rates for one in plain], as_json=as_json)
    tell("memory, octets a route", [one.memory for one in plain], as_json=as_json)
    tell("storm", [one.storm for one in found], as_json=as_json)


if __name__ == "__main__":
    main()
