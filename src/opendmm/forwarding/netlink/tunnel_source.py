"""Which source the outer headers of seg6 have in a network namespace (linux/seg6_genl.h).

Without one the kernel chooses among the node's addresses as for any other packet.
"""

import struct

from opendmm.forwarding.netlink.attributes import (
    MessageFlag,
    attribute,
    integer,
    message,
    parse,
    text,
)
from opendmm.forwarding.netlink.socket import NetlinkError, NetlinkSocket

NETLINK_GENERIC = 16
GENLMSGHDR = struct.Struct("=BBxx")
CONTROLLER = 0x10
GET_FAMILY = 3
FAMILY_ID = 1
FAMILY_NAME = 2
FAMILY = "SEG6"
SET_TUNNEL_SOURCE = 3
DESTINATION = 1
"""The attribute is called so for all addresses of this family."""


def set_tunnel_source(address: bytes) -> None:
    """Have every seg6 encapsulation come from this packed address. Raises NetlinkError."""
    netlink = NetlinkSocket(NETLINK_GENERIC)
    try:
        question = GENLMSGHDR.pack(GET_FAMILY, 1) + text(FAMILY_NAME, FAMILY)
        answer = netlink.request(message(CONTROLLER, MessageFlag.REQUEST, question))
        family = integer(parse(answer[GENLMSGHDR.size :])[FAMILY_ID])
        order = GENLMSGHDR.pack(SET_TUNNEL_SOURCE, 1) + attribute(DESTINATION, address)
        for refusal in netlink.execute([message(family, MessageFlag.REQUEST, order)]).values():
            raise NetlinkError(refusal.number, refusal.text)
    finally:
        netlink.close()
