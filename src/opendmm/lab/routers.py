"""The routers of a laboratory that are not ours: their real daemons in the nodes' namespaces.

Each node has a folder of its own in the laboratory's: configuration, sockets, what the daemons
say. Nothing is written elsewhere, so two laboratories do not meet, and what takes a laboratory
away takes these away, too.
"""

import signal
import subprocess
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from opendmm.authority.material import MaterialError, write_private
from opendmm.constellation.bgp import forwarders, speakers
from opendmm.constellation.deployment import Deployment
from opendmm.lab.errors import LabError
from opendmm.lab.material import provide_material
from opendmm.lab.namespaces import LONGEST_WAIT, Namespaces, execute
from opendmm.lab.routing_software import SOFTWARE, Place
from opendmm.lab.source_filters import load_source_filters
from opendmm.model.identity import NodeId
from opendmm.node.tcp_signatures import try_tcp_signatures
from opendmm.routers.export import configuration
from opendmm.routers.passwords import Passwords, passwords
from opendmm.routers.speaker import Speaker, speaker

START_TIMEOUT = 60.0
"""Seconds for all sessions to be established."""
PAUSE = 0.1
UNSIGNED = "BGP sessions are not signed, the TTL check is all they have: this kernel cannot ({})"


class Routers:
    """The routing daemons of all speakers: routers, reflectors, and those beside anchors."""

    def __init__(self, deployment: Deployment, namespaces: Namespaces) -> None:
        self.deployment = deployment
        self._namespaces = namespaces
        self._running: dict[NodeId, list[subprocess.Popen[bytes]]] = {}
        self._unsigned = _unsigned() if self.names() and deployment.bgp.md5 else ""

    @cached_property
    def _views(self) -> dict[NodeId, Speaker]:
        return {name: speaker(self.deployment, name, None) for name in self.names()}

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever reads of a run with these routers must know."""
        return (self._unsigned,) if self._unsigned else ()

    def names(self) -> list[NodeId]:
        """Every node that runs such daemons."""
        return list(speakers(self.deployment))

    def start(self) -> None:
        """Start them all; wait for every session, and for all pools in kernels. Raises LabError."""
        self._all_installed()
        load_source_filters(self.deployment, self._namespaces)
        for name in self.names():
            self.start_one(name)
        deadline = time.monotonic() + START_TIMEOUT
        for name in self.names():
            self._wait(deadline, name, "no BGP session with", self.lacking)
        for name in forwarders(self.deployment):
            self._wait(deadline, name, "no route to", self.unreached)

    def start_one(self, name: NodeId) -> None:
        """Start (again) the daemons of one node."""
        place = self._place(name)
        software = SOFTWARE[speakers(self.deployment)[name]]
        usual, text = configuration(self.deployment, name, self._passwords(name))
        place.folder.mkdir(parents=True, exist_ok=True)
        write_private(place.folder / usual, text.encode())
        software.prepare(place)
        self._running[name] = []
        recommended = self.deployment.bgp.recommended
        for command in software.commands(place, recommended=recommended):
            self._running[name].append(place.start(command))
            software.await_started(place)

    def lacking(self, name: NodeId) -> list[str]:
        """The neighbours that a speaker has no session with now, or not of both families."""
        view = self._views[name]
        found = SOFTWARE[view.software].established(self._place(name))
        lacking = (str(one.node) for one in view.sessions if one.remote not in found)
        return list(dict.fromkeys(lacking))

    def unreached(self, name: NodeId) -> list[str]:
        """Pools of others that a node's kernel has no route to."""
        namespace = self._namespaces.name(name)
        known = {
            line.split()[0]
            for family in ("-6", "-4")
            for line in execute(namespace, "ip", family, "route", "show").splitlines()
        }
        others = (plan for other, plan in self.deployment.nodes.items() if other != name)
        return [str(pool) for plan in others for pool in plan.pools if str(pool) not in known]

    def kill(self, name: NodeId) -> None:
        """SIGKILL: they are gone at once, and their routes stay in the kernel."""
        for process in self._running[name]:
            process.kill()
            process.wait()

    def signal(self, name: NodeId, number: signal.Signals) -> None:
        """Stop or continue them: a machine that hangs."""
        for process in self._running[name]:
            process.send_signal(number)

    def reset(self, name: NodeId) -> None:
        """End all sessions of a node at once; its daemons set them up again."""
        view = self._views[name]
        SOFTWARE[view.software].reset(self._place(name), [one.remote for one in view.sessions])

    def stop(self) -> None:
        """End them all, what depends on others first."""
        started = [process for daemons in self._running.values() for process in reversed(daemons)]
        for process in started:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + LONGEST_WAIT
        for process in started:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def ask(self, name: NodeId, *question: str) -> str:
        """What the software's own command line answers (`show route`, `show bgp ipv6`, …)."""
        return SOFTWARE[speakers(self.deployment)[name]].ask(self._place(name), *question)

    def _wait(
        self, deadline: float, name: NodeId, what: str, lacking: Callable[[NodeId], list[str]]
    ) -> None:
        """Until nothing is lacking. Raises LabError at the deadline, or when a daemon ends."""
        while found := lacking(name):
            self._all_alive(name)
            if time.monotonic() > deadline:
                last = self._place(name).last_words()
                raise LabError(f"{name} has {what} {', '.join(found)}: {last}")
            time.sleep(PAUSE)

    def _place(self, name: NodeId) -> Place:
        folder = self._namespaces.folder / "routers" / name
        return Place(self._namespaces.name(name), folder)

    def _passwords(self, name: NodeId) -> Passwords | None:
        if self._unsigned:
            return None
        folder = provide_material(self.deployment, self._namespaces)
        try:
            return passwords(self.deployment, name, folder)
        except MaterialError as error:
            raise LabError(str(error)) from error

    def _all_installed(self) -> None:
        for software in dict.fromkeys(speakers(self.deployment).values()):
            missing = [p for p in SOFTWARE[software].programs if not Path(p).exists()]
            if missing:
                package = SOFTWARE[software].package
                raise LabError(f"{missing[0]} is missing: install the package {package}")

    def _all_alive(self, name: NodeId) -> None:
        for process in self._running[name]:
            if process.poll() is not None:
                raise LabError(f"a router daemon of {name} ended: {self._place(name).last_words()}")


def _unsigned() -> str:
    """Why sessions go without signatures on this machine; empty where they do not."""
    try:
        try_tcp_signatures()
    except OSError as error:
        return UNSIGNED.format(f"CONFIG_TCP_MD5SIG: {error.strerror}")
    return ""
