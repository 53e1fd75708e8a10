"""What this machine lets us do, found out by doing it in a network namespace made for that.

Run as a program (`python -m opendmm.node.abilities`) it tries everything and prints the
findings as JSON; being a process of its own, it cannot leave anything behind.
"""

import asyncio
import contextlib
import ctypes
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

import msgspec

from opendmm.bindings.mipv6.config import MipConfig
from opendmm.bindings.mipv6.data_path import Procedures
from opendmm.bindings.mipv6.interception import Interception
from opendmm.bindings.mipv6.node import MobileIpv6Node
from opendmm.bindings.mipv6.sending import PacketSender
from opendmm.bindings.mipv6.transport import GROUP, TABLE
from opendmm.forwarding.kernel.errors import ForwardingUnavailableError
from opendmm.forwarding.kernel.libnftables import Nftables, NftablesError
from opendmm.forwarding.kernel.probe import probe_means
from opendmm.forwarding.kernel.transport_security import TransportSecurity
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.node.attachment.solicitations import Solicitations
from opendmm.node.first_packets import FirstPackets
from opendmm.node.programs import look_where_administrators_do
from opendmm.node.route_optimisation.data_path import OptimisedRoutes
from opendmm.node.tcp_signatures import try_tcp_signatures
from opendmm.wire.mobility.numbers import MOBILITY_HEADER

CLONE_NEWNET = 0x40000000
CLONE_NEWUSER = 0x10000000
PATIENCE = 60.0
"""Seconds for the whole examination."""

USUAL_MEANS = "srv6"
"""What a constellation uses that does not say: the laboratory is little without it."""
ROUTERS = {"vtysh": "frr", "bird": "bird2", "gobgpd": "gobgpd"}
"""Programs of routers that are not ours, and their Debian packages."""
PREFIXES = (HomePrefix.parse("2001:db8:a::1/128"), HomePrefix.parse("10.10.0.1/32"))


IPRoute: Any = import_module("pyroute2").IPRoute
"""pyroute2 has no types to speak of."""


class Ability(msgspec.Struct, frozen=True, kw_only=True):
    """One thing the machine can or cannot do.

    `obstacle` is empty when it can. `disables` says what does not work without it;
    `laboratory` that this includes `dmm lab`.
    """

    name: str
    disables: str
    laboratory: bool = False
    obstacle: str = ""


class ExaminationError(Exception):
    """The examination itself failed."""


def examine() -> list[Ability]:
    """Every ability, tried in a process of its own. Raises ExaminationError."""
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "opendmm.node.abilities"],
            capture_output=True,
            check=True,
            timeout=PATIENCE,
        )
        return msgspec.json.decode(ended.stdout, type=list[Ability])
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ExaminationError(f"the examination ended early: {last}") from error
    except (subprocess.TimeoutExpired, msgspec.DecodeError) as error:
        raise ExaminationError(f"the examination gave no result: {error}") from error


