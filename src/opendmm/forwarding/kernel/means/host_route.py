"""Host routes: packets travel as they are, toward the next hop to the egress.

Right where ingress and egress are neighbours, or where every router between them has the
route as well (a routing protocol spreads it); a router that has not sends the packet back to
the prefix's home. No overhead, no tunnel end, and so nothing to carry uplink packets back.
"""

from opendmm.forwarding.kernel.conventions import EGRESS_PRIORITY, EGRESS_TABLE, PROTOCOL
from opendmm.forwarding.kernel.endpoints import identifier
from opendmm.forwarding.kernel.means.means import Means
from opendmm.forwarding.kernel.resolution import gateway_to
from opendmm.forwarding.netlink.next_hop import NextHop
from opendmm.forwarding.netlink.policy_rule import PolicyRule
from opendmm.forwarding.netlink.route import AF_INET, AF_INET6
from opendmm.model.addressing import Egress


class HostRouteMeans(Means):
    """A gateway next hop for both families (IPv4 over an IPv6 next hop, RFC 5549)."""

    name = "host-route"
    overhead = 0
    needs = ()
    tunnels = False
    apart = False
    lasting = False

    def set_up(self) -> list[bytes]:
        return []

    def rules(self) -> list[PolicyRule]:
        """Redirected packets arrive like any other: the egress table is asked first."""
        return [
            PolicyRule(
                family=family, priority=EGRESS_PRIORITY, table=EGRESS_TABLE, protocol=PROTOCOL
            )
            for family in (AF_INET6, AF_INET)
        ]

    def identifier(self, egress: Egress, *, ipv6: bool, uplink: bool) -> int:  # noqa: ARG002 (one gateway serves all)
        return identifier("host-route", egress.locator.address)

    def next_hop(self, egress: Egress, *, ipv6: bool, uplink: bool) -> NextHop:
        return gateway_to(
            self.socket,
            egress.locator,
            self.identifier(egress, ipv6=ipv6, uplink=uplink),
        )
