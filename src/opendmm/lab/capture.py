"""Packet captures of whole nodes, for Wireshark: tcpdump on all interfaces of a namespace."""

import shutil
import subprocess
from pathlib import Path

from opendmm.lab.errors import EnvironmentLacksError
from opendmm.lab.namespaces import LONGEST_WAIT


class PacketCapture:
    """One namespace's packets into one file."""

    def __init__(self, namespace: str, file: Path) -> None:
        if shutil.which("tcpdump") is None:
            raise EnvironmentLacksError("captures need the program tcpdump: install it")
        command = ["ip", "netns", "exec", namespace, "tcpdump", "-i", "any", "-U", "-w", str(file)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def close(self) -> None:
        """Stop and complete the file."""
        self._process.terminate()
        try:
            self._process.wait(LONGEST_WAIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
