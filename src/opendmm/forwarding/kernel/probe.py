"""What this machine can do, found out by doing it where it disturbs nobody.

Kernel configuration files are often absent and say nothing about privileges or missing
libraries. So each means is started, used and removed by its own driver in a network namespace
that exists for that moment only.
"""

import contextlib
import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from opendmm.forwarding.kernel.config import NodeForwardingConfig
from opendmm.forwarding.kernel.driver import KernelForwarding
from opendmm.forwarding.kernel.errors import ForwardingUnavailableError
from opendmm.forwarding.kernel.means import MEANS
from opendmm.forwarding.kernel.means.means import BASE_NEEDS
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.identity import NodeId
from opendmm.model.rules import Change, Permit, Redirect, RuleKey, Table

CLONE_NEWNET = 0x40000000
HERE = Locator.parse("fd00:d:1::1")
THERE = Egress(NodeId("there"), Locator.parse("fd00:d:2::1"))
HOMES = (HomePrefix.parse("2001:db8::1"), HomePrefix.parse("192.0.2.1"))

SYSCTLS = (
    ("ipv6/conf/all/forwarding", "1", "no IPv6 packet is forwarded"),
    ("ipv4/conf/all/forwarding", "1", "no IPv4 packet is forwarded"),
)


class MeansReport(msgspec.Struct, frozen=True):
    """Whether a means works here; `problem` empty when it does, else what is missing.

    `needs` are the kernel configuration options that the means rests on.
    """

    name: str
    problem: str
    needs: tuple[str, ...]

    @property
    def available(self) -> bool:
        return not self.problem


def probe_means() -> list[MeansReport]:
    """Every means, tried in a throwaway network namespace."""
    return [
        MeansReport(name, _try_apart(name), means.needs + BASE_NEEDS)
        for name, means in MEANS.items()
    ]


def available_means() -> tuple[str, ...]:
    """The names of the means that work here."""
    return tuple(report.name for report in probe_means() if report.available)


def forwarding_problems() -> list[str]:
    """What in this namespace's settings keeps packets from being forwarded; for a person."""
    problems = []
    for name, wanted, consequence in SYSCTLS:
        with contextlib.suppress(OSError):
            if Path("/proc/sys/net", name).read_text().strip() != wanted:
                setting = f"net.{name.replace('/', '.')}={wanted}"
                problems.append(f"{consequence}: sysctl -w {setting}")
    return problems


def _try_apart(means: str) -> str:
    """Try a means in a thread that has a network of its own; what failed."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(_leave_and_try, means).result()


def _leave_and_try(means: str) -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        reason = os.strerror(ctypes.get_errno())
        return f"no network namespace can be made ({reason}): run as root, or in unshare -Urnm"
    return _try(means)


def _try(means: str) -> str:
    """Start the driver, install one rule of each kind, remove everything; what failed."""
    driver = KernelForwarding(
        NodeForwardingConfig(
            node=NodeId("here"),
            locator=HERE,
            means=means,
            egresses=(THERE,),
            access_interfaces=("access",),
            source_filter=True,
        )
    )
    try:
        driver.start()
        errors = driver.apply(_samples(means))
        return driver.replaced or next((error for error in errors if error), "")
    except (ForwardingUnavailableError, OSError) as problem:
        return str(problem)
    finally:
        driver.close(remove=False)


def _samples(means: str) -> list[Change]:
    """Host routes need a neighbour to go to, which a namespace of its own has not."""
    homes = [home for home in HOMES if home.is_ipv6 or MEANS[means].ipv4]
    tables = [Table.DOWNLINK, Table.EGRESS] if MEANS[means].lasting else []
    if MEANS[means].tunnels:
        tables.append(Table.UPLINK)
    changes = [Change(RuleKey(table, home), Redirect(THERE)) for table in tables for home in homes]
    changes += [Change(RuleKey(Table.SOURCE_FILTER, home), Permit()) for home in HOMES]
    return changes
