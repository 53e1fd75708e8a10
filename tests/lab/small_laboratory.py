"""A small laboratory without daemons: static routes lead to the mobile node at anchor-a.

cn - router - anchor-a, anchor-b; the mobile node mn1 can attach to both.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import ConstellationFile
from opendmm.constellation.resolve import deployment
from opendmm.lab.access import MobileNodeLinks
from opendmm.lab.namespaces import Namespaces, claim, configure
from opendmm.lab.network import LabNetwork
from opendmm.model.identity import NodeId

ANCHOR = ["FE_R", "FE_MA_C", "FE_MA_U", "FE_MU_C", "FE_MCTX", "FE_E"]
A, B = NodeId("anchor-a"), NodeId("anchor-b")
ADDRESSES = ("2001:db8:a::100", "10.10.0.100")


def small(**scenario: Any) -> dict[str, Any]:
    """The constellation as a file has it."""
    return {
        "constellation": f"t{os.getpid()}",
        "nodes": {
            "cn": {},
            "router": {"entities": ["FE_R"]},
            "anchor-a": {"entities": ANCHOR, "pools": ["2001:db8:a::/48", "10.10.0.0/16"]},
            "anchor-b": {"entities": ANCHOR, "pools": ["2001:db8:b::/48", "10.20.0.0/16"]},
        },
        "links": [
            {"between": ["cn", "router"]},
            {"between": ["router", "anchor-a"]},
            {"between": ["router", "anchor-b"]},
        ],
        "mobile_nodes": {
            "mn1": {"home": "anchor-a", "prefixes": [f"{ADDRESSES[0]}/128", f"{ADDRESSES[1]}/32"]}
        },
        **({"scenario": scenario} if scenario else {}),
    }


def resolved(file: dict[str, Any]) -> Deployment:
    return deployment(msgspec.convert(file, ConstellationFile))


class SmallLaboratory:
    """Network and links of the mobile node."""

    def __init__(self, file: dict[str, Any]) -> None:
        self.deployment = resolved(file)
        self.namespaces: Namespaces = claim(self.deployment.name)
        self.network = LabNetwork(self.deployment, self.namespaces)
        self.network.build(Path("/nowhere.yaml"))
        (subscriber,) = self.deployment.subscribers.values()
        self.links = MobileNodeLinks(subscriber, self.namespaces)

    def configure(self, node: str, *lines: str) -> None:
        configure(self.namespaces.name(node), lines)

    def deliver(self, anchor: str) -> None:
        """At an anchor: host routes to the mobile node on its link."""
        self.configure(
            anchor,
            f"route replace {ADDRESSES[0]} via fe80::2 dev mn1",
            f"route replace {ADDRESSES[1]} via inet6 fe80::2 dev mn1",
        )

    def redirect(self, anchor: str) -> None:
        """At the router: host routes to an anchor."""
        link = self.network.topology.link(NodeId("router"), NodeId(anchor))
        far = next(end for end in link.ends if end.node == anchor)
        self.configure(
            "router",
            f"route replace {ADDRESSES[0]} via {far.ipv6.split('/')[0]}",
            f"route replace {ADDRESSES[1]} via {far.ipv4.split('/')[0]}",
        )

    def close(self) -> None:
        self.links.close()
        self.network.close()
        self.namespaces.remove()


@contextlib.contextmanager
def small_laboratory(file: dict[str, Any] | None = None) -> Iterator[SmallLaboratory]:
    """Up, and gone afterwards."""
    laboratory = SmallLaboratory(file or small())
    try:
        yield laboratory
    finally:
        laboratory.close()
