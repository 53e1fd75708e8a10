"""Names and numbers of links, in the network namespace of a socket (netdevice(7))."""

import fcntl
import socket
import struct

SIOCGIFNAME = 0x8910
SIOCGIFINDEX = 0x8933
IFREQ = struct.Struct("16si20x")


def name_of(within: socket.socket, index: int) -> str:
    """Empty for a link that is not there any more."""
    try:
        found = fcntl.ioctl(within, SIOCGIFNAME, IFREQ.pack(b"", index))
    except OSError:
        return ""
    return found[:16].partition(b"\0")[0].decode()


def index_of(within: socket.socket, name: str) -> int:
    """Raises OSError where there is no such link."""
    try:
        found = fcntl.ioctl(within, SIOCGIFINDEX, IFREQ.pack(name.encode(), 0))
    except OSError as error:
        raise OSError(error.errno, f"there is no link {name}: {error.strerror}") from None
    index: int = IFREQ.unpack(found)[1]
    return index
