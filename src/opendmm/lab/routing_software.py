"""How FRR, BIRD and GoBGP are started without systemd, and asked for their sessions."""

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from opendmm.constellation.file import RouterSoftware
from opendmm.lab.errors import LabError
from opendmm.lab.namespaces import execute
from opendmm.routers.export import FORMATS
from opendmm.routers.frr import ZEBRA_OPTIONS

SOCKET_TIMEOUT = 10.0
"""Seconds for a daemon to open the socket that the next one needs."""


class Place(msgspec.Struct, frozen=True):
    """A node's namespace, and the folder of its routing daemons."""

    namespace: str
    folder: Path

    def start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """A daemon in the namespace, which stays in the foreground."""
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def last_words(self) -> str:
        """The last line that a daemon has said."""
        log = self.folder / "log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return lines[-1] if lines else f"it said nothing ({log})"


class Software(Protocol):
    """What one kind of router needs. `ask` and `established` raise LabError, or find nothing,
    while it is still coming up."""

    package: str
    programs: tuple[str, ...]

    def prepare(self, place: Place) -> None:
        """What must be there before the daemons."""

    def commands(self, place: Place, *, recommended: bool) -> list[list[str]]:
        """The daemons, in the order in which they start, as we recommend or as they come."""

    def await_started(self, place: Place) -> None:
        """Return when the next one may start."""

    def established(self, place: Place) -> set[str]:
        """The neighbours' addresses of all sessions that are up."""

    def reset(self, place: Place, neighbours: Sequence[str]) -> None:
        """End the sessions with these neighbours' addresses."""

    def ask(self, place: Place, *question: str) -> str:
        """What the command line of the router answers."""


class Bird:
    """BIRD 2: one process."""

    package = "bird2"
    programs: tuple[str, ...] = ("/usr/sbin/bird", "/usr/sbin/birdc")

    def prepare(self, place: Place) -> None:
        """Nothing is needed."""

    def commands(self, place: Place, *, recommended: bool) -> list[list[str]]:  # noqa: ARG002 (it is all in the file)
        configuration = place.folder / FORMATS[RouterSoftware.BIRD].file
        return [[self.programs[0], "-f", "-c", str(configuration), "-s", self._socket(place)]]

    def await_started(self, place: Place) -> None:
        """It is alone."""

    def established(self, place: Place) -> set[str]:
        found: set[str] = set()
        up = False
        with contextlib.suppress(LabError):
            for line in self.ask(place, "show", "protocols", "all").splitlines():
                words = line.split()
                if line[:1].strip():
                    up = words[1:2] == ["BGP"] and words[-1] == "Established"
                elif up and words[:2] == ["Neighbor", "address:"]:
                    found.add(words[2])
        return found

    def reset(self, place: Place, neighbours: Sequence[str]) -> None:  # noqa: ARG002 (all have a name)
        self.ask(place, "restart", '"to_*"')

    def ask(self, place: Place, *question: str) -> str:
        return execute(place.namespace, self.programs[1], "-s", self._socket(place), *question)

    def _socket(self, place: Place) -> str:
        return str(place.folder / "control")


class Frr:
    """FRR: zebra, which sets routes, and bgpd. Both give up root for a user of their own."""

    package = "frr"
    programs: tuple[str, ...] = ("/usr/lib/frr/zebra", "/usr/lib/frr/bgpd", "/usr/bin/vtysh")
    user = "frr"

    def prepare(self, place: Place) -> None:
        try:
            for path in (place.folder, self._configuration(place)):
                shutil.chown(path, self.user, self.user)
        except (OSError, LookupError) as error:
            why = f"FRR runs as user {self.user}, and only root can let it: run this as root"
            raise LabError(f"{why} ({error})") from error

    def commands(self, place: Place, *, recommended: bool) -> list[list[str]]:
        common = [
            *("-f", str(self._configuration(place)), "-z", str(self._zebra(place))),
            *("--vty_socket", str(place.folder), "-P", "0"),
        ]
        zebra, bgpd = (
            [program, *common, "-i", str(place.folder / f"{Path(program).name}.pid")]
            for program in self.programs[:2]
        )
        return [[*zebra, *(ZEBRA_OPTIONS if recommended else ())], bgpd]

    def await_started(self, place: Place) -> None:
        deadline = time.monotonic() + SOCKET_TIMEOUT
        while not self._zebra(place).exists():
            if time.monotonic() > deadline:
                raise LabError(f"zebra does not start: {place.last_words()}")
            time.sleep(0.02)

    def established(self, place: Place) -> set[str]:
        try:
            answer = json.loads(self.ask(place, "show bgp summary json"))
        except (LabError, ValueError):
            return set()
        peers = (p for family in answer.values() for p in family.get("peers", {}).items())
        return {address for address, peer in peers if peer["state"] == "Established"}

    def reset(self, place: Place, neighbours: Sequence[str]) -> None:  # noqa: ARG002 (it knows all)
        self.ask(place, "clear bgp *")

    def ask(self, place: Place, *question: str) -> str:
        options = [part for one in question for part in ("-c", one)]
        return execute(
            place.namespace, self.programs[2], "--vty_socket", str(place.folder), *options
        )

    def _configuration(self, place: Place) -> Path:
        return place.folder / FORMATS[RouterSoftware.FRR].file

    def _zebra(self, place: Place) -> Path:
        return place.folder / "zserv.api"


class GoBgp:
    """GoBGP: one process, asked over gRPC on the namespace's own loopback."""

    package = "gobgpd"
    programs: tuple[str, ...] = ("/usr/bin/gobgpd", "/usr/bin/gobgp")
    ESTABLISHED = 6
    """Of its session states (gobgp.proto, PeerState)."""

    def prepare(self, place: Place) -> None:
        """Nothing is needed."""

    def commands(self, place: Place, *, recommended: bool) -> list[list[str]]:  # noqa: ARG002 (it is all in the file)
        configuration = place.folder / FORMATS[RouterSoftware.GOBGP].file
        options = ["--api-hosts", "127.0.0.1:50051", "--pprof-disable"]
        return [[self.programs[0], "-t", "yaml", "-f", str(configuration), *options]]

    def await_started(self, place: Place) -> None:
        """It is alone."""

    def established(self, place: Place) -> set[str]:
        try:
            peers = json.loads(self.ask(place, "-j", "neighbor"))
        except (LabError, ValueError):
            return set()
        return {
            peer["state"]["neighbor_address"]
            for peer in peers
            if peer["state"].get("session_state") == self.ESTABLISHED
        }

    def reset(self, place: Place, neighbours: Sequence[str]) -> None:
        for address in neighbours:
            self.ask(place, "neighbor", address, "reset")

    def ask(self, place: Place, *question: str) -> str:
        return execute(place.namespace, self.programs[1], *question)


SOFTWARE: dict[RouterSoftware, Software] = {
    RouterSoftware.FRR: Frr(),
    RouterSoftware.BIRD: Bird(),
    RouterSoftware.GOBGP: GoBgp(),
}
