"""The passwords of BGP sessions (TCP MD5 signature option): one for each pair of neighbours.

They come out of the deployment's security material. Where that is not at hand, configurations
are made with placeholders that differ at the two ends of a session, so that none comes up by them.
"""

from collections.abc import Mapping
from pathlib import Path

from opendmm.authority.material import MaterialError, load_session_keys
from opendmm.constellation.bgp import neighbours
from opendmm.constellation.deployment import Deployment
from opendmm.model.identity import NodeId

Passwords = Mapping[NodeId, str]
"""By neighbour."""


def placeholders(deployment: Deployment, node: NodeId) -> Passwords:
    """What stands where the passwords of one speaker belong."""
    return {far.node: f"KEY-OF-{far.node}-AT-{node}" for far in neighbours(deployment, node)}


def passwords(deployment: Deployment, node: NodeId, folder: Path) -> Passwords:
    """Those of one speaker, out of a folder of material. Raises MaterialError."""
    keys = load_session_keys(folder, node)
    wanted = [far.node for far in neighbours(deployment, node)]
    lacking = [far for far in wanted if far not in keys]
    if lacking:
        raise MaterialError(
            f"{folder} has no key for BGP between {node} and {', '.join(lacking)}: make material "
            "of this constellation with `dmm keys`"
        )
    return {far: keys[far].hex() for far in wanted}
