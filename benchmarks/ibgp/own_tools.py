"""Announcing many routes at anchor-a by the tools of the daemons themselves.

Each is used as its manual has it, and the files it reads are written before. The routes carry what
ours carry: LOCAL_PREF and the mark, without which nobody accepts them.
"""

import ipaddress
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import yaml

from ibgp.scene import Scene
from opendmm.lab.errors import LabError
from opendmm.lab.namespaces import execute
from opendmm.lab.routing_software import Frr, Place
from opendmm.model.identity import NodeId
from opendmm.routers.frr import ZEBRA_OPTIONS
from opendmm.routers.speaker import IPV6, Speaker, speaker

ANCHOR, REFLECTOR = NodeId("anchor-a"), NodeId("reflector")
STATICD = "/usr/lib/frr/staticd"
SESSION_TIMEOUT = 30.0
SERVER = "127.0.0.1:50051"


class Tool(Protocol):
    """A way to announce. `most` is with how many routes it ends in reasonable time."""

    name: str
    most: int

    def ready(self, scene: Scene, hosts: Sequence[bytes]) -> Callable[[], None]:
        """Get everything ready; what announces the routes."""

    def undo(self, scene: Scene) -> None:
        """Withdraw them; anchor-a's BIRD announces again."""


class Ours:
    """The product's driver, and BIRD that learns from the kernel."""

    name = "OpenDMM, BIRD learns"
    most = 1_000_000

    def ready(self, scene: Scene, hosts: Sequence[bytes]) -> Callable[[], None]:
        self._hosts = hosts
        return lambda: scene.a.announce(hosts, 1)

    def undo(self, scene: Scene) -> None:
        scene.a.withdraw(self._hosts)


class BirdStatic:
    """BIRD's static routes in a file that its configuration includes."""

    name = "BIRD: static routes, birdc configure"
    most = 1_000_000

    def ready(self, scene: Scene, hosts: Sequence[bytes]) -> Callable[[], None]:
        folder = _folder(scene)
        included = folder / "many.conf"
        included.write_text(_bird_static(hosts))
        configuration = folder / "bird.conf"
        line = f'include "{included}";\n'
        if line not in configuration.read_text():
            with configuration.open("a") as file:
                file.write(line)
        return lambda: _configure(scene)

    def undo(self, scene: Scene) -> None:
        (_folder(scene) / "many.conf").write_text("")
        _configure(scene)


