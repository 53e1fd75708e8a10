"""Source filters of routers that are not ours: `dmm export nftables`, loaded into their kernels."""

import json
import shutil

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.source_filters import filtering_routers
from opendmm.lab.errors import LabError
from opendmm.lab.namespaces import Namespaces, execute
from opendmm.model.identity import NodeId
from opendmm.routers.source_filter import FILE, TABLE, source_filter


def load_source_filters(deployment: Deployment, namespaces: Namespaces) -> None:
    """Into every router that filters. Raises LabError."""
    for router in filtering_routers(deployment):
        if shutil.which("nft") is None:
            raise LabError("nft is missing: install the package nftables")
        ruleset = namespaces.folder / "routers" / router / FILE
        ruleset.parent.mkdir(parents=True, exist_ok=True)
        ruleset.write_text(source_filter(deployment, router))
        execute(namespaces.name(router), "nft", "-f", str(ruleset))


def refused_sources(namespaces: Namespaces, router: NodeId) -> dict[NodeId, int]:
    """Packets that a router has dropped because of their source, by the anchor they came from."""
    listed = execute(
        namespaces.name(router), "nft", "-j", "list", "counters", "table", "inet", TABLE
    )
    counters = (item["counter"] for item in json.loads(listed)["nftables"] if "counter" in item)
    return {NodeId(c["name"].removeprefix("refused-")): c["packets"] for c in counters}