def _enter_namespace() -> None:
    """A network namespace of our own; as an ordinary user inside a user namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNET) == 0:
        return
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"{os.strerror(number)} (run as root, or allow user namespaces)")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def _links() -> None:
    with IPRoute() as kernel:
        kernel.link("add", ifname="probe", kind="veth", peer="far")


def _settings() -> None:
    for family in ("ipv4/conf/all/forwarding", "ipv6/conf/all/forwarding"):
        Path("/proc/sys/net", family).write_text("1")


def _nftables() -> None:
    nftables = Nftables()
    nftables.run("add table inet probe\ndelete table inet probe\n")
    nftables.close()


def _means_findings() -> list[Ability]:
    return [
        Ability(
            name=f"forwarding {report.name}",
            disables=f"constellations with forwarding means {report.name}",
            laboratory=report.name == USUAL_MEANS,
            obstacle=report.problem and f"{report.problem} (needs {', '.join(report.needs)})",
        )
        for report in probe_means()
    ]


def _first_packets() -> None:
    async def attempt() -> None:
        FirstPackets(PREFIXES, lambda _destination: None).close(remove=True)

    asyncio.run(attempt())


def _solicitations() -> None:
    async def attempt() -> None:
        Solicitations(lambda _index, _address: None).close()

    asyncio.run(attempt())


def _mobile_ipv6() -> None:
    with (
        contextlib.closing(PacketSender()),
        contextlib.closing(Interception(TABLE, GROUP, str(MOBILITY_HEADER))),
    ):
        pass


def _optimised_routes() -> None:
    async def attempt() -> None:
        routes = OptimisedRoutes([IPv6Address("2001:db8:a::1")])
        node = MobileIpv6Node(MipConfig(node=NodeId("probe")))
        routes.start(Procedures(node, lambda _wanted: None, time.time))
        routes.close()

    asyncio.run(attempt())


def _emulated_delay() -> None:
    with IPRoute() as kernel:
        kernel.tc("add", "netem", kernel.link_lookup(ifname="probe")[0], delay=1000)


def _packet_socket() -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()


def _tap() -> None:
    os.close(os.open("/dev/net/tun", os.O_RDWR))


def _tls() -> None:
    if not ssl.HAS_TLSv1_3:
        raise OSError(0, f"{ssl.OPENSSL_VERSION} has no TLS 1.3")


def _program(name: str, package: str) -> Callable[[], None]:
    def attempt() -> None:
        if shutil.which(name) is None:
            raise OSError(0, f"not found: install the package {package}")

    return attempt


def _trials() -> list[tuple[Ability, Callable[[], None]]]:
    everything = "the laboratory"
    daemon = "every daemon, and the laboratory"
    return [
        (_needed("network namespaces", everything), _enter_namespace),
        (_needed("virtual links", everything), _links),
        (_needed("forwarding settings", "routers of the laboratory"), _settings),
        (_needed("nftables", daemon), _nftables),
        (_needed("TLS 1.3", daemon), _tls),
        (_needed("program ip", everything), _program("ip", "iproute2")),
        (_needed("program unshare", everything), _program("unshare", "util-linux")),
        (Ability(name="program tc", disables="emulated rates"), _program("tc", "iproute2")),
        (
            Ability(name="program nft", disables="links cut by a scenario"),
            _program("nft", "nftables"),
        ),
        (
            Ability(name="signed TCP segments", disables="authentication of BGP by MD5"),
            try_tcp_signatures,
        ),
        *(_router(program, package) for program, package in ROUTERS.items()),
        (Ability(name="first packets", disables="policies on request (pull)"), _first_packets),
        (
            Ability(name="router solicitations", disables="detection on shared access links"),
            _solicitations,
        ),
        (Ability(name="Mobile IPv6", disables="bindings mipv6"), _mobile_ipv6),
        (Ability(name="optimised routes", disables="route optimisation"), _optimised_routes),
        (Ability(name="ESP", disables="`mobility_headers: esp`"), _esp),
        (Ability(name="packet capture", disables="dmm lab run --pcap"), _packet_socket),
        (Ability(name="netem", disables="delay by the kernel (a relay does it)"), _emulated_delay),
        (Ability(name="tap devices", disables="delay by a relay, where there is no netem"), _tap),
    ]


def _router(program: str, package: str) -> tuple[Ability, Callable[[], None]]:
    disables = f"routers of the laboratory with the software of package {package}"
    return Ability(name=f"program {program}", disables=disables), _program(program, package)


def _needed(name: str, disables: str) -> Ability:
    return Ability(name=name, disables=disables, laboratory=True)


def _esp() -> None:
    here, there = IPv6Address("fd00::1"), IPv6Address("fd00::2")
    security = TransportSecurity(here, {there: bytes(16)}, MOBILITY_HEADER)
    security.start()
    security.close()


def _try(attempt: Callable[[], None]) -> str:
    try:
        attempt()
    except (OSError, NftablesError, ForwardingUnavailableError) as error:
        return getattr(error, "strerror", None) or str(error) or type(error).__name__
    # pyroute2 raises errors of several unrelated kinds; whichever, it did not work.
    except Exception as error:  # noqa: BLE001
        return str(error.args[-1]) if error.args else type(error).__name__
    return ""


def main() -> None:
    """Try everything in order; the findings on stdout as JSON."""
    findings = []
    look_where_administrators_do()
    with contextlib.redirect_stdout(sys.stderr):
        for ability, attempt in _trials():
            findings.append(msgspec.structs.replace(ability, obstacle=_try(attempt)))
            if findings[0].obstacle:
                break
        else:
            findings += _means_findings()
    sys.stdout.buffer.write(msgspec.json.encode(findings))


if __name__ == "__main__":
    main()
