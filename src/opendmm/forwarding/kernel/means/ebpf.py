"""Packet programs of ours (eBPF): IP in IPv6 (RFC 2473), and LISP (RFC 9300).

Packets for mobile nodes are routed to a device of ours; where it would send them a program puts
the outer header on, and sends them on. The kernel's tunnels cost a route for each mobile node;
here it is an element of a hash table, and packets are counted by it. What a hash of destinations
cannot say (flows, uplink tunnels, what a former anchor passes on) is a route with tunnel metadata
to the same device. Packets to this node's tunnel ends are routed to a second device, whose program
takes the outer header off.

All else is the kernel's: filters before, hop limits, and Packet Too Big where the tunnel leaves
too little room (the first device has the smaller MTU). On links between nodes, where no filter is,
packets that fit take a short way: the program is asked as they come in, and what it has no
redirection for goes on as ever.
"""

import ipaddress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import ClassVar

from opendmm.forwarding.ebpf.tunnels import (
    Devices,
    Format,
    Redirection,
    TunnelPrograms,
    leave,
    redirections_at,
)
from opendmm.forwarding.kernel.conventions import (
    ATTACHED_TABLE,
    DEFAULT_ROUTE,
    DEVICES,
    EGRESS_MARK,
    EGRESS_PRIORITY,
    EGRESS_TABLE,
    END_DEVICE,
    ENTRANCE_DEVICE,
    LEAST_PREFERRED,
    LISP_PORT,
    NATIVE_MARK,
    NATIVE_PRIORITY,
    NOWHERE_TABLE,
    PROTOCOL,
    REDIRECTED_PRIORITY,
    REDIRECTED_TABLE,
    TUNNEL_END_METRIC,
    UPLINK_TABLE,
)
from opendmm.forwarding.kernel.endpoints import ENDS, identifier, segment
from opendmm.forwarding.kernel.errors import ForwardingUnavailableError
from opendmm.forwarding.kernel.guests import INNER_DESTINATION, literal
from opendmm.forwarding.kernel.means.means import Means
from opendmm.forwarding.kernel.means.seg6 import DEVICE_KINDS
from opendmm.forwarding.kernel.means.vxlan import (
    EXTENSION_HEADERS,
    INNER_DESTINATION_PORT,
    INNER_NEXT_HEADER,
    RP_FILTER,
    UDP,
)
from opendmm.forwarding.netlink.lightweight_tunnel import (
    Encapsulation,
    EncapsulationType,
    metadata_destination,
    tunnel_metadata,
)
from opendmm.forwarding.netlink.link import (
    delete_link,
    find_link,
    parse_link,
    parse_link_layer_address,
)
from opendmm.forwarding.netlink.neighbour import Neighbour, put_neighbour
from opendmm.forwarding.netlink.next_hop import NextHop
from opendmm.forwarding.netlink.policy_rule import PolicyRule
from opendmm.forwarding.netlink.route import (
    AF_INET,
    AF_INET6,
    TABLE_MAIN,
    RouteForm,
    RouteType,
    put_route,
)
from opendmm.forwarding.netlink.socket import NetlinkError
from opendmm.model.addressing import Egress

BEHIND = bytes.fromhex("fe80000000000000000000000000ebbf")
"""Whom packets at the devices are addressed to: one neighbour for all of them, and not one for each
destination."""
DOWNLINK_NETWORK = EGRESS_TABLE
UPLINK_NETWORK = UPLINK_TABLE
LISP_END = 0x41


