"""The relay of a laboratory, as those see it who make links with delay."""

import os
from pathlib import Path

import msgspec

from opendmm.lab.errors import EnvironmentLacksError
from opendmm.lab.processes import Process, await_ready, end, start_python, tell
from opendmm.lab.relay import Link

TUN = Path("/dev/net/tun")


class RelayProcess:
    """Started with the first link. It lives in that link's namespace, with whose other
    inhabitants it is ended if need be; `close` ends it and its devices."""

    def __init__(self) -> None:
        self._process: Process | None = None

    def join(
        self, ends: tuple[tuple[str, str], tuple[str, str]], delay: float, commands: Path | None
    ) -> None:
        """Make the two devices of a link, by (namespace, interface). Raises LabError."""
        if not os.access(TUN, os.R_OK | os.W_OK):
            raise EnvironmentLacksError(
                "links with delay need a kernel with netem (CONFIG_NET_SCH_NETEM), or access to "
                f"{TUN}"
            )
        if self._process is None:
            self._process = start_python(ends[0][0], "opendmm.lab.relay")
        link = Link(ends, delay, "" if commands is None else str(commands))
        tell(self._process, msgspec.json.encode(link).decode())
        await_ready(self._process, f"the relay of link {ends[0][0]} – {ends[1][0]}")

    def close(self) -> None:
        if self._process is not None:
            end(self._process)
