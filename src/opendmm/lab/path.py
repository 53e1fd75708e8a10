"""The path packets really take: path probes seen by captures on every node, in order of time.

Path probes have a size nothing else has; a kernel filter by length keeps captures cheap, and
the probe's own header is found in the octets, in whatever tunnel it travels.
`python -m opendmm.lab.path RESULT NAMESPACE=NODE ...`, until standard input ends.
"""

import contextlib
import ctypes
import select
import socket
import struct
import sys
import time
from pathlib import Path

import msgspec

from opendmm.lab.namespaces import inside
from opendmm.lab.traffic.plan import MAGIC, PATH_PROBE_OCTETS
from opendmm.lab.traffic.udp import HEADER, SO_TIMESTAMPNS, TIMESPEC

ETH_P_ALL = 3
SO_ATTACH_FILTER = 26
SHORTEST = PATH_PROBE_OCTETS + 14 + 20 + 8
LONGEST = PATH_PROBE_OCTETS + 14 + 40 + 8 + 120
"""Frame lengths of a path probe: bare in IPv4, and in the largest tunnel header."""
BUFFER = 8 << 20


class Sighting(msgspec.Struct, frozen=True, array_like=True):
    """A path probe on an interface of a node."""

    at: float
    node: str
    flow: int
    probe: int


def _length_filter() -> bytes:
    """Classic BPF: accept when SHORTEST <= length <= LONGEST."""
    instruction = struct.Struct("HBBI")
    load_length, jump_ge, jump_gt, accept = 0x80, 0x35, 0x25, 0x06
    program = [
        instruction.pack(load_length, 0, 0, 0),
        instruction.pack(jump_ge, 0, 2, SHORTEST),
        instruction.pack(jump_gt, 1, 0, LONGEST),
        instruction.pack(accept, 0, 0, 0xFFFF),
        instruction.pack(accept, 0, 0, 0),
    ]
    return b"".join(program)


def _capture(namespace: str) -> socket.socket:
    program = ctypes.create_string_buffer(_length_filter())
    with inside(namespace):
        capture = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    count = len(program.raw) // 8
    capture.setsockopt(
        socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", count, ctypes.addressof(program))
    )
    capture.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    capture.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    capture.setblocking(False)
    return capture


def _sighting(node: str, frame: bytes, ancillary: list[tuple[int, int, bytes]]) -> Sighting | None:
    place = frame.find(MAGIC)
    if place < 0 or len(frame) - place < PATH_PROBE_OCTETS:
        return None
    _, flow, probe = HEADER.unpack_from(frame, place)
    at = time.time()
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = TIMESPEC.unpack_from(data)
            at = seconds + nanoseconds / 1e9
    return Sighting(at, node, flow, probe)


def watch(captures: dict[socket.socket, str]) -> list[Sighting]:
    """Every path probe seen until standard input ends."""
    sightings: list[Sighting] = []
    while True:
        readable, _, _ = select.select([*captures, sys.stdin], (), ())
        if sys.stdin in readable:
            return sightings
        for capture in [one for one in captures if one in readable]:
            with contextlib.suppress(BlockingIOError):
                while True:
                    frame, ancillary, _, _ = capture.recvmsg(2048, 64)
                    found = _sighting(captures[capture], frame, ancillary)
                    if found is not None:
                        sightings.append(found)


def paths(sightings: list[Sighting], flow: int) -> list[tuple[float, tuple[str, ...]]]:
    """Of each probe of a flow: when it was first seen, and the nodes it passed in order."""
    by_probe: dict[int, list[Sighting]] = {}
    for sighting in sightings:
        if sighting.flow == flow:
            by_probe.setdefault(sighting.probe, []).append(sighting)
    found = []
    for seen in by_probe.values():
        seen.sort(key=lambda sighting: sighting.at)
        nodes = [seen[0].node]
        for sighting in seen[1:]:
            if sighting.node != nodes[-1]:
                nodes.append(sighting.node)
        found.append((seen[0].at, tuple(nodes)))
    return sorted(found)


def last_whole_path(
    found: list[tuple[float, tuple[str, ...]]], start: float, end: float, destination: str
) -> tuple[str, ...]:
    """The last path in [start, end) that reached its destination; empty when none did."""
    whole = [path for at, path in found if start <= at < end and path[-1] == destination]
    return whole[-1] if whole else ()


def main() -> None:
    """Entry point of the process."""
    pairs = [argument.split("=", 1) for argument in sys.argv[2:]]
    captures = {_capture(namespace): node for namespace, node in pairs}
    print("ready", flush=True)
    sightings = watch(captures)
    Path(sys.argv[1]).write_bytes(msgspec.json.encode(sightings))


if __name__ == "__main__":
    main()
