"""Whole IPv6 packets, with whatever headers they have, out of this node."""

import errno
import socket
import struct

from opendmm.bindings.mipv6.links import name_of
from opendmm.bindings.mipv6.wire_form import DESTINATION, SOURCE

IPV6_HDRINCL = 36
ETH_P_IPV6 = 0x86DD
EVERYBODY = b"\xff" * 6
NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH})
IPV6_FREEBIND = 78
SO_BINDTOIFINDEX = 62
IN6_PKTINFO = struct.Struct("@16sI")
BYPASS_MARK = 0x0800_0000
"""Firewall mark of packets that the data path of route optimisation must not take again."""


class PacketSender:
    """Sends what it is given as it is, from the network namespace of the thread that makes it.

    Raises OSError (CAP_NET_RAW and CAP_NET_ADMIN are needed).
    """

    def __init__(self) -> None:
        self._bound = 0
        self._socket = socket.socket(
            socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_RAW
        )
        try:
            self._frames = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_IPV6, IPV6_HDRINCL, 1)
            # A source that is not, or not yet, this node's is for the caller to answer for.
            self._socket.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, BYPASS_MARK)
        except BaseException:
            self._socket.close()
            raise

    def send(self, packet: bytes, interface: int = 0) -> None:
        """Send a packet by the link of this index, whatever routes prefer; 0: as they say.

        Raises OSError where there is no way, or the packet is longer than the link's MTU.
        """
        if interface != self._bound:
            # Nothing less keeps to a link when the source is given, too.
            self._socket.setsockopt(socket.SOL_SOCKET, SO_BINDTOIFINDEX, interface)
            self._bound = interface
        # Of a header that is included the kernel looks at nothing when it chooses the route.
        of = IN6_PKTINFO.pack(packet[SOURCE], interface)
        to = (socket.inet_ntop(socket.AF_INET6, packet[DESTINATION]), 0)
        self._socket.sendmsg([packet], [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, of)], 0, to)

    def send_on_link(self, packet: bytes, interface: int) -> None:
        """Send a packet to whoever is at the other end of a home link, by route if there is one.

        A home agent has none to a mobile node whose registration it does not accept, and a
        mobile node none to a router it has not heard of yet. Raises OSError.
        """
        try:
            self.send(packet, interface)
        except OSError as error:
            if error.errno not in NO_WAY:
                raise
            to = (name_of(self._frames, interface), ETH_P_IPV6, 0, 0, EVERYBODY)
            self._frames.sendto(packet, to)

    def close(self) -> None:
        self._socket.close()
        self._frames.close()
