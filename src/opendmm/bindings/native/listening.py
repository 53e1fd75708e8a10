"""Accepting connections, with a bound on those that have not shown who they are."""

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable

from opendmm.bindings.native.connection import Connection
from opendmm.bindings.native.limits import Limits
from opendmm.bindings.native.reasons import plainly
from opendmm.bindings.native.statistics import LOGGER

BACKLOG = 128
OUT_OF_FILES_PAUSE = 0.1
"""Seconds to wait when the process cannot have another socket."""


class PortTakenError(Exception):
    """Somebody else listens on the port; the message says what to do."""


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that takes IPv6 and, on "::", IPv4 as well. Raises PortTakenError, OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server(
            (host, port), family=family, backlog=BACKLOG, dualstack_ipv6=host == "::"
        )
    except OSError as problem:
        if problem.errno != errno.EADDRINUSE:
            raise
        raise PortTakenError(
            f"TCP port {port} is taken: stop the other daemon on this machine first"
        ) from problem


class Door:
    """Accepts on a socket. `connection` makes what a new connection is handed to."""

    def __init__(
        self,
        listening: socket.socket,
        context: ssl.SSLContext,
        connection: Callable[[], Connection],
        limits: Limits,
    ) -> None:
        self._listening = listening
        self._context = context
        self._connection = connection
        self._limits = limits
        self._strangers: dict[asyncio.Task[None], None] = {}

    @property
    def strangers(self) -> int:
        """Connections that have not shown who they are yet."""
        return len(self._strangers)

    async def run(self, group: asyncio.TaskGroup) -> None:
        """Accept until cancelled."""
        loop = asyncio.get_running_loop()
        self._listening.setblocking(False)
        with self._listening:
            while True:
                try:
                    accepted, _ = await loop.sock_accept(self._listening)
                except OSError:
                    # The caller went away at once, or there are no files left for it.
                    await asyncio.sleep(OUT_OF_FILES_PAUSE)
                    continue
                self._let_in(accepted, group)

    def _let_in(self, accepted: socket.socket, group: asyncio.TaskGroup) -> None:
        """The oldest stranger makes room: a real peer needs only milliseconds to get through."""
        if len(self._strangers) >= self._limits.unauthenticated:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.cancel()
        task = group.create_task(self._receive(accepted))
        self._strangers[task] = None

        def known_or_gone(done: asyncio.Task[None]) -> None:
            self._strangers.pop(done, None)
            if done.cancelled():
                # It may not even have begun; where it had, this does no harm.
                accepted.close()

        task.add_done_callback(known_or_gone)

    async def _receive(self, accepted: socket.socket) -> None:
        connection = self._connection()
        with contextlib.suppress(OSError):  # it may be gone already
            connection.peer_address = accepted.getpeername()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limits.handshake):
                await loop.connect_accepted_socket(
                    lambda: connection,
                    accepted,
                    ssl=self._context,
                    ssl_handshake_timeout=self._limits.handshake,
                    ssl_shutdown_timeout=1.0,
                )
                await asyncio.shield(connection.settled)
        except OSError as problem:
            # No TLS, a certificate of another CA, too slow: the caller is told by TLS.
            connection.abort(f"no handshake: {plainly(problem)}")
        except asyncio.CancelledError:
            connection.abort("others were waiting")
            raise
        # Whatever a stranger's octets bring out must not close the door for everybody.
        except Exception as defect:  # noqa: BLE001
            LOGGER.exception("defect", extra={"fields": {"while": "accepting"}})
            connection.abort(f"defect: {defect}")
