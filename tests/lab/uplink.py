"""Packets that a mobile node would send, from its anchor's namespace to a correspondent."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

from opendmm.lab.namespaces import Namespaces, configure, inside

SPACING = 0.001
"""Seconds between packets of a stream."""
ON_THE_WAY = 0.2
PORT = 4000
SO_RCVBUFFORCE = 33
BUFFER = 16 << 20
"""Octets: a stream is read when it has ended."""


class Uplink:
    """From one address to another; what has arrived is known by its number."""

    def __init__(
        self, namespaces: Namespaces, ends: tuple[str, str], source: str, destination: str
    ) -> None:
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        sender, receiver = (namespaces.name(end) for end in ends)
        how = "nodad" if family is socket.AF_INET6 else ""
        configure(sender, [f"addr replace {source} dev lo {how}"])
        with inside(receiver):
            self._receiving = socket.socket(family, socket.SOCK_DGRAM)
            self._receiving.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
            self._receiving.bind((destination, PORT))
        with inside(sender):
            self._sending = socket.socket(family, socket.SOCK_DGRAM)
            self._sending.bind((source, 0))
            self._sending.connect((destination, PORT))
        self._receiving.setblocking(False)
        self._sent = 0

    def send(self) -> int:
        """One packet; its number."""
        self._sent += 1
        self._sending.send(str(self._sent).encode())
        return self._sent

    def arrived(self) -> set[int]:
        """The packets that have come since this was last asked."""
        time.sleep(ON_THE_WAY)
        found = set()
        with contextlib.suppress(BlockingIOError):
            while True:
                found.add(int(self._receiving.recv(64)))
        return found

    def passes(self) -> bool:
        """Whether a packet of now arrives."""
        return self.send() in self.arrived()

    @contextlib.contextmanager
    def stream(self) -> Iterator[set[int]]:
        """Packets without a pause during the block; afterwards those that were lost."""
        self.arrived()
        lost: set[int] = set()
        first, ended = self._sent + 1, threading.Event()
        sending = threading.Thread(target=self._send_until, args=(ended,))
        sending.start()
        try:
            yield lost
        finally:
            ended.set()
            sending.join()
        lost |= set(range(first, self._sent + 1)) - self.arrived()

    def close(self) -> None:
        self._sending.close()
        self._receiving.close()

    def _send_until(self, ended: threading.Event) -> None:
        while not ended.wait(SPACING):
            self.send()
