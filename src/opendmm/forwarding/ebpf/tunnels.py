"""The two packet programs and their map of redirections, in the words of the model."""

import os
import struct
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from opendmm.forwarding.ebpf.build import NEEDED, OBJECT
from opendmm.forwarding.ebpf.libbpf import (
    TC_INGRESS,
    HashMap,
    ObjectFile,
    detach,
    library,
    maps_in_use,
)
from opendmm.model.addressing import HomePrefix

KEY = struct.Struct("=16sHH4x")
VALUE = struct.Struct("=16sQQ")
NODE = struct.Struct("=16sI4x")
LENGTHS = struct.Struct("=9I")
LENGTHS_AT_MOST = 8
FAMILY_IPV4, FAMILY_IPV6 = 2, 10
KEPT = ("redirections", "lengths_in_use", "events")


class Format(StrEnum):
    """What the outer header is; the end of the names of programs that make it."""

    IP_IN_IPV6 = "ip"
    LISP = "lisp"


class Redirection(msgspec.Struct, frozen=True):
    """A prefix whose packets go to a locator (packed), and how many have gone there."""

    prefix: HomePrefix
    locator: bytes
    packets: int = 0
    octets: int = 0


class Devices(msgspec.Struct, frozen=True):
    """Indexes of interfaces: the device that leads to tunnels, the one that tunnels end at, and the
    links between nodes that packets to be redirected come in by."""

    entrance: int
    end: int
    core: tuple[int, ...] = ()


class TunnelPrograms:
    """Loaded and attached to devices of this network namespace. `locator` is the node's own,
    packed; `room` are the octets of the largest packet that goes into a tunnel.

    Raises OSError when the programs are not built, or the kernel will not have them.
    """

    def __init__(self, form: Format, locator: bytes, room: int, devices: Devices) -> None:
        if not OBJECT.exists():
            raise OSError(
                f"the packet programs are not built: {NEEDED}, then make setup "
                "(python -m opendmm.forwarding.ebpf.build)"
            )
        libbpf = library()
        before = maps_in_use(libbpf, devices.entrance)
        try:
            kept = {name: handle for name, handle in before.items() if name in KEPT}
            self._object = ObjectFile(libbpf, OBJECT, kept)
        finally:
            for handle in before.values():
                os.close(handle)
        self._redirections = HashMap(
            libbpf, self._object.map_handle("redirections"), KEY.size, VALUE.size
        )
        self._lengths = HashMap(libbpf, self._object.map_handle("lengths_in_use"), 4, LENGTHS.size)
        nodes = HashMap(libbpf, self._object.map_handle("nodes"), 4, NODE.size)
        nodes.put(bytes(4), NODE.pack(locator, room))
        self._in_use: dict[bool, set[int]] = {True: set(), False: set()}
        self._lengthen({redirection.prefix for redirection in self.redirections()})
        self._object.attach(f"encapsulate_{form}", devices.entrance)
        self._object.attach("decapsulate", devices.end)
        for link in devices.core:
            self._object.attach(f"came_in_{form}", link, TC_INGRESS)

    def redirect(self, redirections: Sequence[Redirection]) -> None:
        """Put them in, in place of what there was for their prefixes. Raises OSError."""
        if not redirections:
            return
        self._lengthen({r.prefix for r in redirections})
        self._redirections.update(
            [_key(r.prefix) for r in redirections],
            [VALUE.pack(r.locator, 0, 0) for r in redirections],
        )

    def forget(self, prefixes: Sequence[HomePrefix]) -> None:
        """Packets to them go by the main table from now on."""
        self._redirections.delete([_key(prefix) for prefix in prefixes])

    def redirections(self) -> list[Redirection]:
        """What is in the map, whoever put it there. Raises OSError."""
        return _read(self._redirections)

    def close(self) -> None:
        """The devices keep the programs."""
        self._object.close()

    def _lengthen(self, prefixes: set[HomePrefix]) -> None:
        """Tell the program of lengths it has not looked for so far; none is taken back."""
        for prefix in prefixes:
            lengths = self._in_use[prefix.is_ipv6]
            if prefix.length in lengths:
                continue
            if len(lengths) >= LENGTHS_AT_MOST:
                raise OSError(f"{prefix}: prefixes of {LENGTHS_AT_MOST} lengths are redirected")
            lengths.add(prefix.length)
            longest_first = sorted(lengths, reverse=True)
            empty = [0] * (LENGTHS_AT_MOST - len(longest_first))
            self._lengths.put(
                struct.pack("=I", not prefix.is_ipv6),
                LENGTHS.pack(len(longest_first), *longest_first, *empty),
            )


def leave(links: Iterable[int]) -> None:
    """Take the programs from links between nodes; they go with devices of ours. Raises OSError."""
    libbpf = library()
    for link in links:
        detach(libbpf, link, TC_INGRESS)


def redirections_at(entrance: int) -> list[Redirection]:
    """What is in the map at a device, by index, whoever put it there. Raises OSError."""
    libbpf = library()
    handles = maps_in_use(libbpf, entrance)
    try:
        if "redirections" not in handles:
            return []
        return _read(HashMap(libbpf, handles["redirections"], KEY.size, VALUE.size))
    finally:
        for handle in handles.values():
            os.close(handle)


def _read(redirections: HashMap) -> list[Redirection]:
    return [_redirection(key, value) for key, value in redirections.items()]


def _key(prefix: HomePrefix) -> bytes:
    family = FAMILY_IPV6 if prefix.is_ipv6 else FAMILY_IPV4
    return KEY.pack(prefix.network, prefix.length, family)


def _redirection(key: bytes, value: bytes) -> Redirection:
    network, length, family = KEY.unpack(key)
    octets = 16 if family == FAMILY_IPV6 else 4
    return Redirection(HomePrefix(network[:octets], length), *VALUE.unpack(value))
