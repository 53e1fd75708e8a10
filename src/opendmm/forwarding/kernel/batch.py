"""Messages of many changes sent together, each refusal brought back to its change."""

import errno
from collections.abc import Iterator

from opendmm.forwarding.netlink.socket import NetlinkSocket

ALREADY_THERE = frozenset({errno.EEXIST})
ALREADY_GONE = frozenset({errno.ESRCH, errno.ENOENT, errno.ENODEV, errno.EADDRNOTAVAIL})
MUST_SUCCEED: frozenset[int] = frozenset()


class Batch:
    """Messages in order, each on behalf of a numbered change."""

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self._owners: list[int] = []
        self._tolerated: dict[int, frozenset[int]] = {}

    def add(self, message: bytes, owner: int, tolerated: frozenset[int] = MUST_SUCCEED) -> None:
        """`tolerated` are the errors (errno) that mean the message's end is reached anyway."""
        if tolerated:
            self._tolerated[len(self._messages)] = tolerated
        self._messages.append(message)
        self._owners.append(owner)

    def send(self, socket: NetlinkSocket) -> Iterator[tuple[int, str]]:
        """Send all; for each message refused in earnest, its change's number and why."""
        for index, refusal in sorted(socket.execute(self._messages).items()):
            if refusal.number not in self._tolerated.get(index, MUST_SUCCEED):
                yield self._owners[index], refusal.text
