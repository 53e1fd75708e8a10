"""A netlink socket that sends many messages at once and knows which were refused.

The kernel works a batch off inside `send`; it answers each refused message at once, and the
last one because it is asked to. Answers carry the sequence number, so each finds its message.
"""

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence

import msgspec

from opendmm.forwarding.netlink.attributes import HEADER, MessageFlag, parse

NETLINK_ROUTE = 0
NETLINK_NETFILTER = 12
SOL_NETLINK = 270
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
NETLINK_GET_STRICT_CHK = 12
SO_RCVBUFFORCE = 33

NLMSG_ERROR = 2
NLMSG_DONE = 3
ACK_HAS_ATTRIBUTES = 0x200
ERROR_MESSAGE = 1

FLAGS_OFFSET = 6
SEQUENCE_OFFSET = 8

BATCH = 200
RECEIVE_BUFFER = 4 << 20
LARGEST_ANSWER = 1 << 17
MEMORY_RETRIES = 20


class NetlinkError(OSError):
    """The kernel refused; `strerror` is its own explanation where it gave one."""


class Refusal(msgspec.Struct, frozen=True):
    """Why one message of a batch was refused; `number` is the errno."""

    number: int
    text: str


class NetlinkSocket:
    """Bound to the network namespace of the thread that makes it. Not thread-safe."""

    def __init__(self, protocol: int = NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        self._socket.bind((0, 0))
        for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK):
            self._socket.setsockopt(SOL_NETLINK, option, 1)
        # Without privilege over the initial namespace the kernel's default has to do.
        with contextlib.suppress(PermissionError):
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def execute(self, messages: Sequence[bytes]) -> dict[int, Refusal]:
        """Send all, in order; the refused ones by their index in `messages`.

        A route with an encapsulation of its own can be refused for want of per-CPU memory
        when many come at once; the kernel refills its reserve, so those are sent again.
        """
        refused: dict[int, Refusal] = {}
        for start in range(0, len(messages), BATCH):
            self._send(messages[start : start + BATCH], start, refused)
        for _ in range(MEMORY_RETRIES):
            starved = [i for i, refusal in refused.items() if refusal.number == errno.ENOMEM]
            if not starved:
                break
            for index in starved:
                del refused[index]
                self._send(messages[index : index + 1], index, refused)
        return refused

    def transact(self, messages: Sequence[bytes]) -> Refusal | None:
        """Send one nftables transaction, of which one message asks for an answer."""
        packet, first = self._packet(messages)
        self._socket.send(packet)
        while True:
            for kind, flags, number, body in self._receive():
                if kind == NLMSG_ERROR and (number - first) & 0xFFFFFFFF < len(messages):
                    refusal = _refusal(flags, body)
                    return refusal if refusal.number else None

    def request(self, question: bytes) -> bytes:
        """The body of the one answer to a question. Raises NetlinkError."""
        sequence = self._send_one(question)
        while True:
            for kind, flags, number, body in self._receive():
                if number != sequence:
                    continue
                if kind == NLMSG_ERROR:
                    _raise(_refusal(flags, body))
                return body

    def dump(self, question: bytes) -> Iterator[bytes]:
        """The bodies of all answers to a dump request. Raises NetlinkError."""
        sequence = self._send_one(question)
        while True:
            for kind, flags, number, body in self._receive():
                if number != sequence:
                    continue
                if kind == NLMSG_DONE:
                    return
                if kind == NLMSG_ERROR:
                    _raise(_refusal(flags, body))
                yield body

    def _send_one(self, question: bytes) -> int:
        packet, sequence = self._packet([question])
        self._socket.send(packet)
        return sequence

    def _packet(self, messages: Sequence[bytes]) -> tuple[bytearray, int]:
        """The messages joined and numbered, and the first one's number."""
        packet = bytearray().join(messages)
        first = self._sequence + 1
        offset = 0
        for sequence, part in enumerate(messages, first):
            struct.pack_into("=I", packet, offset + SEQUENCE_OFFSET, sequence & 0xFFFFFFFF)
            offset += len(part)
        self._sequence = (self._sequence + len(messages)) & 0xFFFFFFFF
        return packet, first & 0xFFFFFFFF

    def _send(self, messages: Sequence[bytes], start: int, refused: dict[int, Refusal]) -> None:
        """Send a batch that is a part of a longer list, from its index `start`."""
        packet, first = self._packet(messages)
        last_flags = len(packet) - len(messages[-1]) + FLAGS_OFFSET
        (flags,) = struct.unpack_from("=H", packet, last_flags)
        struct.pack_into("=H", packet, last_flags, flags | MessageFlag.ACK)
        self._socket.send(packet)
        done = False
        while not done:
            for kind, flags, number, body in self._receive():
                position = (number - first) & 0xFFFFFFFF
                if kind != NLMSG_ERROR or position >= len(messages):
                    continue
                refusal = _refusal(flags, body)
                if refusal.number:
                    refused[start + position] = refusal
                done = done or position == len(messages) - 1

    def _receive(self) -> list[tuple[int, int, int, bytes]]:
        data = self._socket.recv(LARGEST_ANSWER)
        answers = []
        offset = 0
        while offset + HEADER.size <= len(data):
            length, kind, flags, sequence, _ = HEADER.unpack_from(data, offset)
            if length < HEADER.size:
                break
            answers.append((kind, flags, sequence, data[offset + HEADER.size : offset + length]))
            offset += (length + 3) & ~3
        return answers


def _refusal(flags: int, body: bytes) -> Refusal:
    (negative,) = struct.unpack_from("=i", body)
    if not negative:
        return Refusal(0, "")
    text = os.strerror(-negative)
    if flags & ACK_HAS_ATTRIBUTES:
        explained = parse(body[4 + HEADER.size :]).get(ERROR_MESSAGE)
        if explained:
            words = explained.rstrip(b"\0").decode(errors="replace")
            text = f"{words} ({text})"
    return Refusal(-negative, text)


def _raise(refusal: Refusal) -> None:
    raise NetlinkError(refusal.number, refusal.text)
