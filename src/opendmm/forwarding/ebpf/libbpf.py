"""libbpf.so.1: load an object file, put a program where a device sends, change maps.

libbpf's functions return a negative errno; here that is an OSError.
"""

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

TC_INGRESS, TC_EGRESS = 1, 2
REPLACE = 1
HANDLE = PRIORITY = 7301
"""Of our filters, so that those of others stay where they are."""
NAME_OFFSET, NAME_LENGTH = 24, 16
MAPS_AT_MOST = 16
BATCH = 4096
END_OF_MAP = {2}  # ENOENT: a batch is the last one


class TcHook(ctypes.Structure):
    """struct bpf_tc_hook."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("interface", ctypes.c_int),
        ("attach_point", ctypes.c_int),
        ("parent", ctypes.c_uint32),
    )


class TcOptions(ctypes.Structure):
    """struct bpf_tc_opts."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("program", ctypes.c_int),
        ("flags", ctypes.c_uint32),
        ("program_id", ctypes.c_uint32),
        ("handle", ctypes.c_uint32),
        ("priority", ctypes.c_uint32),
    )


class ProgramInfo(ctypes.Structure):
    """The beginning of struct bpf_prog_info (linux/bpf.h)."""

    _fields_ = (
        ("kind", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("tag", ctypes.c_uint64),
        ("jited_length", ctypes.c_uint32),
        ("translated_length", ctypes.c_uint32),
        ("jited", ctypes.c_uint64),
        ("translated", ctypes.c_uint64),
        ("loaded", ctypes.c_uint64),
        ("user", ctypes.c_uint32),
        ("maps", ctypes.c_uint32),
        ("map_ids", ctypes.c_uint64),
    )


def library() -> ctypes.CDLL:
    """Raises OSError when it is not installed."""
    try:
        found = ctypes.CDLL("libbpf.so.1")
    except OSError as problem:
        raise OSError(
            f"libbpf.so.1 cannot be loaded: apt-get install libbpf1 ({problem})"
        ) from None
    for name in ("open_file", "find_program_by_name", "find_map_by_name"):
        getattr(found, f"bpf_object__{name}").restype = ctypes.c_void_p
    found.libbpf_set_print(None)
    return found


def done(result: int, what: str) -> int:
    """What a function of libbpf returned, if that is no error. Raises OSError."""
    if result < 0:
        raise OSError(-result, f"{what}: {os.strerror(-result)}")
    return result


class HashMap:
    """A map of fixed-size keys and values; the kernel keeps it while a program uses it."""

    def __init__(self, libbpf: ctypes.CDLL, handle: int, key_size: int, value_size: int) -> None:
        self._libbpf = libbpf
        self._handle = handle
        self._sizes = key_size, value_size

    def update(self, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Put all of them, each in one step. Raises OSError, ENOSPC when the map is full."""
        count = ctypes.c_uint32(len(keys))
        refused = self._libbpf.bpf_map_update_batch(
            self._handle, b"".join(keys), b"".join(values), ctypes.byref(count), None
        )
        done(refused, "a map of redirections")

    def delete(self, keys: Sequence[bytes]) -> None:
        """Those that are there."""
        for key in keys:
            self._libbpf.bpf_map_delete_elem(self._handle, key)

    def items(self) -> list[tuple[bytes, bytes]]:
        """All of it, as it is meanwhile. Raises OSError."""
        found: list[tuple[bytes, bytes]] = []
        position: ctypes.Array[ctypes.c_char] | None = None
        key_size, value_size = self._sizes
        keys = ctypes.create_string_buffer(BATCH * key_size)
        values = ctypes.create_string_buffer(BATCH * value_size)
        while True:
            following = ctypes.create_string_buffer(max(key_size, 8))
            count = ctypes.c_uint32(BATCH)
            result = self._libbpf.bpf_map_lookup_batch(
                self._handle, position, following, keys, values, ctypes.byref(count), None
            )
            if -result not in END_OF_MAP:
                done(result, "reading a map")
            raw_keys, raw_values = keys.raw, values.raw
            found += [
                (
                    raw_keys[i * key_size : (i + 1) * key_size],
                    raw_values[i * value_size : (i + 1) * value_size],
                )
                for i in range(count.value)
            ]
            if result:
                return found
            position = following

    def put(self, key: bytes, value: bytes) -> None:
        """One element, of an array, too. Raises OSError."""
        refused = self._libbpf.bpf_map_update_elem(self._handle, key, value, ctypes.c_uint64(0))
        done(refused, "a map element")

    def get(self, key: bytes) -> bytes:
        """Raises OSError when it is not there."""
        value = ctypes.create_string_buffer(self._sizes[1])
        done(self._libbpf.bpf_map_lookup_elem(self._handle, key, value), "a map element")
        return value.raw


class ObjectFile:
    """Programs and maps of a compiled file; `close` lets go of what no device uses.

    Maps of `kept` (by name, open handles) take the place of the file's own.
    """

    def __init__(self, libbpf: ctypes.CDLL, path: Path, kept: dict[str, int]) -> None:
        self._libbpf = libbpf
        opened = libbpf.bpf_object__open_file(str(path).encode(), None)
        if not opened:
            raise OSError(f"{path} cannot be read as an eBPF object")
        self._object = ctypes.c_void_p(opened)
        try:
            for name, handle in kept.items():
                found = ctypes.c_void_p(self._map(name))
                done(libbpf.bpf_map__reuse_fd(found, handle), f"map {name}")
            done(libbpf.bpf_object__load(self._object), "the kernel refused the eBPF programs")
        except OSError:
            self.close()
            raise

    def map_handle(self, name: str) -> int:
        return done(self._libbpf.bpf_map__fd(ctypes.c_void_p(self._map(name))), name)

    def program_handle(self, name: str) -> int:
        found = self._libbpf.bpf_object__find_program_by_name(self._object, name.encode())
        return done(self._libbpf.bpf_program__fd(ctypes.c_void_p(found)), name)

    def attach(self, program: str, interface: int, point: int = TC_EGRESS) -> None:
        """To where a device would send, or receives; in place of what is there. Raises OSError."""
        handle = self.program_handle(program)
        hook = _hook(interface, point)
        self._libbpf.bpf_tc_hook_create(ctypes.byref(hook))  # EEXIST is no harm
        options = TcOptions(ctypes.sizeof(TcOptions), handle, REPLACE, 0, HANDLE, PRIORITY)
        done(
            self._libbpf.bpf_tc_attach(ctypes.byref(hook), ctypes.byref(options)),
            f"program {program} cannot be attached",
        )

    def close(self) -> None:
        """Idempotent."""
        self._libbpf.bpf_object__close(self._object)
        self._object = ctypes.c_void_p(None)

    def _map(self, name: str) -> int:
        found: int | None = self._libbpf.bpf_object__find_map_by_name(self._object, name.encode())
        if not found:
            raise OSError(f"no map {name} in the eBPF object")
        return found


def detach(libbpf: ctypes.CDLL, interface: int, point: int) -> None:
    """Take a program of ours away, if there is one."""
    hook = _hook(interface, point)
    options = TcOptions(ctypes.sizeof(TcOptions), 0, 0, 0, HANDLE, PRIORITY)
    libbpf.bpf_tc_detach(ctypes.byref(hook), ctypes.byref(options))


def maps_in_use(libbpf: ctypes.CDLL, interface: int) -> dict[str, int]:
    """Open handles of the maps that the program at a device uses, by name; none where none is."""
    hook = _hook(interface)
    options = TcOptions(ctypes.sizeof(TcOptions), 0, 0, 0, HANDLE, PRIORITY)
    if libbpf.bpf_tc_query(ctypes.byref(hook), ctypes.byref(options)) < 0:
        return {}
    program = libbpf.bpf_prog_get_fd_by_id(options.program_id)
    if program < 0:
        return {}
    ids = (ctypes.c_uint32 * MAPS_AT_MOST)()
    info = ProgramInfo(maps=MAPS_AT_MOST, map_ids=ctypes.addressof(ids))
    length = ctypes.c_uint32(ctypes.sizeof(info))
    refused = libbpf.bpf_obj_get_info_by_fd(program, ctypes.byref(info), ctypes.byref(length))
    os.close(program)
    done(refused, "the program at a device")
    handles = (libbpf.bpf_map_get_fd_by_id(number) for number in ids[: info.maps])
    return {_name(libbpf, handle): handle for handle in handles if handle >= 0}


def _name(libbpf: ctypes.CDLL, handle: int) -> str:
    info = ctypes.create_string_buffer(NAME_OFFSET + NAME_LENGTH)
    length = ctypes.c_uint32(len(info))
    done(libbpf.bpf_obj_get_info_by_fd(handle, info, ctypes.byref(length)), "a map")
    return info.raw[NAME_OFFSET:].rstrip(b"\0").decode()


def _hook(interface: int, point: int = TC_EGRESS) -> TcHook:
    return TcHook(ctypes.sizeof(TcHook), interface, point, 0)
