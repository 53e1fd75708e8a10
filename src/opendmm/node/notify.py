"""Telling the service manager (sd_notify(3)): one datagram, no library needed."""

import os
import socket


def notify(*states: str) -> None:
    """Send states such as "READY=1"; does nothing when no service manager listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
        try:
            manager.sendto("\n".join(states).encode(), address)
        except OSError:
            # A service manager that does not listen is no reason to stop forwarding control.
            return
