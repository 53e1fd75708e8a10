"""Every speaker's configuration file, by the software that reads it."""

from collections.abc import Callable

import msgspec

from opendmm.constellation.bgp import speakers
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import RouterSoftware
from opendmm.model.identity import NodeId
from opendmm.routers.bird import bird_conf
from opendmm.routers.frr import frr_conf
from opendmm.routers.gobgp import gobgp_yaml
from opendmm.routers.passwords import Passwords
from opendmm.routers.speaker import Speaker, speaker


class Format(msgspec.Struct, frozen=True):
    """A configuration file: its usual name, and what makes it."""

    file: str
    make: Callable[[Speaker], str]


FORMATS = {
    RouterSoftware.FRR: Format("frr.conf", frr_conf),
    RouterSoftware.BIRD: Format("bird.conf", bird_conf),
    RouterSoftware.GOBGP: Format("gobgpd.yaml", gobgp_yaml),
}


def configuration(
    deployment: Deployment, node: NodeId, passwords: Passwords | None
) -> tuple[str, str]:
    """The name of a speaker's configuration file, and its text, with these passwords, or for
    sessions that are not signed. Raises KeyError for nodes that are no speakers."""
    form = FORMATS[speakers(deployment)[node]]
    return form.file, form.make(speaker(deployment, node, passwords))
