"""How long iBGP takes from an anchor's kernel to a router's kernel two hops away.

Run as root:

    .venv/bin/python benchmarks/ibgp_routes.py [--singles 50] [--only bird/frr] [--json] [--quick]

Method: two anchors with BIRD, a router before each, an ingress (edge) behind both, a reflector
beside the ingress; real daemons in network namespaces of one machine, on the files of
`dmm export`, as we recommend and as the daemons come (`recommended: false`) side by side.

    anchor-a - left \\
                     edge - reflector
    anchor-b - right/

The anchors announce with the product's kernel driver, as its daemon does. A process of its own
listens to each router's kernel by netlink; all clocks are the monotonic one of the machine, and
time begins before the driver is called. One host route after the other:

- announced: by anchor-a, as move 1, until edge's kernel points there. Milliseconds: median and
  99th percentile.
- moved: announced by anchor-b as move 2, until edge's kernel points there; then withdrawn by
  anchor-a. Median and 99th percentile, and the ratio of the median as the daemons come to that
  as recommended.
- deleted: route deletions that the kernels of all three routers reported from the first move
  to a second after the last one, of as many moves. Order: how often a router's route led to
  anchor-a again once it had led to anchor-b.

With `rings` anchors tell the routers themselves, the nearest first, and here all rings at once;
without, the reflector does.
"""

import argparse
import contextlib
import time
from collections.abc import Sequence
from functools import partial

from ibgp.scene import COMBINATIONS, WAY, Layout, Scene, Story, hosts, run
from shared.table import Row, middle, percentile, tell

PAUSE = 0.02
"""Seconds between one change and the next."""
QUICK = [("bird", "bird"), ("bird", "frr"), ("gobgp", "bird")]


def measure(layout: Layout, singles: int) -> Row:
    """The figures of one network."""
    with contextlib.closing(Scene(layout, watched=list(WAY))) as scene:
        announced, moved = [], []
        edge_before, edge_after = scene.way("edge")
        many = hosts(0, singles)
        for host in many:
            doing = partial(scene.a.announce, [host], 1)
            announced.append(scene.until(doing, [host], edge_before).seconds)
            time.sleep(PAUSE)
        time.sleep(1.0)
        for node in ("left", "right"):
            scene.watches[node].take()
        events = []
        for host in many:
            story = scene.until(partial(scene.b.announce, [host], 2), [host], edge_after)
            moved.append(story.seconds)
            events.extend(story.events)
            scene.a.withdraw([host])
            time.sleep(PAUSE)
            events.extend(scene.watches["edge"].take())
        time.sleep(1.0)
        stories = {
            "edge": Story(0.0, events + scene.watches["edge"].take()),
            **{node: Story(0.0, scene.watches[node].take()) for node in ("left", "right")},
        }
        return {
            "reflector/routers": layout.name,
            "settings": "recommended" if layout.recommended else "as they come",
            "rings": "yes" if layout.rings else "no",
            "announced ms": 1e3 * middle(announced),
            "p99": 1e3 * percentile(announced, 99),
            "moved ms": 1e3 * middle(moved),
            "p99 ": 1e3 * percentile(moved, 99),
            "deleted": f"{sum(story.deleted for story in stories.values())}/{singles}",
            "order": sum(story.back_again(*scene.way(node)) for node, story in stories.items()),
        }


def with_ratios(rows: Sequence[Row]) -> list[Row]:
    """Each with the ratio of its median to that of the same network as recommended."""
    base = {
        (row["reflector/routers"], row["rings"]): row["moved ms"]
        for row in rows
        if row["settings"] == "recommended"
    }
    return [
        {**row, "ratio": row["moved ms"] / base[row["reflector/routers"], row["rings"]]}
        for row in rows
    ]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--singles", type=int, default=50, help="routes, one after the other")
    options.add_argument("--only", help="one combination, like bird/frr")
    options.add_argument("--json", action="store_true")
    options.add_argument("--quick", action="store_true", help="less, in less than a minute")
    given = options.parse_args()
    layouts = [
        Layout(reflector, router, recommended, rings)
        for reflector, router in (QUICK if given.quick else COMBINATIONS)
        for recommended, rings in ((True, False), (False, False), (True, True))
        if not (rings and given.quick)
        if given.only in (None, f"{reflector}/{router}")
    ]
    singles = min(given.singles, 10) if given.quick else given.singles
    title = f"iBGP: anchor's kernel to ingress' kernel, {singles} routes one after the other"
    run(
        lambda: tell(
            title, with_ratios([measure(one, singles) for one in layouts]), as_json=given.json
        ),
        layouts,
    )


if __name__ == "__main__":
    main()
