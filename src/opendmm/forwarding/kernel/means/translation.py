"""Address translation: what the node needs for `opendmm.forwarding.kernel.translation`."""

import ipaddress

from opendmm.forwarding.kernel.conventions import (
    EGRESS_MARK,
    EGRESS_PRIORITY,
    EGRESS_TABLE,
    ONWARD_MAP,
    PROTOCOL,
    RESTORE_MAP,
    TRANSLATE_MAP,
)
from opendmm.forwarding.kernel.endpoints import BLOCK, TRANSLATED_BIT, identifier
from opendmm.forwarding.kernel.errors import RefusedError
from opendmm.forwarding.kernel.guests import literal
from opendmm.forwarding.kernel.means.means import Means
from opendmm.forwarding.netlink.next_hop import NextHop
from opendmm.forwarding.netlink.policy_rule import PolicyRule
from opendmm.forwarding.netlink.route import AF_INET6
from opendmm.model.addressing import Egress

UPPER_HALF = BLOCK * 8 + 1
INNER_BLOCK, INNER_UPPER_HALF = "@nh,512,64", "@nh,576,8 >= 0x80"
"""In nftables, of the destination in the second of two IPv6 headers."""


class TranslationMeans(Means):
    """Maps of addresses instead of next hops."""

    name = "translation"
    overhead = 0
    needs = ("CONFIG_NF_TABLES", "Linux 6.3")
    tunnels = False
    ipv4 = False
    maps = (TRANSLATE_MAP, RESTORE_MAP, ONWARD_MAP)

    def set_up(self) -> list[bytes]:
        return []

    def rules(self) -> list[PolicyRule]:
        return [
            PolicyRule(
                family=AF_INET6,
                priority=EGRESS_PRIORITY,
                table=EGRESS_TABLE,
                protocol=PROTOCOL,
                mark=EGRESS_MARK,
            )
        ]

    def identifier(self, egress: Egress, *, ipv6: bool, uplink: bool) -> int:  # noqa: ARG002 (no direction here)
        return identifier("translation", egress.locator.address)

    def next_hop(self, egress: Egress, *, ipv6: bool, uplink: bool) -> NextHop:  # noqa: ARG002 (there is none)
        raise RefusedError(f"the means {self.name} has no next hop to {egress}")

    def arrivals(self) -> list[str]:
        """A packet is translated once: what was restored or passed on is let be."""
        return [
            f"ip6 daddr set ip6 daddr map @{RESTORE_MAP} mark set {EGRESS_MARK:#x} accept",
            f"ip6 daddr set ip6 daddr map @{ONWARD_MAP} accept",
            f"ip6 daddr set ip6 daddr map @{TRANSLATE_MAP}",
        ]

    def guard(self) -> list[str]:
        """No access link may speak to the addresses that stand for home addresses."""
        halves = sorted(
            ipaddress.IPv6Network((block + TRANSLATED_BIT.to_bytes(BLOCK, "big"), UPPER_HALF))
            for block in self._blocks()
        )
        return [f"ip6 daddr {{ {', '.join(map(str, halves))} }}"]

    def guard_inside(self) -> list[str]:
        blocks = ", ".join(map(literal, sorted(self._blocks())))
        return [f"{INNER_BLOCK} {{ {blocks} }} {INNER_UPPER_HALF}"]

    def _blocks(self) -> set[bytes]:
        locators = {self.config.locator, *(e.locator for e in self.config.egresses)}
        return {locator.address[:BLOCK] for locator in locators if locator.is_ipv6}
