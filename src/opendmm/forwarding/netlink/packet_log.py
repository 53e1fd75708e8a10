"""Packets that nftables logs to a group (linux/netfilter/nfnetlink_log.h), read by one process.

A rule `log group N queue-threshold 1` copies each packet it matches to whoever holds the group,
with the interface it came by; what else becomes of the packet is for the rest of the rule to say.
"""

import contextlib
import errno
import os
import socket
import struct

from opendmm.forwarding.netlink.attributes import (
    ATTRIBUTE,
    HEADER,
    MessageFlag,
    attribute,
    message,
)
from opendmm.forwarding.netlink.socket import NETLINK_NETFILTER, SO_RCVBUFFORCE

NFNL_SUBSYS_ULOG = 4 << 8
NFULNL_MSG_PACKET = NFNL_SUBSYS_ULOG | 0
NFULNL_MSG_CONFIG = NFNL_SUBSYS_ULOG | 1
NFULA_CFG_CMD = 1
NFULA_CFG_MODE = 2
NFULA_CFG_QTHRESH = 5
NFULNL_CFG_CMD_BIND = 1
NFULNL_COPY_PACKET = 2
NFULA_IFINDEX_INDEV = 4
NFULA_PAYLOAD = 9
NFGENMSG = struct.Struct(">BBH")
COPY_MODE = struct.Struct(">IBx")
INDEX = struct.Struct(">I")

WHOLE = 0xFFFF
"""Octets copied of a packet, at most."""
LARGEST_READ = 1 << 17

Logged = tuple[int, bytes]
"""The index of the interface a packet came by, 0 for none, and its octets."""


class PacketLog:
    """Holds a group, in the network namespace of the thread that makes it; never waits.

    `copied` octets of each packet are wanted, and as many may wait as `buffer` octets hold, 0 for
    what the system thinks fit. Raises OSError, also when another process has the group.
    """

    def __init__(self, group: int, copied: int = WHOLE, buffer: int = 0) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER
        )
        try:
            self._socket.bind((0, 0))
            if buffer:
                # Without privilege over the initial namespace the kernel's default has to do.
                with contextlib.suppress(PermissionError):
                    self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, buffer)
            self._bind_group(group, copied)
        except BaseException:
            self._socket.close()
            raise
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def read(self) -> list[Logged]:
        """What one look finds; empty when there is nothing. Where more came than the buffer
        holds, some packets are lost, as on any link."""
        try:
            return packets_in(self._socket.recv(LARGEST_READ))
        except BlockingIOError:
            return []
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            return self.read()

    def _bind_group(self, group: int, copied: int) -> None:
        command = attribute(NFULA_CFG_CMD, bytes((NFULNL_CFG_CMD_BIND,)))
        mode = attribute(NFULA_CFG_MODE, COPY_MODE.pack(copied, NFULNL_COPY_PACKET))
        # Each packet is told at once, not when a buffer is full.
        threshold = attribute(NFULA_CFG_QTHRESH, struct.pack(">I", 1))
        for part in (command, mode + threshold):
            body = NFGENMSG.pack(0, 0, group) + part
            flags = MessageFlag.REQUEST | MessageFlag.ACK
            self._socket.send(message(NFULNL_MSG_CONFIG, flags, body))
            answer = self._socket.recv(LARGEST_READ)
            (negative,) = struct.unpack_from("=i", answer, HEADER.size)
            if negative:
                words = f"cannot bind to netfilter log group {group}: {os.strerror(-negative)}"
                raise OSError(-negative, words)


def packets_in(data: bytes) -> list[Logged]:
    """The packets in what the kernel sent; what else it says is passed over."""
    packets = []
    offset = 0
    while offset + HEADER.size <= len(data):
        length, kind, _, _, _ = HEADER.unpack_from(data, offset)
        if length < HEADER.size:
            break
        if kind == NFULNL_MSG_PACKET:
            first = offset + HEADER.size + NFGENMSG.size
            packets.append(_packet(data, first, min(offset + length, len(data))))
        offset += (length + 3) & ~3
    return packets


def _packet(data: bytes, offset: int, end: int) -> Logged:
    index, payload = 0, b""
    while offset + ATTRIBUTE.size <= end:
        length, kind = ATTRIBUTE.unpack_from(data, offset)
        if length < ATTRIBUTE.size:
            break
        if kind == NFULA_IFINDEX_INDEV:
            (index,) = INDEX.unpack_from(data, offset + ATTRIBUTE.size)
        elif kind == NFULA_PAYLOAD:
            payload = data[offset + ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return index, payload
