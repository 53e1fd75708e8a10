"""Whether this kernel signs TCP segments (MD5 signature option; CONFIG_TCP_MD5SIG)."""

import socket
import struct

TCP_MD5SIG = 14
"""Option of setsockopt (linux/tcp.h)."""
SOCKET_ADDRESS = 128
"""Octets of a sockaddr_storage."""
LONGEST_KEY = 80
"""Octets (TCP_MD5SIG_MAXKEYLEN)."""
ADDRESSES = {socket.AF_INET6: "::1", socket.AF_INET: "127.0.0.1"}


def try_tcp_signatures() -> None:
    """Set a key on a socket of each family that nobody is ever connected to. Raises OSError."""
    for family, address in ADDRESSES.items():
        with socket.socket(family, socket.SOCK_STREAM) as attempt:
            attempt.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, _signature(family, address, b"key"))


def _signature(family: socket.AddressFamily, address: str, key: bytes) -> bytes:
    """A struct tcp_md5sig."""
    octets = socket.inet_pton(family, address)
    port_and_flow = bytes(6 if family is socket.AF_INET6 else 2)
    peer = struct.pack("=H", family) + port_and_flow + octets
    lengths = struct.pack("=BBHi", 0, 0, len(key), 0)
    return peer.ljust(SOCKET_ADDRESS, b"\0") + lengths + key.ljust(LONGEST_KEY, b"\0")
