"""The keys and certificates of a laboratory: the file's own, or made for this run."""

import time
from pathlib import Path

from opendmm.authority import material
from opendmm.constellation.bgp import session_associations
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.roles import mobility_associations, registered_roles
from opendmm.lab.namespaces import Namespaces
from opendmm.model.identity import MobileNodeId


def provide_material(deployment: Deployment, namespaces: Namespaces) -> Path:
    """The folder; where the file leaves it to us, what is in it is made at the first call."""
    if deployment.material != "generated":
        return Path(deployment.material)
    folder = namespaces.folder / "material"
    if not folder.exists():
        identities = [MobileNodeId(m) for m, s in deployment.subscribers.items() if s.client]
        made = material.generate(
            deployment.name,
            registered_roles(deployment),
            identities,
            now=time.time(),
            associations=mobility_associations(deployment),
            sessions=session_associations(deployment),
        )
        material.write(made, folder)
    return folder
