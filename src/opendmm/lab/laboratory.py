"""A constellation up on this machine: namespaces, links, captures, daemons, mobile nodes' links,
and routers that are not ours.

Up and down; what happens in between is the scenario's (`opendmm.lab.run`) or a person's.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from opendmm.constellation.deployment import Deployment
from opendmm.lab.access import MobileNodeLinks
from opendmm.lab.capture import PacketCapture
from opendmm.lab.daemons import Daemons
from opendmm.lab.guardian import appoint
from opendmm.lab.namespaces import claim
from opendmm.lab.network import LabNetwork
from opendmm.lab.processes import Process, end
from opendmm.lab.routers import Routers

Progress = Callable[[str], None]


class Laboratory:
    """One laboratory of this program. `down` or `keep` ends it; a guardian does when we die."""

    def __init__(self, deployment: Deployment, file: Path, progress: Progress) -> None:
        self.deployment = deployment
        self.progress = progress
        self.namespaces = claim(deployment.name)
        self.network = LabNetwork(deployment, self.namespaces)
        self._file = file.resolve()
        self.daemons = Daemons(deployment, self._file, self.namespaces)
        self.routers = Routers(deployment, self.namespaces)
        self.links: dict[str, MobileNodeLinks] = {}
        self._captures: list[PacketCapture] = []
        self._guardian: Process | None = None

    def up(self, pcap: Path | None = None) -> None:
        """Network, captures (one file a node in the folder `pcap`), daemons. Raises LabError."""
        self._guardian = appoint(self.namespaces)
        self.progress(f"network: {len(self.network.nodes())} namespaces")
        self.network.build(self._file)
        for subscriber in self.deployment.subscribers.values():
            self.links[subscriber.name] = MobileNodeLinks(subscriber, self.namespaces)
        if pcap is not None:
            pcap.mkdir(parents=True, exist_ok=True)
            self._captures = [
                PacketCapture(self.namespaces.name(node), pcap / f"{node}.pcap")
                for node in self.network.nodes()
            ]
        if self.routers.names():
            self.progress(f"routers: {', '.join(self.routers.names())}")
            for note in self.routers.notes:
                self.progress(note)
            self.routers.start()
        self.progress(f"daemons: {', '.join(self.daemons.names())}")
        self.daemons.start()

    def down(self) -> None:
        """Take everything away."""
        with _uninterrupted():
            for capture in self._captures:
                capture.close()
            self.daemons.stop()
            self.routers.stop()
            self._close_links()
            self.network.close()
            self.namespaces.remove()
            self._dismiss_guardian()

    def keep(self) -> None:
        """Leave everything running; `dmm lab down` takes it away."""
        for capture in self._captures:
            capture.close()
        self._close_links()
        self.namespaces.keep()
        self._dismiss_guardian()
        name = self.namespaces.lab
        self.progress(f"kept: `dmm show bindings`, `dmm lab exec {name} NODE COMMAND`, …")
        self.progress(f"`dmm lab down {name}` takes it away")

    def _close_links(self) -> None:
        for links in self.links.values():
            links.close()

    def _dismiss_guardian(self) -> None:
        if self._guardian is not None:
            end(self._guardian)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """A second Ctrl-C does not stop the cleaning up that the first one began."""
    ignored = {number: signal.signal(number, signal.SIG_IGN) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in ignored.items():
            signal.signal(number, handler)


_ENDING = (signal.SIGINT, signal.SIGTERM)
