"""Numbers and names by which what is ours in the kernel can be told from the rest.

Everything we install carries them, so a restarted node finds and adopts it, and removal
takes away nothing that is not ours. All of them can be seen with `ip` and `nft`.
"""

from opendmm.model.addressing import HomePrefix
from opendmm.model.rules import EVERYWHERE, Table

PROTOCOL = 173
"""Routing protocol number of our routes, rules, next hops and neighbours (rtm_protocol)."""

TUNNEL_END_METRIC = 174
"""Of routes that stand for a tunnel's end, not for a slot."""

METRIC = 173
"""Metric of our routes: none of another owner's has it, so no replacement hits a foreign one."""

LEAST_PREFERRED = 0xFFFFFFFF

EGRESS_TABLE = 7301
"""Where packets that came out of a tunnel look; it ends in `unreachable default`."""
UPLINK_TABLE = 7302
"""Source-specific routes of packets from access links (IPv6)."""
ATTACHED_TABLE = 7303
"""Attached mobile nodes again, so that uplink tunnels leave traffic between them alone."""
OPTIMISED_TABLE = 7305
"""Routes into the data path of route optimisation (RFC 6275), of packets that a node makes."""
ANNOUNCED_TABLE = 7306
"""Prefixes that a BGP daemon beside this node announces; no packet is looked up in it. The metric
is 2³²−1 less 16 times the number of the move and the ring of routers that is to hear of it, so that
of two routes the later is the better one."""
RINGS = EVERYWHERE + 1
REDIRECTED_TABLE = 7307
"""Leads what is for mobile nodes to the packet programs (eBPF)."""
NOWHERE_TABLE = 7308
"""Ends in `unreachable default`: for what they found no redirection of, and the main table no route
to."""

EGRESS_PRIORITY = 17301
ATTACHED_PRIORITY = 17302
UPLINK_PRIORITY = 17303
FLOW_PRIORITY = 17304
"""Packets of a flow that is redirected by itself look in a table of its own, which holds routes
to the mobile nodes it is redirected of; the tables are numbered by a hash of the flow."""
OPTIMISED_PRIORITY = 17305
NATIVE_PRIORITY = 17306
REDIRECTED_PRIORITY = 17308

EGRESS_MARK = 0x7301
"""Firewall mark of packets that arrived for the IPv4 tunnel end."""
ACCESS_MARK = 0x7302
"""Firewall mark of packets from an access link."""
NATIVE_MARK = 0x7303
"""Firewall mark of packets that the packet programs give back to be routed as ever."""

NFT_TABLE = "opendmm"
"""Of family inet."""
PERMITTED_SETS = {16: "permitted6", 4: "permitted4"}
"""The source addresses that pass the ingress filter, by octets of an address."""

LIMITED_SETS = {16: "limited6", 4: "limited4"}
"""Prefixes of which an egress delivers some flows only, by octets of an address."""

GUESTS_SET = "guests6"
"""Pairs of care-of and home address that tunnels to this home agent may come from."""
FORMER_GUESTS_SET = "former-guests6"

TRANSLATE_MAP = "translated6"
"""Home address to translated address, at an ingress."""
RESTORE_MAP = "restored6"
"""Translated address to home address, at an egress that delivers."""
ONWARD_MAP = "onward6"
"""Translated address to the one at another egress, at an egress that passes on."""

TUNNEL_DEVICE = "dmm-tunnels"
VXLAN_DEVICE = "dmm-vx"
VXLAN_PORT = 4790
LISP_DEVICE = "dmm-lisp"
ENTRANCE_DEVICE = "dmm-ebpf"
END_DEVICE = "dmm-ebpf-in"
DEVICES = (TUNNEL_DEVICE, VXLAN_DEVICE, LISP_DEVICE, ENTRANCE_DEVICE, END_DEVICE)
LISP_PORT = 4341

DEFAULT_ROUTE = {16: HomePrefix(bytes(16), 0), 4: HomePrefix(bytes(4), 0)}
ROUTING_TABLES = {Table.DOWNLINK: 254, Table.EGRESS: EGRESS_TABLE}
