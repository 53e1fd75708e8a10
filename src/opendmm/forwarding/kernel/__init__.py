"""Forwarding by the Linux kernel: routes, tunnels and filters, programmed over netlink."""

from opendmm.forwarding.kernel.config import NodeForwardingConfig
from opendmm.forwarding.kernel.driver import KernelForwarding
from opendmm.forwarding.kernel.errors import ForwardingUnavailableError

__all__ = ["ForwardingUnavailableError", "KernelForwarding", "NodeForwardingConfig"]