class _Instead:
    """Another daemon that speaks BGP in place of anchor-a's BIRD."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, scene: Scene, *commands: Sequence[str]) -> None:
        scene.routers.kill(ANCHOR)
        place = self.place(scene)
        for command in commands:
            self._running.append(place.start(command))
            time.sleep(0.5)
        _await_session(scene)

    def undo(self, scene: Scene) -> None:
        for process in reversed(self._running):
            process.terminate()
            process.wait()
        self._running.clear()
        scene.routers.start_one(ANCHOR)
        _await_session(scene)

    def place(self, scene: Scene) -> Place:
        folder = _folder(scene) / "instead"
        folder.mkdir(exist_ok=True)
        return Place(scene.namespaces.name(ANCHOR), folder)


class FrrTool(_Instead):
    """zebra, staticd and bgpd, told by vtysh."""

    def __init__(self, name: str, line: str, within: str, most: int) -> None:
        super().__init__()
        self.name, self._line, self._within, self.most = name, line, within, most

    def ready(self, scene: Scene, hosts: Sequence[bytes]) -> Callable[[], None]:
        place, own = self.place(scene), _own(scene)
        shutil.chown(place.folder, Frr.user, Frr.user)
        configuration = place.folder / "frr.conf"
        configuration.write_text(_frr(own))
        common = ("-f", str(configuration), "-z", str(place.folder / "zserv"))
        sockets = ("--vty_socket", str(place.folder), "-P", "0")
        zebra, bgpd = Frr.programs[:2]
        daemons = (
            [program, *common, *sockets, "-i", str(place.folder / f"{Path(program).name}.pid")]
            for program in (zebra, STATICD, bgpd)
        )
        first, *others = daemons
        self.start(scene, [*first, *ZEBRA_OPTIONS], *others)
        lines = place.folder / "many.conf"
        within = self._within.format(own=own)
        lines.write_text(within + "".join(self._line.format(host) for host in _texts(hosts)))
        vtysh = (Frr.programs[2], "--vty_socket", str(place.folder), "-f", str(lines))
        return lambda: _carry_out(place, *vtysh)


class GoBgpAdd(_Instead):
    """The command line, once for each route."""

    name = "GoBGP: gobgp global rib add, each"
    most = 200

    def ready(self, scene: Scene, hosts: Sequence[bytes]) -> Callable[[], None]:
        place, own = self.place(scene), _own(scene)
        configuration = place.folder / "gobgpd.yaml"
        configuration.write_text(_gobgp(own))
        read = ("-t", "yaml", "-f", str(configuration))
        self.start(scene, ["gobgpd", *read, "--api-hosts", SERVER, "--pprof-disable"])
        mark = ":".join(map(str, own.mark))
        attributes = f"nexthop {_session(own)[0]} local-pref 1 large-community {mark}"
        script = place.folder / "many.sh"
        script.write_text(
            "".join(
                f"gobgp global rib add {host}/128 {attributes} -a ipv6 || exit 1\n"
                for host in _texts(hosts)
            )
        )
        return lambda: _carry_out(place, "sh", str(script))


def tools() -> list[Tool]:
    """All, ours first."""
    return [
        Ours(),
        BirdStatic(),
        FrrTool(
            "FRR: network, vtysh -f",
            " network {}/128 route-map mark\n",
            "router bgp {own.as_number}\naddress-family ipv6 unicast\n",
            10_000,
        ),
        FrrTool("FRR: redistribute static, vtysh -f", "ipv6 route {}/128 blackhole\n", "", 10_000),
        GoBgpAdd(),
    ]


def _folder(scene: Scene) -> Path:
    return scene.namespaces.folder / "routers" / ANCHOR


def _own(scene: Scene) -> Speaker:
    return speaker(scene.deployment, ANCHOR)


def _session(own: Speaker) -> tuple[str, str]:
    """The two ends of the session for IPv6."""
    found = next(one for one in own.sessions if one.family is IPV6)
    return found.local, found.remote


def _texts(hosts: Sequence[bytes]) -> list[str]:
    return [str(ipaddress.IPv6Address(host)) for host in hosts]


def _carry_out(place: Place, *command: str) -> None:
    execute(place.namespace, *command)


def _configure(scene: Scene) -> None:
    answer = scene.routers.ask(ANCHOR, "configure")
    if "Reconfig" not in answer:
        raise LabError(f"birdc configure: {answer}")


def _await_session(scene: Scene) -> None:
    """Until the reflector has a session for IPv6 with anchor-a's speaker."""
    deadline = time.monotonic() + SESSION_TIMEOUT
    while "Established" not in scene.routers.ask(
        REFLECTOR, "show", "protocols", "to_anchor_a_ipv6"
    ):
        if time.monotonic() > deadline:
            raise LabError("the reflector has no session with what is in place of BIRD")
        time.sleep(0.1)
    time.sleep(1.0)


def _bird_static(hosts: Sequence[bytes]) -> str:
    """`is_announced` lets protocols of this name pass."""
    routes = "".join(f"  route {host}/128 unreachable;\n" for host in _texts(hosts))
    filling = "bgp_local_pref = 1; bgp_large_community.add(MOVED); accept;"
    channel = f"ipv6 {{ preference 200; import filter {{ {filling} }}; }};"
    return f"protocol static pools_many {{\n  {channel}\n{routes}}}\n"


def _frr(own: Speaker) -> str:
    local, remote = _session(own)
    return f"""frr defaults traditional
zebra work-queue 0
route-map mark permit 10
 set large-community {":".join(map(str, own.mark))}
 set local-preference 1
exit
router bgp {own.as_number}
 bgp router-id {own.router_id}
 no bgp default ipv4-unicast
 no bgp network import-check
 coalesce-time 0
 neighbor {remote} remote-as {own.as_number}
 neighbor {remote} update-source {local}
 neighbor {remote} timers connect 1
 address-family ipv6 unicast
  neighbor {remote} activate
  redistribute static route-map mark
 exit-address-family
exit
"""


def _gobgp(own: Speaker) -> str:
    local, remote = _session(own)
    neighbour = {
        "config": {"neighbor-address": remote, "peer-as": own.as_number},
        "transport": {"config": {"local-address": local}},
        "timers": {"config": {"connect-retry": 1, "idle-hold-time-after-reset": 1}},
        "afi-safis": [{"config": {"afi-safi-name": "ipv6-unicast"}}],
    }
    whole = {"as": own.as_number, "router-id": own.router_id}
    return yaml.safe_dump({"global": {"config": whole}, "neighbors": [neighbour]})
