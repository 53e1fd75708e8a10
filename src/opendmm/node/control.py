"""Talking to a running daemon: JSON lines over a UNIX socket in the run directory.

A request is one JSON object in a line, with `ask` naming the question; the answer is one line,
either `{"ok": true, "answer": ...}` or `{"ok": false, "error": "..."}`. Several questions may
follow each other on one connection. Only who may write to the socket (its owner) is answered.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from opendmm.node.logs import warn

LONGEST_REQUEST = 1 << 16
SUFFIX = ".sock"
OWNER_ONLY = 0o600

Request = Mapping[str, Any]
Handler = Callable[[Request], object]


class ControlError(Exception):
    """A question that cannot be answered; the message says why."""


class ControlServer:
    """Answers questions on `path` with `handlers`, by the name of the question."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._handlers = handlers
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()
        self._encoder = msgspec.json.Encoder(enc_hook=str)

    async def start(self) -> None:
        """Listen; takes over the socket of a daemon that is gone. Raises ControlError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if await asyncio.to_thread(_answers, self._path):
            raise ControlError(f"another daemon listens on {self._path}: stop it first")
        self._path.unlink(missing_ok=True)
        before = os.umask(0o777 & ~OWNER_ONLY)
        try:
            self._server = await asyncio.start_unix_server(
                self._serve, str(self._path), limit=LONGEST_REQUEST
            )
        finally:
            os.umask(before)

    async def close(self) -> None:
        """Stop listening and take the socket away."""
        if self._server is not None:
            self._server.close()
            for client in tuple(self._clients):
                client.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while line := await self._line(reader):
                writer.write(self._answer(line) + b"\n")
                await writer.drain()
        except ConnectionError:
            return
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readline()
        except ValueError:
            warn("control-request-too-long", limit=LONGEST_REQUEST)
            return b""

    def _answer(self, line: bytes) -> bytes:
        try:
            answer = self._handle(line)
        except ControlError as error:
            return self._encoder.encode({"ok": False, "error": str(error)})
        return self._encoder.encode({"ok": True, "answer": answer})

    def _handle(self, line: bytes) -> object:
        try:
            request = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ControlError(f"not JSON: {error}") from error
        if not isinstance(request, dict) or not isinstance(request.get("ask"), str):
            raise ControlError('send one JSON object with "ask" in it')
        handler = self._handlers.get(request["ask"])
        if handler is None:
            known = ", ".join(sorted(self._handlers))
            raise ControlError(f"unknown question {request['ask']!r}; known: {known}")
        return handler(request)


def ask(
    path: Path, question: str, particulars: Mapping[str, object] = {}, timeout: float = 5.0
) -> Any:
    """Ask the daemon behind a socket and wait for its answer, for `timeout` seconds at most.

    Raises ControlError when it refuses or answers nonsense, OSError when nobody is there.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        connection.connect(str(path))
        connection.sendall(msgspec.json.encode({**particulars, "ask": question}) + b"\n")
        with connection.makefile("rb") as answers:
            line = answers.readline()
    try:
        answer = msgspec.json.decode(line)
        if answer["ok"]:
            return answer["answer"]
        raise ControlError(answer["error"])
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise ControlError(f"{path} gave no proper answer") from error


def _answers(path: Path) -> bool:
    """Whether a live process listens on the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            return path.exists()
    return True
