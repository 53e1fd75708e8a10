"""A source of packets into the kernel's stack, and a sink that counts (generator.bpf.c)."""

import ctypes
import os
import platform
import struct
import subprocess
import tempfile
import time
from ipaddress import IPv6Address
from pathlib import Path

from opendmm.forwarding.ebpf.build import compiler
from opendmm.forwarding.ebpf.libbpf import TC_INGRESS, HashMap, ObjectFile, done, library

SOURCE = Path(__file__).with_name("generator.bpf.c")
FRAME = 128
LIVE_FRAMES = 2
BATCH = 64


class TestRun(ctypes.Structure):
    """struct bpf_test_run_opts."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("data_in", ctypes.c_void_p),
        ("data_out", ctypes.c_void_p),
        ("data_size_in", ctypes.c_uint32),
        ("data_size_out", ctypes.c_uint32),
        ("context_in", ctypes.c_void_p),
        ("context_out", ctypes.c_void_p),
        ("context_size_in", ctypes.c_uint32),
        ("context_size_out", ctypes.c_uint32),
        ("result", ctypes.c_uint32),
        ("repeat", ctypes.c_int),
        ("duration", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("cpu", ctypes.c_uint32),
        ("batch", ctypes.c_uint32),
    )


class Generator:
    """In the network namespace of the thread; `into` and `out_of` are indexes of interfaces."""

    def __init__(self, into: int, out_of: int) -> None:
        self._libbpf = library()
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder, "generator.bpf.o")
            include = f"-I/usr/include/{platform.machine()}-linux-gnu"
            options = ["-O2", "-g", "-target", "bpf", include]
            command = [compiler(), *options, "-c", str(SOURCE), "-o", str(made)]
            subprocess.run(command, check=True)
            self._object = ObjectFile(self._libbpf, made, {})
        self._object.attach("sink", out_of, TC_INGRESS)
        self._plans = HashMap(self._libbpf, self._object.map_handle("plans"), 4, 8 + FRAME)
        cpus = os.cpu_count() or 1
        self._arrived = HashMap(self._libbpf, self._object.map_handle("arrived"), 4, 8 * cpus)
        self._program = self._object.program_handle("source")
        self._into = into

    def rate(self, frame: bytes, destinations: int, packets: int) -> tuple[float, float]:
        """Packets per second that came out, and the share of those sent that did."""
        self._plans.put(bytes(4), struct.pack("=II", destinations, 0) + frame)
        before, begin = self._count(), time.perf_counter()
        self._send(frame, packets)
        spent = time.perf_counter() - begin
        time.sleep(0.05)
        arrived = self._count() - before
        return arrived / spent, arrived / packets

    def _send(self, frame: bytes, packets: int) -> None:
        data = ctypes.create_string_buffer(frame, len(frame))
        context = ctypes.create_string_buffer(
            struct.pack("=6I", 0, len(frame), 0, self._into, 0, 0), 24
        )
        run = TestRun(
            size=ctypes.sizeof(TestRun),
            data_in=ctypes.addressof(data),
            data_size_in=len(frame),
            context_in=ctypes.addressof(context),
            context_size_in=24,
            repeat=packets,
            flags=LIVE_FRAMES,
            batch=BATCH,
        )
        done(
            self._libbpf.bpf_prog_test_run_opts(self._program, ctypes.byref(run)),
            "sending packets",
        )

    def _count(self) -> int:
        return sum(struct.unpack(f"={(os.cpu_count() or 1)}Q", self._arrived.get(bytes(4))))


def frame_of(to: bytes, source: str, destination: str) -> bytes:
    """A UDP datagram over IPv6 and Ethernet, addressed to a link-layer address."""
    payload = FRAME - 14 - 40
    udp = struct.pack(">HHHH", 1234, 6000, payload, 0xFFFF) + bytes(payload - 8)
    ip = struct.pack(">IHBB", 6 << 28, payload, 17, 64)
    addresses = IPv6Address(source).packed + IPv6Address(destination).packed
    return to + bytes.fromhex("020000000001") + b"\x86\xdd" + ip + addresses + udp