class EbpfMeans(Means):
    """IPv6-in-IPv6 and IPv4-in-IPv6, on the wire as by `ip-in-ipv6`."""

    name = "ebpf"
    form: ClassVar[Format] = Format.IP_IN_IPV6
    overhead = 40
    arrived = f'iifname "{END_DEVICE}"'
    counts = True
    needs = (
        "CONFIG_BPF_SYSCALL",
        "CONFIG_NET_CLS_BPF",
        "CONFIG_NET_SCH_INGRESS",
        "CONFIG_LWTUNNEL",
        "CONFIG_DUMMY or CONFIG_IFB",
        "CONFIG_IPV6_SUBTREES (uplink tunnels)",
        "Linux 6.6",
        "CAP_BPF, CAP_NET_ADMIN (not in a user namespace)",
    )
    hint: ClassVar[str] = ""
    programs: TunnelPrograms | None = None
    """Once set up."""

    def set_up(self) -> list[bytes]:
        room = self.config.core_mtu - self.overhead
        entrance = self.links.ensure(ENTRANCE_DEVICE, DEVICE_KINDS, room)
        end = self.links.ensure(END_DEVICE, DEVICE_KINDS, self.config.core_mtu)
        for device in (ENTRANCE_DEVICE, END_DEVICE):
            Path(RP_FILTER.format(device=device)).write_text("0")
        try:
            devices = Devices(entrance, end, self._core_links())
            locator = self.config.locator.address
            self.programs = TunnelPrograms(self.form, locator, room, devices)
        except OSError as problem:
            self.socket.execute([delete_link(n) for n in (ENTRANCE_DEVICE, END_DEVICE)])
            raise ForwardingUnavailableError(
                f"eBPF: {problem.strerror or problem}{self.hint}"
            ) from problem
        return [
            self._behind(ENTRANCE_DEVICE, entrance),
            self._behind(END_DEVICE, end),
            *self._routes(entrance, end),
        ]

    def _core_links(self) -> tuple[int, ...]:
        """Where a redirected packet needs nothing but its tunnel: no filter by its source, as on
        access links, and no look at flows."""
        if self.config.flows or not self.config.redirected:
            return ()
        return tuple(
            link.index
            for link in self.links.all()
            if link.ethernet and not self._is_access(link.name) and link.name not in DEVICES
        )

    def _is_access(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.config.access_interfaces)

    def _behind(self, name: str, index: int) -> bytes:
        """What comes back from a device must be addressed to it."""
        own = parse_link_layer_address(self.socket.request(find_link(name)))
        return put_neighbour(Neighbour(index, BEHIND, own))

    def _routes(self, entrance: int, end: int) -> list[bytes]:
        to_end = RouteForm(TABLE_MAIN, PROTOCOL, TUNNEL_END_METRIC, output=end, gateway=BEHIND)
        messages = [put_route(address, 128, to_end) for address in self._own_ends()]
        nowhere = RouteForm(NOWHERE_TABLE, PROTOCOL, LEAST_PREFERRED, RouteType.UNREACHABLE)
        for octets, default in DEFAULT_ROUTE.items():
            six = octets == len(BEHIND)
            lead = RouteForm(
                REDIRECTED_TABLE,
                PROTOCOL,
                TUNNEL_END_METRIC,
                output=entrance,
                gateway=BEHIND if six else b"",
                via=b"" if six else BEHIND,
            )
            messages += [put_route(default.network, 0, form) for form in (lead, nowhere)]
        return messages

    def rules(self) -> list[PolicyRule]:
        rules = [rule for family in (AF_INET6, AF_INET) for rule in _returns(family)]
        for prefix in self.config.redirected:
            tables = [(REDIRECTED_PRIORITY, REDIRECTED_TABLE)]
            if self.config.access_interfaces:  # who is here need not be looked for
                tables.append((REDIRECTED_PRIORITY - 1, ATTACHED_TABLE))
            rules += [
                PolicyRule(
                    family=AF_INET6 if prefix.is_ipv6 else AF_INET,
                    priority=priority,
                    table=table,
                    protocol=PROTOCOL,
                    destination=prefix.network,
                    destination_length=prefix.length,
                )
                for priority, table in tables
            ]
        return rules

    def redirections(self) -> list[Redirection]:
        """Also where another process has set it up, in the network namespace of this thread."""
        if self.programs is not None:
            return self.programs.redirections()
        entrance = self._entrance()
        return redirections_at(entrance) if entrance else []

    def is_set_up(self) -> bool:
        return bool(self._entrance())

    def _entrance(self) -> int:
        """Its index; 0 without it."""
        try:
            return parse_link(self.socket.request(find_link(ENTRANCE_DEVICE))).index
        except NetlinkError:
            return 0

    def remove(self) -> None:
        try:
            leave(self._core_links())
        except OSError as problem:
            raise ForwardingUnavailableError(f"eBPF: {problem}") from problem

    def close(self) -> None:
        if self.programs is not None:
            self.programs.close()

    def identifier(self, egress: Egress, *, ipv6: bool, uplink: bool) -> int:  # noqa: ARG002 (one for both)
        own, other = self.config.locator.address, egress.locator.address
        return identifier(f"ebpf {self.name}", own, other, f"{uplink}")

    def next_hop(self, egress: Egress, *, ipv6: bool, uplink: bool) -> NextHop:
        segment(egress.locator, 0)  # refuses an IPv4 locator
        return NextHop(
            self.identifier(egress, ipv6=ipv6, uplink=uplink),
            AF_INET6,
            PROTOCOL,
            self.links.usable(ENTRANCE_DEVICE),
            gateway=BEHIND,
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
        """No access link may speak to any node's tunnel ends."""
        ends = (str(ipaddress.IPv6Address(end)) for end in self._ends_of_all())
        return [f"ip6 daddr {{ {', '.join(ends)} }}"]

    def guard_inside(self) -> list[str]:
        return [f"{INNER_DESTINATION} {{ {', '.join(map(literal, self._ends_of_all()))} }}"]

    def _own_ends(self) -> list[bytes]:
        return [segment(self.config.locator, end) for end in ENDS]

    def _ends_of_all(self) -> list[bytes]:
        locators = {self.config.locator, *(e.locator for e in self.config.egresses)}
        return sorted(
            segment(locator, end) for locator in locators if locator.is_ipv6 for end in ENDS
        )


class LispMeans(EbpfMeans):
    """LISP over IPv6, locator to locator, with tunnel routers of any make."""

    name = "lisp"
    form = Format.LISP
    overhead = 56  # IPv6 40, UDP 8, LISP 8
    hint = "; `lisp-gpe` (RFC 9305) does without, among nodes of ours"

    def arrivals(self) -> list[str]:
        """What is for the locator's LISP port is led to the program, by an address of its own."""
        own = ipaddress.IPv6Address(self.config.locator.address)
        end = ipaddress.IPv6Address(self._own_ends()[0])
        return [f"ip6 daddr {own} udp dport {LISP_PORT} ip6 daddr set {end}"]

    def guard(self) -> list[str]:
        return [f"udp dport {LISP_PORT}", *super().guard()]

    def guard_inside(self) -> list[str]:
        to_node = f"{INNER_DESTINATION} {literal(self.config.locator.address)}"
        return [
            f"{INNER_NEXT_HEADER} {UDP} {INNER_DESTINATION_PORT} {LISP_PORT}",
            f"{to_node} {INNER_NEXT_HEADER} {EXTENSION_HEADERS}",
            *super().guard_inside(),
        ]

    def _own_ends(self) -> list[bytes]:
        return [segment(self.config.locator, LISP_END)]

    def _ends_of_all(self) -> list[bytes]:
        locators = {self.config.locator, *(e.locator for e in self.config.egresses)}
        return sorted(segment(locator, LISP_END) for locator in locators if locator.is_ipv6)


def _returns(family: int) -> list[PolicyRule]:
    """What the programs give back: out of a tunnel, or not redirected."""
    return [
        PolicyRule(
            family=family,
            priority=EGRESS_PRIORITY,
            table=EGRESS_TABLE,
            protocol=PROTOCOL,
            input_name=END_DEVICE,
            mark=EGRESS_MARK,
        ),
        *(
            PolicyRule(
                family=family,
                priority=priority,
                table=table,
                protocol=PROTOCOL,
                input_name=ENTRANCE_DEVICE,
                mark=NATIVE_MARK,
            )
            for priority, table in (
                (NATIVE_PRIORITY - 1, TABLE_MAIN),
                (NATIVE_PRIORITY, NOWHERE_TABLE),
            )
        ),
    ]
