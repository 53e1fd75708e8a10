"""Laboratories that stay up without a program, for a person to work in.

`up`, then look and try (`dmm show`, `dmm lab exec`, `move`), then `dmm lab down`.
"""

import time
from enum import StrEnum
from pathlib import Path

import msgspec

from opendmm.constellation.deployment import Deployment, SubscriberPlan
from opendmm.constellation.reading import load_deployment
from opendmm.lab.access import MobileNodeLinks
from opendmm.lab.errors import LabError
from opendmm.lab.laboratory import Laboratory, Progress
from opendmm.lab.namespaces import Namespaces, laboratories
from opendmm.lab.route_watch import moved_routes
from opendmm.model.identity import NodeId

OVERLAP = 0.2
"""Seconds that both links are up while a mobile node is moved."""


class Condition(StrEnum):
    """What there is to say of a laboratory as a whole."""

    RUNNING = "running"  # a program has it
    KEPT = "kept"  # up on purpose
    LEFT_BEHIND = "left behind"  # its program died


class Standing(msgspec.Struct, frozen=True):
    """A laboratory on this machine; `nodes` are those with a namespace."""

    name: str
    condition: Condition
    nodes: tuple[str, ...]


class RouterRoutes(msgspec.Struct, frozen=True):
    """How many routes to what has moved a router that is not ours has in its kernel."""

    node: str
    by: str
    followed: int


def up(deployment: Deployment, file: Path, progress: Progress) -> str:
    """Bring a constellation up, its mobile nodes at home, and leave it so; its name here.

    Raises LabError.
    """
    laboratory = Laboratory(deployment, file, progress)
    try:
        laboratory.up()
        for links in laboratory.links.values():
            links.attach(links.subscriber.home, route=not links.subscriber.client)
            progress(f"{links.subscriber.name} attaches to {links.subscriber.home}")
    except BaseException:
        laboratory.down()
        raise
    laboratory.keep()
    return laboratory.namespaces.lab


def move(laboratory: str, mobile_node: str, anchor: str) -> None:
    """Make before break. Raises LabError."""
    namespaces = _existing(laboratory)
    subscriber = _subscriber(load_deployment(namespaces.constellation), mobile_node)
    target = NodeId(anchor)
    if target not in subscriber.access:
        raise LabError(f"{mobile_node} can attach to {', '.join(subscriber.access)} only")
    links = MobileNodeLinks(subscriber, namespaces)
    try:
        if target not in links.up:
            links.attach(target, route=not links.up and not subscriber.client)
        time.sleep(OVERLAP / 2)
        if not subscriber.client:
            links.route_over(target)
        time.sleep(OVERLAP / 2)
        links.detach_others(target)
    finally:
        links.close()


def namespace_of(laboratory: str, node: str) -> str:
    """The network namespace of a node. Raises LabError when there is none."""
    namespaces = _existing(laboratory)
    if node not in namespaces.nodes():
        raise LabError(f"{laboratory} has no node {node}; it has {', '.join(namespaces.nodes())}")
    return namespaces.name(node)


def standings() -> list[Standing]:
    """Every laboratory on this machine."""
    return [Standing(name, _condition(name), Namespaces(name).nodes()) for name in laboratories()]


def router_routes() -> list[RouterRoutes]:
    """What mobility costs the routers of all laboratories on this machine. Raises LabError."""
    found: list[RouterRoutes] = []
    for name in laboratories():
        namespaces = Namespaces(name)
        deployment = load_deployment(namespaces.constellation)
        found += [
            RouterRoutes(node, str(deployment.nodes[node].router), len(prefixes))
            for node, prefixes in moved_routes(deployment, namespaces).items()
        ]
    return found


def _condition(name: str) -> Condition:
    namespaces = Namespaces(name)
    if namespaces.kept:
        return Condition.KEPT
    return Condition.RUNNING if namespaces.in_use() else Condition.LEFT_BEHIND


def _existing(name: str) -> Namespaces:
    if name not in laboratories():
        raise LabError(f"no laboratory {name} is up; there are: {', '.join(laboratories()) or '–'}")
    return Namespaces(name)


def _subscriber(deployment: Deployment, name: str) -> SubscriberPlan:
    for subscriber in deployment.subscribers.values():
        if name in (subscriber.name, subscriber.mobile_node):
            return subscriber
    raise LabError(f"{deployment.name} has no mobile node {name}")
