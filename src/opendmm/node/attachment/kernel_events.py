"""Link and neighbour events of the kernel, straight from a netlink socket in the event loop.

From the link's coming up to the callback takes about a third of a millisecond, nearly all of
it the kernel's. A netlink library's own queues double that, hence the few lines of parsing.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable

import msgspec

from opendmm.forwarding.netlink.address import (
    DAD_FAILED,
    GLOBAL,
    RTM_DELADDR,
    RTM_NEWADDR,
    TENTATIVE,
    dump_addresses,
    parse_address,
)
from opendmm.forwarding.netlink.attributes import HEADER, parse
from opendmm.forwarding.netlink.link import (
    IFINFOMSG,
    RTM_DELLINK,
    RTM_NEWLINK,
    LinkAttribute,
    dump_links,
)
from opendmm.forwarding.netlink.neighbour import (
    NDMSG,
    RTM_DELNEIGH,
    RTM_NEWNEIGH,
    NeighbourAttribute,
    dump_neighbours,
)
from opendmm.forwarding.netlink.socket import NETLINK_ROUTE, NLMSG_DONE

RTMGRP_LINK = 0x1
RTMGRP_NEIGH = 0x4
RTMGRP_IPV6_IFADDR = 0x100
IFLA_ADDRESS = 1
IFF_UP = 0x1
IFF_LOWER_UP = 0x10000
CAN_CARRY = IFF_UP | IFF_LOWER_UP
NUD_HEARD = 0x02 | 0x04
"""Reachable or stale: what an entry becomes when the neighbour is heard."""
NUD_KNOWN = NUD_HEARD | 0x08 | 0x10
"""Also delay and probe. Permanent entries are left out: those we write ourselves."""
LARGEST_READ = 1 << 16


class LinkState(msgspec.Struct, frozen=True):
    """An interface now; `up` when it can carry packets, `link_layer_id` its own address."""

    index: int
    name: str
    up: bool
    link_layer_id: bytes


class NeighbourState(msgspec.Struct, frozen=True):
    """An entry of the neighbour table now, on the interface of this index.

    `known` when its link-layer address was learned from the link, `heard` when moreover the
    entry is in a state that hearing the neighbour puts it into.
    """

    index: int
    address: bytes
    link_layer_id: bytes
    known: bool
    heard: bool


class AddressState(msgspec.Struct, frozen=True):
    """A global unicast IPv6 address of this node on the interface of this index.

    `usable` when it is there and no longer tentative (RFC 4862 §5.4).
    """

    index: int
    address: bytes
    usable: bool


KernelEvent = LinkState | NeighbourState | AddressState


class KernelEvents:
    """Reads events in the running loop.

    `on_event` gets each, first of all every link, neighbour and address as it is; `on_complete` is
    called when that first account (or a later one, after events were lost) is through.
    """

    def __init__(
        self, on_event: Callable[[KernelEvent], None], on_complete: Callable[[], None]
    ) -> None:
        self._on_event = on_event
        self._on_complete = on_complete
        self._questions: list[bytes] = []
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_ROUTE
        )
        self._socket.setblocking(False)
        self._socket.bind((0, RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV6_IFADDR))
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        self._ask()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _ask(self) -> None:
        self._questions = [dump_addresses(), dump_neighbours()]
        self._socket.send(dump_links())

    def _answered(self) -> None:
        # The kernel answers one dump at a time.
        if self._questions:
            self._socket.send(self._questions.pop())
        else:
            self._on_complete()

    def _read(self) -> None:
        try:
            while True:
                self._messages(self._socket.recv(LARGEST_READ))
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            # More came than the socket holds: what was missed is in the present state.
            with contextlib.suppress(OSError):
                self._ask()

    def _messages(self, data: bytes) -> None:
        offset = 0
        while offset + HEADER.size <= len(data):
            length, kind, _, _, _ = HEADER.unpack_from(data, offset)
            if length < HEADER.size:
                return
            if kind == NLMSG_DONE:
                self._answered()
            elif (event := parse_event(kind, data[offset + HEADER.size : offset + length])) is not (
                None
            ):
                self._on_event(event)
            offset += (length + 3) & ~3


def parse_event(kind: int, body: bytes) -> KernelEvent | None:
    """The event in a netlink message; None when it tells of nothing here."""
    if kind in (RTM_NEWLINK, RTM_DELLINK) and len(body) >= IFINFOMSG.size:
        _, _, index, flags, _ = IFINFOMSG.unpack_from(body)
        found = parse(body[IFINFOMSG.size :])
        name = found.get(LinkAttribute.NAME, b"").rstrip(b"\0").decode(errors="replace")
        if not name:
            return None
        up = kind == RTM_NEWLINK and flags & CAN_CARRY == CAN_CARRY
        return LinkState(index, name, up, found.get(IFLA_ADDRESS, b""))
    if kind in (RTM_NEWNEIGH, RTM_DELNEIGH) and len(body) >= NDMSG.size:
        _, _, index, state, _, _ = NDMSG.unpack_from(body)
        found = parse(body[NDMSG.size :])
        return NeighbourState(
            index,
            found.get(NeighbourAttribute.DESTINATION, b""),
            found.get(NeighbourAttribute.LINK_LAYER_ADDRESS, b""),
            known=kind == RTM_NEWNEIGH and bool(state & NUD_KNOWN),
            heard=kind == RTM_NEWNEIGH and bool(state & NUD_HEARD),
        )
    if kind in (RTM_NEWADDR, RTM_DELADDR):
        return _address_state(kind, body)
    return None


def _address_state(kind: int, body: bytes) -> AddressState | None:
    found = parse_address(body)
    if found is None or found.scope != GLOBAL:
        return None
    usable = kind == RTM_NEWADDR and not found.flags & (TENTATIVE | DAD_FAILED)
    return AddressState(found.interface, found.address, usable)
