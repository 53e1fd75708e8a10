"""Announcing many routes by iBGP: what OpenDMM does, beside the daemons' own tools.

Run as root:

    .venv/bin/python benchmarks/ibgp_own_tools.py [--count 10000] [--rounds 3] [--json] [--quick]

Method: the network of `ibgp_routes.py`, reflector and routers BIRD as recommended. The same host
routes are announced at anchor-a in each of these ways, and withdrawn again; the rounds are
interleaved. Seconds from the start of the call until the last route is in edge's kernel, two hops
away; the median of the rounds as routes per second, and the ratio of OpenDMM's to it.

- OpenDMM: one call of its kernel driver; BIRD learns the routes from the kernel.
- BIRD: `birdc configure` with a file of static routes, which is there already.
- FRR in place of anchor-a's BIRD: `vtysh -f` with a file of lines `network`, or of static routes
  that are redistributed.
- GoBGP in its place: `gobgp global rib add` once for each route. (`gobgp mrt inject` of GoBGP 3.10
  loses some of 10 000, so there is nothing to compare with.)

What would take minutes is measured with fewer routes; the column tells with how many.
"""

import argparse
import contextlib
from collections.abc import Sequence

from ibgp.own_tools import STATICD, Tool, tools
from ibgp.scene import Layout, Scene, hosts, run
from shared.table import Row, middle, tell

LAYOUT = Layout("bird", "bird")


def once(scene: Scene, tool: Tool, many: Sequence[bytes]) -> float:
    """Seconds until the last has arrived."""
    announce = tool.ready(scene, many)
    seconds = scene.until(announce, many, scene.way("edge")[0]).seconds
    scene.until(lambda: tool.undo(scene), many, 0)
    return seconds


def measure(count: int, rounds: int) -> list[Row]:
    """A line for each tool."""
    contestants = tools()
    numbers = {tool.name: min(count, tool.most) for tool in contestants}
    seconds: dict[str, list[float]] = {tool.name: [] for tool in contestants}
    with contextlib.closing(Scene(LAYOUT)) as scene:
        for _ in range(rounds):
            for tool in contestants:
                seconds[tool.name].append(once(scene, tool, hosts(0, numbers[tool.name])))
    rates = {name: numbers[name] / middle(values) for name, values in seconds.items()}
    ours = rates[contestants[0].name]
    return [
        {
            "by": name,
            "routes": numbers[name],
            "s": middle(values),
            "from": min(values),
            "to": max(values),
            "per s": rates[name],
            "OpenDMM is quicker by": ours / rates[name],
        }
        for name, values in seconds.items()
    ]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--count", type=int, default=10_000, help="routes")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json", action="store_true")
    options.add_argument("--quick", action="store_true", help="less, in less than a minute")
    given = options.parse_args()
    count, rounds = (500, 1) if given.quick else (given.count, given.rounds)
    title = f"iBGP: {count} routes announced, two hops away, {rounds} rounds"
    run(
        lambda: tell(title, measure(count, rounds), as_json=given.json),
        [LAYOUT, Layout("frr", "gobgp")],
        STATICD,
    )


if __name__ == "__main__":
    main()
