"""Reaching one peer, again and again, with growing patience."""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable

from opendmm.bindings.native.connection import Connection
from opendmm.bindings.native.limits import Endpoint, Limits
from opendmm.bindings.native.reasons import plainly
from opendmm.bindings.native.statistics import LOGGER


class Dialler:
    """Keeps one peer connected.

    `needed` waits until there is no session with the peer; `connection` makes what a new
    connection is handed to; `failed` hears why an attempt came to nothing.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        context: ssl.SSLContext,
        limits: Limits,
        *,
        needed: Callable[[], Awaitable[None]],
        connection: Callable[[], Connection],
        failed: Callable[[str], None],
    ) -> None:
        self.endpoint = endpoint
        self._context = context
        self._limits = limits
        self._needed = needed
        self._connection = connection
        self._failed = failed
        self._patience = limits.first_retry

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._needed()
            connection = self._connection()
            reason = await self._attempt(connection)
            if connection.admitted is not None:
                self._patience = self._limits.first_retry
            else:
                self._failed(reason)
            await self._wait()

    async def _attempt(self, connection: Connection) -> str:
        """Connect, and stay until the connection is over; why it is."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._enough()):
                await loop.create_connection(
                    lambda: connection,
                    self.endpoint.host,
                    self.endpoint.port,
                    ssl=self._context,
                    server_hostname="",
                    ssl_handshake_timeout=self._limits.handshake,
                    ssl_shutdown_timeout=1.0,
                )
                await asyncio.shield(connection.settled)
            return await asyncio.shield(connection.over)
        except OSError as problem:
            connection.abort(plainly(problem))
        except asyncio.CancelledError:
            connection.end("no longer wanted")
            raise
        # What one peer brings out must not end the sessions with all others.
        except Exception as defect:  # noqa: BLE001
            LOGGER.exception("defect", extra={"fields": {"while": "dialling"}})
            connection.abort(f"defect: {defect}")
        return connection.over.result()

    def _enough(self) -> float:
        """How long to try: at first not until TCP sends a lost first packet again (1 s)."""
        return min(self._limits.handshake, 10 * self._patience)

    async def _wait(self) -> None:
        # Not in step with others that lost the same peer (full to half the patience).
        delay = self._patience * random.uniform(0.5, 1.0)
        self._patience = min(2 * self._patience, self._limits.last_retry)
        await asyncio.sleep(delay)
