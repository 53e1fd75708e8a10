"""Packets to this node in the form of Mobile IPv6, taken before the kernel can refuse them.

A kernel without Mobile IPv6 answers a Home Address option and a type 2 routing header with an
ICMPv6 Parameter Problem. A table of nftables drops these packets and logs them to us instead, so
that exactly what is taken from the kernel is given to us, whatever addresses and links the node
has just then. The table is owned by this process and ends with it, however that ends: then the
kernel refuses again, as a node without Mobile IPv6 should.
"""

from opendmm.bindings.mipv6.wire_form import matches, matches_of_errors
from opendmm.forwarding.kernel.libnftables import Nftables
from opendmm.forwarding.netlink.packet_log import Logged, PacketLog


class Interception:
    """Takes the packets whose payload has a next header that `next_header` describes, in the
    words of nftables; with `errors` also the ICMPv6 errors Packet Too Big about such packets.

    `table` and `group` are no other's. Raises OSError when the kernel does not log,
    NftablesError when it has no such rules or the table is another process's.
    """

    def __init__(
        self, table: str, group: int, next_header: str, *, errors: bool = False, buffer: int = 0
    ) -> None:
        wanted = [*matches(next_header), *(matches_of_errors() if errors else [])]
        self._log = PacketLog(group, buffer=buffer)
        self._nftables = Nftables()
        try:
            self._nftables.run(ruleset(table, group, wanted))
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        return self._log.fileno()

    def read(self) -> list[Logged]:
        """Some packets with the links they came by; empty when there are none."""
        return self._log.read()

    def close(self) -> None:
        """The kernel has its packets again."""
        self._nftables.close()
        self._log.close()


def ruleset(table: str, group: int, wanted: list[str]) -> str:
    """Commands, one transaction."""
    name = f"inet {table}"
    lines = [
        f"add table {name} {{ flags owner; }}",
        f"add chain {name} taken {{ type filter hook prerouting priority raw; }}",
        *(
            f"add rule {name} taken {match} log group {group} queue-threshold 1 drop"
            for match in wanted
        ),
    ]
    return "\n".join(lines) + "\n"
