"""A TUN device: what the kernel routes into it is read here, what is written there has arrived."""

import fcntl
import os
import socket
import struct

from opendmm.forwarding.netlink.link import no_addresses, set_mtu, set_up
from opendmm.forwarding.netlink.socket import NetlinkSocket

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
IFREQ = struct.Struct("16sH22x")
LARGEST = 65_536


class TunDevice:
    """Lives as long as this object, in the network namespace of the thread that makes it.

    Raises OSError (CAP_NET_ADMIN is needed, and /dev/net/tun).
    """

    def __init__(self, name: str, mtu: int, netlink: NetlinkSocket) -> None:
        self._descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            request = IFREQ.pack(name.encode(), IFF_TUN | IFF_NO_PI)
            fcntl.ioctl(self._descriptor, TUNSETIFF, request)
            refused = netlink.execute([no_addresses(name), set_mtu(name, mtu), set_up(name)])
            for refusal in refused.values():
                raise OSError(refusal.number, f"device {name}: {refusal.text}")
            self.index = socket.if_nametoindex(name)
        except BaseException:
            os.close(self._descriptor)
            raise

    def fileno(self) -> int:
        return self._descriptor

    def read(self) -> bytes:
        """One packet; empty when there is none."""
        try:
            return os.read(self._descriptor, LARGEST)
        except BlockingIOError:
            return b""

    def write(self, packet: bytes) -> None:
        """Raises OSError where the kernel does not take it."""
        os.write(self._descriptor, packet)

    def close(self) -> None:
        """The device goes, and the routes to it."""
        os.close(self._descriptor)
