"""The small network of `mixed_routers` with its real routing daemons, and no daemon of ours.

What an anchor of ours would announce is set by hand in its kernel.
"""

import contextlib
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mixed_routers import resolved
from opendmm.forwarding.kernel.conventions import ANNOUNCED_TABLE, PROTOCOL
from opendmm.forwarding.kernel.forms import announcement_form
from opendmm.lab.namespaces import claim, configure, execute
from opendmm.lab.network import LabNetwork
from opendmm.lab.routers import Routers
from opendmm.model.identity import NodeId
from opendmm.model.rules import Announce
from opendmm.routers.speaker import CONNECT_RETRY

PATIENCE = 15.0
"""Seconds: GoBGP takes five by itself to accept a neighbour again."""


class RouterNetwork:
    """Network and routers, up."""

    def __init__(self, file: dict[str, Any]) -> None:
        self.deployment = resolved(file)
        self.namespaces = claim(self.deployment.name)
        self.network = LabNetwork(self.deployment, self.namespaces)
        self.routers = Routers(self.deployment, self.namespaces)

    def up(self) -> None:
        self.network.build(Path("/nowhere.yaml"))
        self.routers.start()

    def close(self) -> None:
        self.routers.stop()
        self.network.close()
        self.namespaces.remove()

    def announce(self, anchor: str, prefix: str, number: int) -> None:
        """As the one that has `prefix` since the move of that number."""
        self._change(anchor, "add", prefix, number)

    def withdraw(self, anchor: str, prefix: str, number: int) -> None:
        self._change(anchor, "del", prefix, number)

    def renumber(self, anchor: str, prefix: str, before: int, after: int) -> None:
        """The later number first: there is no moment without."""
        self.announce(anchor, prefix, after)
        self.withdraw(anchor, prefix, before)

    def _change(self, anchor: str, verb: str, prefix: str, number: int) -> None:
        metric = announcement_form(Announce(number)).metric
        how = f"metric {metric} proto {PROTOCOL} table {ANNOUNCED_TABLE}"
        configure(self.namespaces.name(anchor), [f"route {verb} unreachable {prefix} {how}"])

    def restart(self, node: NodeId) -> None:
        """Its daemons die and begin anew, with their configuration made anew."""
        self.routers.kill(node)
        self.routers.start_one(node)

    @contextlib.contextmanager
    def one_more_hop(self, router: str, source: str) -> Iterator[None]:
        """What a router forwards from a neighbour has a hop less to live during the block."""
        namespace = self.namespaces.name(router)
        rules = [
            "add table inet far",
            "add chain inet far forward { type filter hook forward priority mangle; }",
            f'add rule inet far forward iifname "{source}" ip6 hoplimit 254 ip6 hoplimit set 253',
            f'add rule inet far forward iifname "{source}" ip ttl 254 ip ttl set 253',
        ]
        for rule in rules:
            execute(namespace, "nft", rule)
        yield
        execute(namespace, "nft", "delete table inet far")

    def next_hop(self, node: str, prefix: str) -> str:
        """The device of the kernel's best route for exactly this prefix; empty: none."""
        family = "-6" if ":" in prefix else "-4"
        command = ("ip", family, "route", "show", "exact", prefix)
        words = execute(self.namespaces.name(node), *command).split()
        return words[words.index("dev") + 1] if "dev" in words else ""

    def leads(self, node: str, prefix: str, neighbour: str) -> bool:
        """Whether it does so within some seconds."""
        return eventually(lambda: self.next_hop(node, prefix) == neighbour)

    def rogue(self, node: str, *announced: str) -> None:
        """Someone has taken a speaker with BIRD over: it announces what it likes, with the
        attributes given behind each prefix, besides what it should."""
        path = self.namespaces.folder / "routers" / node / "bird.conf"
        statics = "\n".join(_static(one) for one in announced)
        text = re.sub(r"export where is_announced\(\d+\);", "export all;", path.read_text())
        text = text.replace("export none;\n    gateway", "export all;\n    gateway")
        path.write_text(text + statics)
        self.routers.ask(NodeId(node), "configure")

    @contextlib.contextmanager
    def events(self, node: str, prefix: str) -> Iterator[list[str]]:
        """What happens to a route in a node's kernel during the block: "new", "deleted"."""
        seen: list[str] = []
        monitor = subprocess.Popen(
            ["ip", "-netns", self.namespaces.name(node), "-6", "-o", "monitor", "route"],
            stdout=subprocess.PIPE,
            text=True,
        )
        time.sleep(0.2)
        try:
            yield seen
            time.sleep(0.2)
        finally:
            monitor.terminate()
            output, _ = monitor.communicate()
        address = prefix.removesuffix("/128")
        for line in output.splitlines():
            words = line.split()
            if address in words[:2]:
                seen.append("deleted" if words[0] == "Deleted" else "new")


def steadily(holds: Callable[[], bool]) -> bool:
    """For a while: three more attempts at a session."""
    deadline = time.monotonic() + 3 * CONNECT_RETRY
    while time.monotonic() < deadline:
        if not holds():
            return False
        time.sleep(0.1)
    return True


def _static(announced: str) -> str:
    prefix, _, attributes = announced.partition(" ")
    family = "ipv6" if ":" in prefix else "ipv4"
    details = f" {{ {attributes} }}" if attributes else ""
    return (
        f"protocol static {{ {family} {{ preference 250; }}; "
        f"route {prefix} unreachable{details}; }}\n"
    )


def eventually(holds: Callable[[], bool], patience: float = PATIENCE) -> bool:
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextlib.contextmanager
def router_network(file: dict[str, Any]) -> Iterator[RouterNetwork]:
    """Up, and gone afterwards."""
    made = RouterNetwork(file)
    try:
        made.up()
        yield made
    finally:
        made.close()
