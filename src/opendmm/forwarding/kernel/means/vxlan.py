"""VXLAN (RFC 7348) in its generic form: IP packets in UDP, no Ethernet header inside.

One device for all tunnels; the route says where to (tunnel metadata). The network identifier
tells the directions apart: what an uplink tunnel carried is routed normally at its end.
"""

from pathlib import Path

from opendmm.forwarding.kernel.conventions import (
    EGRESS_PRIORITY,
    EGRESS_TABLE,
    PROTOCOL,
    UPLINK_TABLE,
    VXLAN_DEVICE,
    VXLAN_PORT,
)
from opendmm.forwarding.kernel.endpoints import identifier, segment
from opendmm.forwarding.kernel.guests import INNER_DESTINATION, literal
from opendmm.forwarding.kernel.means.means import Means
from opendmm.forwarding.netlink.lightweight_tunnel import (
    Encapsulation,
    EncapsulationType,
    metadata_destination,
    tunnel_metadata,
)
from opendmm.forwarding.netlink.link import vxlan_data
from opendmm.forwarding.netlink.next_hop import NextHop
from opendmm.forwarding.netlink.policy_rule import PolicyRule
from opendmm.forwarding.netlink.route import AF_INET, AF_INET6, TABLE_MAIN
from opendmm.model.addressing import Egress

UDP = 17
EXTENSION_HEADERS = "{ 0, 43, 44, 51, 60 }"
INNER_NEXT_HEADER, INNER_DESTINATION_PORT = "@nh,368,8", "@nh,656,16"
"""In nftables, where one IPv6 header follows another."""
DOWNLINK_NETWORK = EGRESS_TABLE
UPLINK_NETWORK = UPLINK_TABLE
RP_FILTER = "/proc/sys/net/ipv4/conf/{device}/rp_filter"


class VxlanMeans(Means):
    """VXLAN-GPE over IPv6, locator to locator."""

    name = "vxlan"
    device = VXLAN_DEVICE
    port = VXLAN_PORT
    overhead = 56  # IPv6 40, UDP 8, VXLAN 8
    arrived = f'iifname "{VXLAN_DEVICE}"'
    needs = ("CONFIG_VXLAN", "CONFIG_LWTUNNEL", "CONFIG_IPV6_SUBTREES (uplink tunnels)")

    def set_up(self) -> list[bytes]:
        room = self.config.core_mtu - self.overhead
        self.links.ensure(self.device, ("vxlan",), room, vxlan_data(self.port))
        # Packets come out of this device whose senders are routed elsewhere: RFC 3704 strict
        # mode would drop them.
        Path(RP_FILTER.format(device=self.device)).write_text("0")
        return []

    def rules(self) -> list[PolicyRule]:
        return [
            PolicyRule(
                family=family,
                priority=priority,
                table=table,
                protocol=PROTOCOL,
                input_name=self.device,
                tunnel_id=network,
            )
            for family in (AF_INET6, AF_INET)
            for priority, table, network in (
                (EGRESS_PRIORITY - 1, TABLE_MAIN, UPLINK_NETWORK),
                (EGRESS_PRIORITY, EGRESS_TABLE, 0),
            )
        ]

    def identifier(self, egress: Egress, *, ipv6: bool, uplink: bool) -> int:
        return identifier(
            self.name, self.config.locator.address, egress.locator.address, f"{ipv6} {uplink}"
        )

    def next_hop(self, egress: Egress, *, ipv6: bool, uplink: bool) -> NextHop:
        segment(egress.locator, 0)  # refuses an IPv4 locator
        return NextHop(
            self.identifier(egress, ipv6=ipv6, uplink=uplink),
            AF_INET6 if ipv6 else AF_INET,
            PROTOCOL,
            self.links.usable(self.device),
            encapsulation=tunnel_metadata(
                UPLINK_NETWORK if uplink else DOWNLINK_NETWORK,
                self.config.locator.address,
                egress.locator.address,
            ),
        )

    def endpoint(self, encapsulation: Encapsulation) -> bytes:
        if encapsulation.kind is not EncapsulationType.IP6:
            return b""
        return metadata_destination(encapsulation)

    def guard(self) -> list[str]:
        return [f"udp dport {self.port}"]

    def guard_inside(self) -> list[str]:
        """Behind extension headers nftables would not find the port, and the kernel would; so a
        guest sends this node none of them."""
        to_node = f"{INNER_DESTINATION} {literal(self.config.locator.address)}"
        return [
            f"{INNER_NEXT_HEADER} {UDP} {INNER_DESTINATION_PORT} {self.port}",
            f"{to_node} {INNER_NEXT_HEADER} {EXTENSION_HEADERS}",
        ]
