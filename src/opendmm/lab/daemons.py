"""The daemons of a laboratory: one `dmm node` in every namespace that hosts entities."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from opendmm.constellation.deployment import Deployment
from opendmm.lab.errors import LabError
from opendmm.lab.material import provide_material
from opendmm.lab.namespaces import LONGEST_WAIT, Namespaces
from opendmm.model.identity import FunctionalEntity
from opendmm.node.control import SUFFIX, ControlError, ask
from opendmm.report.trace import TraceRecord, read_trace

USER_PLANE = frozenset({FunctionalEntity.FE_R, FunctionalEntity.FE_MA_U, FunctionalEntity.FE_MU_U})
"""What the kernel is by itself; a node with nothing else runs no daemon."""

START_TIMEOUT = 60.0
"""Seconds for all daemons to be up and to have found each other."""


class Daemons:
    """Daemons by node; mobile nodes with a client have one, too."""

    def __init__(self, deployment: Deployment, file: Path, namespaces: Namespaces) -> None:
        self.deployment = deployment
        self.folder = namespaces.folder
        self._file = file
        self._namespaces = namespaces
        self._state = namespaces.in_memory
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._mobile = {s.name for s in deployment.subscribers.values() if s.client}

    def names(self) -> list[str]:
        """Every node that runs a daemon."""
        nodes = [
            str(name)
            for name, plan in self.deployment.nodes.items()
            if set(plan.entities) - USER_PLANE or name in self.deployment.correspondents
        ]
        return [*nodes, *sorted(self._mobile)]

    def start(self) -> None:
        """Make the material and start them all; wait until they have found each other."""
        for name in self.names():
            self.start_one(name)
        deadline = time.monotonic() + START_TIMEOUT
        for name in self.names():
            while not self._settled(name):
                if self._running[name].poll() is not None:
                    raise LabError(f"the daemon of {name} ended: {self._last_words(name)}")
                if time.monotonic() > deadline:
                    raise LabError(f"the daemon of {name} is not ready: {self._last_words(name)}")
                time.sleep(0.05)

    def start_one(self, name: str) -> None:
        """Start (again) the daemon of one node."""
        self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in ("trace", "log"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        command = [
            # As the systemd unit does; without the right to, nice goes on as it is.
            *("nice", "-n", "-10", "ip", "netns", "exec", self._namespaces.name(name)),
            *(sys.executable, "-m", "opendmm", "node"),
            *("--constellation", str(self._file), "--node", name),
            *("--state-dir", str(self._state)),
            *("--material", str(provide_material(self.deployment, self._namespaces))),
            *("--control", str(self._control(name))),
            *("--trace", str(self.folder / "trace" / f"{name}.jsonl")),
        ]
        if name in self._mobile:
            command.append("--mobile-node")
        with (self.folder / "log" / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL: the process is gone at once, whatever it was doing."""
        self._running[name].kill()
        self._running[name].wait()

    def pause(self, name: str) -> None:
        """SIGSTOP: the process stands still."""
        self._running[name].send_signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self._running[name].send_signal(signal.SIGCONT)

    def ask(self, name: str, question: str, **particulars: object) -> Any:
        """Put a question to one daemon. Raises OSError, ControlError."""
        return ask(self._control(name), question, particulars)

    def traces(self) -> list[list[TraceRecord]]:
        """What every daemon has recorded so far."""
        for name in self.names():
            try:
                self.ask(name, "trace", since=time.time())  # makes it write what is pending
            except (OSError, ControlError):
                continue
        return [list(read_trace(path)) for path in sorted((self.folder / "trace").glob("*.jsonl"))]

    def stop(self) -> None:
        """End them all."""
        for process in self._running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        deadline = time.monotonic() + LONGEST_WAIT
        for process in self._running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _settled(self, name: str) -> bool:
        try:
            health = self.ask(name, "health")
        except (OSError, ControlError):
            return False
        return bool(health["ready"]) and not health["missing_peers"]

    def _control(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"

    def _last_words(self, name: str) -> str:
        path = self.folder / "log" / f"{name}.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return lines[-1] if lines else f"it said nothing ({os.fspath(path)})"
