"""Breaking and mending: links, as a broken fibre would, without touching addresses or routes; and
all that runs on a node, daemons of ours and routing daemons alike."""

import signal

from opendmm.lab.daemons import Daemons
from opendmm.lab.dropping import drop_arriving, stop_dropping
from opendmm.lab.namespaces import Namespaces
from opendmm.lab.routers import Routers
from opendmm.model.identity import NodeId

REASON = "cut"


def cut(namespaces: Namespaces, ends: tuple[str, str]) -> None:
    """From now on nothing that arrives over the link is seen, at either end."""
    for node, neighbour in (ends, ends[::-1]):
        drop_arriving(namespaces.name(node), neighbour, REASON)


def mend(namespaces: Namespaces, ends: tuple[str, str]) -> None:
    """Packets arrive again."""
    for node, neighbour in (ends, ends[::-1]):
        stop_dropping(namespaces.name(node), neighbour, REASON)


class Machines:
    """What runs on the nodes, by their names; a mobile node's daemon by the mobile node's."""

    def __init__(self, daemons: Daemons, routers: Routers) -> None:
        self._daemons = daemons
        self._routers = routers

    def kill(self, name: str) -> None:
        """Nothing runs there any more. The kernel keeps what it has and goes on forwarding."""
        if self._has_daemon(name):
            self._daemons.kill(name)
        if self._has_routing(name):
            self._routers.kill(NodeId(name))

    def start(self, name: str) -> None:
        """All runs again."""
        if self._has_routing(name):
            self._routers.start_one(NodeId(name))
        if self._has_daemon(name):
            self._daemons.start_one(name)

    def pause(self, name: str) -> None:
        """It hangs, and neither ends nor answers."""
        if self._has_daemon(name):
            self._daemons.pause(name)
        if self._has_routing(name):
            self._routers.signal(NodeId(name), signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """It goes on."""
        if self._has_routing(name):
            self._routers.signal(NodeId(name), signal.SIGCONT)
        if self._has_daemon(name):
            self._daemons.resume(name)

    def reset(self, name: str) -> None:
        """All its BGP sessions end, and come up again."""
        self._routers.reset(NodeId(name))

    def _has_daemon(self, name: str) -> bool:
        return name in self._daemons.names()

    def _has_routing(self, name: str) -> bool:
        return NodeId(name) in self._routers.names()
