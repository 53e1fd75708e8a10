"""Interfaces by name, looked up afresh for every batch: they come, go and change numbers."""

import errno
from collections.abc import Sequence

from opendmm.forwarding.kernel.errors import ForwardingUnavailableError, RefusedError
from opendmm.forwarding.netlink.link import (
    Link,
    add_link,
    dump_links,
    find_link,
    no_addresses,
    parse_link,
    set_up,
)
from opendmm.forwarding.netlink.socket import NetlinkError, NetlinkSocket


class Links:
    """Name to index and back, remembered until `forget`."""

    def __init__(self, socket: NetlinkSocket) -> None:
        self._socket = socket
        self._usable: dict[str, int] = {}

    def forget(self) -> None:
        self._usable.clear()

    def usable(self, name: str) -> int:
        """The index of an interface that is up. Raises RefusedError when it is absent or down."""
        if name not in self._usable:
            try:
                link = parse_link(self._socket.request(find_link(name)))
            except NetlinkError as problem:
                if problem.errno == errno.ENODEV:
                    raise RefusedError(f"there is no interface {name} on this node") from problem
                raise RefusedError(f"interface {name}: {problem.strerror}") from problem
            if not link.up:
                raise RefusedError(f"interface {name} is down; set it up first")
            self._usable[name] = link.index
        return self._usable[name]

    def names(self) -> dict[int, str]:
        """Every interface's name by its index, as of now."""
        return {link.index: link.name for link in self.all()}

    def all(self) -> list[Link]:
        """Every interface, as of now."""
        return [parse_link(body) for body in self._socket.dump(dump_links())]

    def ensure(self, name: str, kinds: Sequence[str], mtu: int, data: bytes = b"") -> int:
        """The index of a device of ours, created (of the first kind possible) when absent.

        Raises ForwardingUnavailableError when the kernel makes none of the kinds.
        """
        words = ""
        for kind in kinds:
            refusal = self._socket.execute([add_link(name, kind, mtu, data)]).get(0)
            if refusal is None or refusal.number == errno.EEXIST:
                self._socket.execute([no_addresses(name), set_up(name)])
                return self.usable(name)
            words = refusal.text
        raise ForwardingUnavailableError(
            f"device {name} of kind {' or '.join(kinds)} cannot be made: {words}"
        )
