"""What distinguishes one forwarding means from another; the driver does all they share."""

from abc import ABC, abstractmethod
from typing import ClassVar

from opendmm.forwarding.ebpf.tunnels import Redirection
from opendmm.forwarding.kernel.config import NodeForwardingConfig
from opendmm.forwarding.kernel.links import Links
from opendmm.forwarding.netlink.lightweight_tunnel import Encapsulation
from opendmm.forwarding.netlink.next_hop import NextHop
from opendmm.forwarding.netlink.policy_rule import PolicyRule
from opendmm.forwarding.netlink.socket import NetlinkSocket
from opendmm.model.addressing import Egress

BASE_NEEDS = ("CONFIG_IPV6_MULTIPLE_TABLES", "CONFIG_IP_MULTIPLE_TABLES", "CONFIG_NF_TABLES_INET")


class Means(ABC):
    """How packets get from an ingress to an egress, and how the egress takes them in."""

    name: ClassVar[str]
    overhead: ClassVar[int]
    """Octets that it adds to each packet."""
    needs: ClassVar[tuple[str, ...]]
    """The kernel's configuration options that make it possible, beside BASE_NEEDS."""
    tunnels: ClassVar[bool] = True
    """Whether packets are carried unchanged inside others; else none can be carried uplink."""
    apart: ClassVar[bool] = True
    """Whether an egress can tell redirected packets from others; the egress table then has
    an end, for none but they look in it."""
    ipv4: ClassVar[bool] = True
    maps: ClassVar[tuple[str, ...]] = ()
    """nftables maps by which addresses are translated; see `TranslatingSlotWriter`."""
    counts: ClassVar[bool] = False
    """Whether packets are counted by redirection."""
    arrived: ClassVar[str] = ""
    """nftables match, when packets are forwarded, of what a tunnel end here took in."""
    lasting: ClassVar[bool] = True
    """False when a next hop depends on routing and may be another after a restart."""

    def __init__(self, config: NodeForwardingConfig, socket: NetlinkSocket, links: Links) -> None:
        self.config = config
        self.socket = socket
        self.links = links

    @abstractmethod
    def set_up(self) -> list[bytes]:
        """Make the devices; the routes of this node's own tunnel ends, as messages."""

    def is_set_up(self) -> bool:
        """Whether its devices are there; asked of means that others may stand in for."""
        return True

    @abstractmethod
    def rules(self) -> list[PolicyRule]:
        """Policy rules that bring what the tunnel ends take in to the egress table."""

    @abstractmethod
    def identifier(self, egress: Egress, *, ipv6: bool, uplink: bool) -> int:
        """The number of the next hop to an egress; the same in every life of the node."""

    @abstractmethod
    def next_hop(self, egress: Egress, *, ipv6: bool, uplink: bool) -> NextHop:
        """The next hop to an egress. Raises RefusedError when there is no way to it."""

    def redirections(self) -> list[Redirection]:
        """What this means keeps apart from the kernel's routes, as it is now."""
        return []

    def remove(self) -> None:  # noqa: B027 (nothing, where a means has nothing on others' devices)
        """Take away what is not on devices of ours. Raises ForwardingUnavailableError."""

    def close(self) -> None:  # noqa: B027 (nothing, where a means holds nothing)
        """Let go of what only a running driver needs."""

    def endpoint(self, encapsulation: Encapsulation) -> bytes:  # noqa: ARG002 (none to read here)
        """The packed address that an encapsulation leads to; empty when not of this means."""
        return b""

    def arrivals(self) -> list[str]:
        """nftables rules for packets that come in, before they are routed."""
        return []

    def guard(self) -> list[str]:
        """nftables matches of what would enter a tunnel end from an access link."""
        return []

    def guard_inside(self) -> list[str]:
        """The same of what comes inside a guest's tunnel."""
        return []
