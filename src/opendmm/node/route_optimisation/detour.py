"""Routes of this node's own packets to some destinations into a device, and which link has an
address.

They stand in a table of their own. What carries the bypass mark (the packets of Mobile IPv6
itself, and those that have been through the device) does not look there.
"""

from opendmm.bindings.mipv6.sending import BYPASS_MARK
from opendmm.forwarding.kernel.conventions import (
    METRIC,
    OPTIMISED_PRIORITY,
    OPTIMISED_TABLE,
    PROTOCOL,
)
from opendmm.forwarding.netlink.address import (
    delete_address,
    dump_addresses,
    parse_address,
    put_address,
)
from opendmm.forwarding.netlink.policy_rule import (
    PolicyRule,
    add_policy_rule,
    delete_policy_rule,
)
from opendmm.forwarding.netlink.route import AF_INET6, RouteForm, delete_route, put_route
from opendmm.forwarding.netlink.socket import NetlinkSocket

LOCALLY_MADE = "lo"
"""The input interface of packets that this node makes."""
RULE = PolicyRule(
    family=AF_INET6,
    priority=OPTIMISED_PRIORITY,
    table=OPTIMISED_TABLE,
    protocol=PROTOCOL,
    input_name=LOCALLY_MADE,
    mark=0,
    mark_mask=BYPASS_MARK,
)
WHOLE = 128
PASSING = bytes.fromhex("fe80000000000000000000000000d317")
"""A link-local address that the device has for no time at all."""


class Detour:
    """The routes into the device of this index; they end with it, the policy rule by `close`."""

    def __init__(self, netlink: NetlinkSocket, device: int) -> None:
        self._netlink = netlink
        self._device = device
        netlink.execute([delete_policy_rule(RULE)])
        self._must([add_policy_rule(RULE)])

    def put(self, destination: bytes, preferred_source: bytes = b"") -> None:
        """Packets to the address go into the device. Raises OSError."""
        self._must([put_route(destination, WHOLE, self._form(preferred_source))])
        self._notice()

    def drop(self, destination: bytes) -> None:
        """They go their ordinary way."""
        self._netlink.execute([delete_route(destination, WHOLE, self._form(b""))])

    def link_of(self, address: bytes) -> int:
        """The index of the link that has the address now; 0 when none."""
        for body in self._netlink.dump(dump_addresses()):
            found = parse_address(body)
            if found is not None and found.address == address:
                return found.interface
        return 0

    def close(self) -> None:
        self._netlink.execute([delete_policy_rule(RULE)])

    def _form(self, preferred_source: bytes) -> RouteForm:
        return RouteForm(
            table=OPTIMISED_TABLE,
            protocol=PROTOCOL,
            metric=METRIC,
            output=self._device,
            preferred_source=preferred_source,
        )

    def _notice(self) -> None:
        """Connected sockets keep the route they have until something happens in its own table. When
        an address goes, the kernel looks at the routes of all of them anew."""
        self._netlink.execute(
            [
                put_address(self._device, PASSING, WHOLE),
                delete_address(self._device, PASSING, WHOLE),
            ]
        )

    def _must(self, messages: list[bytes]) -> None:
        for refusal in self._netlink.execute(messages).values():
            raise OSError(refusal.number, f"route optimisation: {refusal.text}")
