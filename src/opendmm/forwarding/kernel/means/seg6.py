"""SRv6 (RFC 8986) and IP in IPv6 (RFC 2473), both by the kernel's seg6.

With one segment H.Encaps.Red writes no routing header: the wire carries plain RFC 2473
encapsulation and the two means differ only in what the far end is called, a segment
identifier with a behaviour or a tunnel exit point. So they are one strategy with two names;
the kernel's classic tunnel device is not needed.

Tunnels hang on a device of ours that is always up: the kernel routes the outer packet by
itself, and a next hop on a core interface would vanish, with every route over it, each time
that link goes down.
"""

import ipaddress

from opendmm.forwarding.kernel.conventions import (
    EGRESS_MARK,
    EGRESS_PRIORITY,
    EGRESS_TABLE,
    METRIC,
    PROTOCOL,
    TUNNEL_DEVICE,
)
from opendmm.forwarding.kernel.endpoints import (
    ENDS,
    IPV4_END,
    IPV6_END,
    UPLINK_IPV4_END,
    UPLINK_IPV6_END,
    end_for,
    identifier,
    segment,
)
from opendmm.forwarding.kernel.guests import INNER_DESTINATION, literal
from opendmm.forwarding.kernel.means.means import Means
from opendmm.forwarding.netlink.lightweight_tunnel import (
    Encapsulation,
    EncapsulationType,
    end_dt6,
    end_dx4,
    final_segment,
    h_encaps_red,
)
from opendmm.forwarding.netlink.next_hop import NextHop
from opendmm.forwarding.netlink.policy_rule import PolicyRule
from opendmm.forwarding.netlink.route import (
    AF_INET,
    AF_INET6,
    TABLE_MAIN,
    RouteForm,
    put_route,
)
from opendmm.model.addressing import Egress

DEVICE_KINDS = ("dummy", "ifb")
"""Both swallow what is sent to them; nothing is, they only lend their name to next hops."""


class Srv6Means(Means):
    """H.Encaps.Red at the ingress, End.DT6 and End.DX4 at the egress."""

    name = "srv6"
    overhead = 40
    arrived = f"mark {EGRESS_MARK:#x}"
    needs = (
        "CONFIG_IPV6_SEG6_LWTUNNEL",
        "CONFIG_IPV6_SUBTREES (uplink tunnels)",
        "CONFIG_DUMMY or CONFIG_IFB",
    )

    def set_up(self) -> list[bytes]:
        device = self.links.ensure(TUNNEL_DEVICE, DEVICE_KINDS, self.config.core_mtu)
        behaviours = {
            IPV6_END: end_dt6(EGRESS_TABLE),
            UPLINK_IPV6_END: end_dt6(TABLE_MAIN),
            IPV4_END: end_dx4(),
            UPLINK_IPV4_END: end_dx4(),
        }
        return [
            put_route(
                segment(self.config.locator, end),
                128,
                RouteForm(TABLE_MAIN, PROTOCOL, METRIC, output=device, encapsulation=behaviour),
            )
            for end, behaviour in behaviours.items()
        ]

    def rules(self) -> list[PolicyRule]:
        """End.DT6 names its table itself; IPv4 is told by its mark."""
        return [
            PolicyRule(
                family=AF_INET,
                priority=EGRESS_PRIORITY,
                table=EGRESS_TABLE,
                protocol=PROTOCOL,
                mark=EGRESS_MARK,
            )
        ]

    def identifier(self, egress: Egress, *, ipv6: bool, uplink: bool) -> int:
        return identifier("seg6", segment(egress.locator, end_for(ipv6=ipv6, uplink=uplink)))

    def next_hop(self, egress: Egress, *, ipv6: bool, uplink: bool) -> NextHop:
        return NextHop(
            self.identifier(egress, ipv6=ipv6, uplink=uplink),
            AF_INET6 if ipv6 else AF_INET,
            PROTOCOL,
            self.links.usable(TUNNEL_DEVICE),
            encapsulation=h_encaps_red(segment(egress.locator, end_for(ipv6=ipv6, uplink=uplink))),
        )

    def endpoint(self, encapsulation: Encapsulation) -> bytes:
        if encapsulation.kind is not EncapsulationType.SEG6:
            return b""
        return final_segment(encapsulation)

    def arrivals(self) -> list[str]:
        """The kernel routes IPv4 like any other once the outer header is off.

        So a packet for the IPv4 end is marked while it has that header; the mark stays. So is
        one for the IPv6 end where flows are told apart by it.
        """
        marked = (IPV4_END, IPV6_END) if self.config.flows else (IPV4_END,)
        ends = (str(ipaddress.IPv6Address(segment(self.config.locator, end))) for end in marked)
        return [f"ip6 daddr {{ {', '.join(ends)} }} mark set {EGRESS_MARK:#x}"]

    def guard(self) -> list[str]:
        """No access link may speak to any node's tunnel ends (RFC 8754 §5.1)."""
        ends = (str(ipaddress.IPv6Address(end)) for end in self._ends_of_all())
        return [f"ip6 daddr {{ {', '.join(ends)} }}"]

    def guard_inside(self) -> list[str]:
        return [f"{INNER_DESTINATION} {{ {', '.join(map(literal, self._ends_of_all()))} }}"]

    def _ends_of_all(self) -> list[bytes]:
        locators = {self.config.locator, *(e.locator for e in self.config.egresses)}
        return sorted(
            segment(locator, end) for locator in locators if locator.is_ipv6 for end in ENDS
        )


class IpInIpv6Means(Srv6Means):
    """The same packets under the name of RFC 2473."""

    name = "ip-in-ipv6"
