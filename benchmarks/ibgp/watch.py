"""What becomes of host routes in a namespace, heard by a process of its own.

It keeps what the kernel says and when, and gives it away when asked; so neither the program that
announces nor the reading of what was heard delays the times.
"""

import contextlib
import errno
import multiprocessing
import select
import signal
import socket
import struct
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

import msgspec

from opendmm.forwarding.netlink.attributes import integer, parse
from opendmm.forwarding.netlink.route import (
    RTM_DELROUTE,
    RTM_NEWROUTE,
    RTMSG,
    TABLE_MAIN,
    RouteAttribute,
)
from opendmm.lab.errors import LabError
from opendmm.lab.namespaces import inside
from opendmm.lab.processes import be_punctual

IPV6_ROUTES = 0x400
"""Of the multicast groups of rtnetlink: RTMGRP_IPV6_ROUTE."""
SO_RCVBUFFORCE = 33
BUFFER = 512 << 20
"""Octets: of 100 000 routes that change at once nothing may be lost."""
LARGEST_MESSAGE = 1 << 16
MOST_AT_ONCE = 256
"""Messages read before a question is looked at again."""
HEADER = struct.Struct("=IHHII")
Heard = tuple[float, bytes]


class Event(msgspec.Struct, frozen=True):
    """A change of a host route in the main table; `output` is the index of the interface it now
    leads to, 0 when it was deleted."""

    time: float
    host: bytes
    output: int


class Watch:
    """The listener to one namespace."""

    def __init__(self, namespace: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_listen, args=(namespace, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._answer()

    def take(self) -> list[Event]:
        """What was heard since the last time. Raises LabError when the kernel had to drop some."""
        self._pipe.send("take")
        return list(_events(self._answer()))

    def close(self) -> None:
        self._pipe.close()
        self._process.join()

    def _answer(self) -> list[Heard]:
        try:
            heard: list[Heard] | None = self._pipe.recv()
        except EOFError:
            raise LabError("the process that listens to routes has ended") from None
        if heard is None:
            raise LabError("the kernel has dropped events: measure fewer routes at once")
        return heard


def _listen(namespace: str, pipe: Connection) -> None:
    """Body of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    be_punctual()
    with inside(namespace):
        routes = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    routes.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    routes.bind((0, IPV6_ROUTES))
    routes.setblocking(False)
    poll = select.poll()
    poll.register(routes, select.POLLIN)
    poll.register(pipe, select.POLLIN)
    heard: list[Heard] | None = []
    with contextlib.suppress(EOFError, BrokenPipeError):
        pipe.send(heard)
        while True:
            poll.poll()
            heard = _read(routes, heard)
            if pipe.poll():
                pipe.recv()
                pipe.send(heard)
                heard = []


def _read(routes: socket.socket, heard: list[Heard] | None) -> list[Heard] | None:
    """`heard` and what has come since; None when something was lost."""
    try:
        for _ in range(MOST_AT_ONCE):
            data = routes.recv(LARGEST_MESSAGE)
            if heard is not None:
                heard.append((time.monotonic(), data))
    except BlockingIOError:
        pass
    except OSError as error:
        if error.errno != errno.ENOBUFS:
            raise
        return None
    return heard


def _events(heard: list[Heard]) -> Iterator[Event]:
    for now, data in heard:
        offset = 0
        while offset < len(data):
            size, kind, *_ = HEADER.unpack_from(data, offset)
            body = data[offset + HEADER.size : offset + size]
            _, length, _, _, table, *_ = RTMSG.unpack_from(body)
            if kind in (RTM_NEWROUTE, RTM_DELROUTE) and (length, table) == (128, TABLE_MAIN):
                found = parse(body[RTMSG.size :])
                output = integer(found.get(RouteAttribute.OUTPUT, b""))
                there = output if kind == RTM_NEWROUTE else 0
                yield Event(now, found[RouteAttribute.DESTINATION], there)
            offset += (size + 3) & ~3
