"""The constellation file, field by field, as a person writes it (YAML).

These types are the single source of the JSON Schema, the documentation and the decoder.
Durations ("20ms"), rates ("1Gbit"), losses ("1.5%"), prefixes and addresses are text here;
`opendmm.constellation.deployment` gives them their values.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from opendmm.model.identity import FunctionalEntity

DURATION = r"^[0-9]{1,9}(\.[0-9]{1,9})?(us|ms|s|min|h)$"
RATE = r"^[0-9]{1,9}(\.[0-9]{1,9})?(kbit|Mbit|Gbit)$"
PERCENTAGE = r"^(100(\.0+)?|[0-9]{1,2}(\.[0-9]{1,9})?)%$"
PORTS = r"^[0-9]{1,5}(-[0-9]{1,5})?$"
NAME = r"^[a-z][a-z0-9-]{0,14}$"
LINK_LAYER_ID = r"^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$"
TITLE = r"^[a-z][a-z0-9-]{0,29}$"

SHAPES = {
    DURATION: "a number with its unit us, ms, s, min or h, like 20ms",
    RATE: "a number with its unit kbit, Mbit or Gbit, like 100Mbit",
    PERCENTAGE: "a number from 0 to 100 with a percent sign, like 0.5%",
    PORTS: "a port like 5001, or a range like 5000-5099",
    LINK_LAYER_ID: "the MAC address of one interface, like 02:00:5e:10:00:01",
    NAME: "lower case letters, digits and dashes, a letter first, 15 at most: interfaces are "
    "called so",
    TITLE: "lower case letters, digits and dashes, a letter first, 30 at most",
}
"""What a text must look like, by its pattern."""

Duration = Annotated[
    str,
    Meta(
        pattern=DURATION,
        description="A length of time with its unit, e.g. 20ms, 1.5s, 5min.",
        examples=["20ms"],
    ),
]
Rate = Annotated[
    str,
    Meta(
        pattern=RATE,
        description="Bits per second with their unit, e.g. 100Mbit.",
        examples=["100Mbit"],
    ),
]
Percentage = Annotated[
    str, Meta(pattern=PERCENTAGE, description="A share, e.g. 0.5%.", examples=["0.5%"])
]
Ports = Annotated[
    Annotated[int, Meta(ge=1, le=65534)] | Annotated[str, Meta(pattern=PORTS)],
    Meta(description="A port, e.g. 5001, or a range of ports, e.g. 5000-5099."),
]
Count = Annotated[int, Meta(ge=0)]
SessionPort = Annotated[int, Meta(ge=1, le=39999)]
"""Below those that are chosen where none is given."""
Prefix = Annotated[str, Meta(description="An IPv6 or IPv4 prefix, e.g. 2001:db8:a::/48.")]
Address = Annotated[str, Meta(description="An IPv6 or IPv4 address.")]
InterfaceAddress = Annotated[
    str, Meta(description="An address with the length of its subnet, e.g. 2001:db8::1/64.")
]
LinkLayerId = Annotated[
    str,
    Meta(
        pattern=LINK_LAYER_ID,
        description="A MAC address, e.g. 02:00:5e:10:00:01.",
        examples=["02:00:5e:10:00:01"],
    ),
]
Name = Annotated[str, Meta(pattern=NAME, description="Lower case letters, digits and dashes.")]
Title = Annotated[str, Meta(pattern=TITLE, description="Lower case letters, digits and dashes.")]


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section of the file: fields that are not listed are an error."""


class RouterSoftware(StrEnum):
    """Software of a router that is not ours, and that moved prefixes reach by iBGP."""

    FRR = "frr"
    BIRD = "bird"
    GOBGP = "gobgp"


class NodeSection(Strict, frozen=True, kw_only=True):
    """A network element: which functional entities it hosts."""

    entities: Annotated[
        tuple[FunctionalEntity, ...],
        Meta(description="Functional entities on this node; none makes it a plain host."),
    ] = ()
    pools: Annotated[
        tuple[Prefix, ...],
        Meta(
            description="Prefixes this node anchors (FE_MA): routed here, home of its mobile nodes."
        ),
    ] = ()
    anchor: Annotated[
        Name | None,
        Meta(
            description="With FE_MU_C, apart from an anchor (a mobile access gateway): the anchor "
            "it registers its mobile nodes with. Without (an access router of Mobile IPv6): the "
            "home agent that mobile nodes on its links register with."
        ),
    ] = None
    locator: Annotated[
        Address | None,
        Meta(description="The node's own routable IPv6 address; allocated when not given."),
    ] = None
    serves: Annotated[
        tuple[Prefix, ...],
        Meta(description="FE_IEC: prefixes this instance is responsible for; empty: all."),
    ] = ()
    standby_for: Annotated[
        Name | None, Meta(description="FE_IEC: the instance this one takes over for.")
    ] = None
    source_filter: Annotated[
        bool,
        Meta(
            description="Drop packets from access links whose source is not of the node's pools. "
            "On a router: from links to anchors, whose source is neither the anchor's nor routed "
            "there."
        ),
    ] = False
    router: Annotated[
        RouterSoftware | None,
        Meta(
            description="A router that runs this software and nothing of ours; iBGP (`bgp`) tells "
            "it where prefixes are. `gobgp` sets no routes: it reflects those of others."
        ),
    ] = None


class LinkSection(Strict, frozen=True, kw_only=True):
    """A point-to-point link between two nodes."""

    between: Annotated[
        tuple[Name, Name],
        Meta(description="The two nodes. Access links are not listed: see `mobile_nodes`."),
    ]
    delay: Annotated[Duration, Meta(description="One way.")] = "0ms"
    rate: Annotated[Rate | None, Meta(description="Each way; none: unlimited.")] = None
    loss: Annotated[Percentage, Meta(description="Of packets, each way, at random.")] = "0%"
    addresses: Annotated[
        tuple[InterfaceAddress, ...],
        Meta(
            description="Of the two ends in the order of `between`, two IPv6, two IPv4, or all "
            "four; else allocated."
        ),
    ] = ()
    cost: Annotated[int, Meta(ge=1, description="Routing metric.")] = 1


class BindingName(StrEnum):
    """What carries a reference point. Entities on one node always speak in-process."""

    NATIVE = "native"
    PMIPV6 = "pmipv6"
    RFC8885 = "rfc8885"
    MIPV6 = "mipv6"
    BGP = "bgp"
    LISP = "lisp"


class ReferencePointSection(Strict, frozen=True, kw_only=True):
    """What carries each reference point between nodes."""

    R_XA: Annotated[
        BindingName, Meta(description="FE_MCTX and FE_MA_C: contexts exported and imported.")
    ] = BindingName.NATIVE
    R_XU: Annotated[
        BindingName, Meta(description="FE_MU_C and FE_MCTX: attachments, predictions, releases.")
    ] = BindingName.NATIVE
    R_XX: Annotated[
        BindingName,
        Meta(description="FE_MCTX and FE_MCTX: contexts and grants from anchor to anchor."),
    ] = BindingName.NATIVE
    R_IC: Annotated[BindingName, Meta(description="FE_IEC and FE_I: forwarding policies.")] = (
        BindingName.NATIVE
    )
    R_EC: Annotated[BindingName, Meta(description="FE_IEC and FE_E: delivery policies.")] = (
        BindingName.NATIVE
    )
    R_XC: Annotated[BindingName, Meta(description="FE_MCTX and FE_IEC: locations.")] = (
        BindingName.NATIVE
    )
    R_II: Annotated[
        BindingName, Meta(description="FE_IEC and FE_IEC: responsibility shared or taken over.")
    ] = BindingName.NATIVE


class DatabaseMode(StrEnum):
    """What a Central Mobility Database does with a registration (RFC 8885 §3.2 to §3.4)."""

    RELAY = "relay"
    LOCATOR = "locator"
    PROXY = "proxy"


class Compatibility(StrEnum):
    """Whose habits are put up with, beyond the RFCs."""

    NONE = "none"
    MAD_PMIPV6 = "mad-pmipv6"


class Rfc8885Section(Strict, frozen=True, kw_only=True):
    """Distributed Proxy Mobile IPv6, for reference points carried by `rfc8885`."""

    mode: Annotated[
        DatabaseMode,
        Meta(
            description="The CMD relays contexts, only locates previous MAARs, or answers in their "
            "place."
        ),
    ] = DatabaseMode.RELAY
    previous_maars: Annotated[
        int, Meta(ge=1, le=64, description="At most, of one mobile node (RFC 8885 §6).")
    ] = 8
    compatibility: Annotated[
        Compatibility,
        Meta(
            description="mad-pmipv6: MAARs read acknowledgements of that controller (of 2016), "
            "which is unauthenticated and grants nothing: they are logged, and redirect nothing."
        ),
    ] = Compatibility.NONE


class LispAlgorithm(StrEnum):
    """How a registration is authenticated (RFC 9301 §12.5)."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA256_HKDF = "sha256-hkdf"


class LispSiteSection(Strict, frozen=True, kw_only=True):
    """A LISP site of another make, and what it may register (RFC 9301 §8.2)."""

    name: Annotated[str, Meta(min_length=1, description="For people.")]
    eid_prefixes: Annotated[
        tuple[str, ...],
        Meta(min_length=1, description="IPv6 and IPv4; what is more specific is allowed, too."),
    ]
    key: Annotated[str, Meta(min_length=1, description="The secret shared with the site.")]
    key_id: Annotated[int, Meta(ge=0, le=255, description="As the site's messages name it.")] = 0
    instance: Annotated[
        int, Meta(ge=0, le=16777215, description="The Instance ID of the prefixes; 0: none.")
    ] = 0
    algorithms: Annotated[
        tuple[LispAlgorithm, ...],
        Meta(min_length=1, description="Those accepted; sha1 for who knows no better."),
    ] = (LispAlgorithm.SHA256, LispAlgorithm.SHA256_HKDF)
    any_nonce: Annotated[
        bool,
        Meta(description="For who draws nonces at random; replays of theirs go unnoticed."),
    ] = False


class LispMapServerSection(Strict, frozen=True, kw_only=True):
    """A Map-Server of another make, where anchors register what they have."""

    address: Annotated[str, Meta(description="IPv6 or IPv4.")]
    key: Annotated[str, Meta(min_length=1, description="The secret that it has for our site.")]
    key_id: Annotated[int, Meta(ge=0, le=255, description="As it knows the key.")] = 0
    algorithm: Annotated[LispAlgorithm, Meta(description="How registrations are signed.")] = (
        LispAlgorithm.SHA256
    )
    whole_digests: Annotated[
        bool, Meta(description="For who takes no digests shortened as the RFC has them.")
    ] = False


class LispDelegationSection(Strict, frozen=True, kw_only=True):
    """EIDs that a mapping system of another make answers for (RFC 8111)."""

    eid_prefixes: Annotated[tuple[str, ...], Meta(min_length=1, description="EID-prefixes.")]
    to: Annotated[
        tuple[str, ...], Meta(min_length=1, description="Addresses of those to be asked.")
    ]
    map_servers: Annotated[
        bool, Meta(description="Whether these are Map-Servers; else DDT nodes that refer on.")
    ] = True


class LispSection(Strict, frozen=True, kw_only=True):
    """LISP (RFC 9301), beside what reference points carried by `lisp` need."""

    sites: Annotated[
        tuple[LispSiteSection, ...],
        Meta(description="Nodes with FE_IEC are Map-Server and Map-Resolver for these, too."),
    ] = ()
    map_servers: Annotated[
        tuple[LispMapServerSection, ...],
        Meta(description="Where anchors register the mobile nodes that they have (RFC 9301)."),
    ] = ()
    map_resolvers: Annotated[
        tuple[str, ...],
        Meta(description="Addresses of those whom ingresses ask about `eid_prefixes`."),
    ] = ()
    eid_prefixes: Annotated[
        tuple[str, ...],
        Meta(description="EIDs of sites of other makes that ingresses have packets tunnelled to."),
    ] = ()
    delegations: Annotated[
        tuple[LispDelegationSection, ...],
        Meta(
            description="Who is asked about which EIDs by nodes with FE_IEC, and referred to; "
            "each other these know by their `serves`."
        ),
    ] = ()
    authority: Annotated[
        tuple[str, ...],
        Meta(description="EID-prefixes of which whatever is not delegated is nobody's."),
    ] = ()


class Mipv6Section(Strict, frozen=True, kw_only=True):
    """Mobile IPv6 (RFC 6275), for an R_XU carried by `mipv6`."""

    route_optimisation: Annotated[
        bool,
        Meta(
            description="Between mobile nodes and correspondents (nodes without entities), which "
            "then run a daemon: packets pass by the home agent (RFC 6275 §11.7.2)."
        ),
    ] = False


class BgpSection(Strict, frozen=True, kw_only=True):
    """Internal BGP among anchors and routers that are not ours (nodes with `router`)."""

    as_number: Annotated[
        int, Meta(ge=1, le=4294967294, description="The autonomous system of all of them.")
    ] = 65000
    reflectors: Annotated[
        tuple[Name, ...],
        Meta(
            description="Routers that reflect routes (RFC 4456): all others have sessions with "
            "these alone. None: everyone has one with everyone."
        ),
    ] = ()
    max_prefixes: Annotated[
        int,
        Meta(
            ge=1,
            le=4294967295,
            description="Of a family, that one neighbour may announce: beyond it the session ends.",
        ),
    ] = 200000
    time_to_spread: Annotated[
        Duration,
        Meta(
            description="After an announcement, until all routers are taken to follow it; so long "
            "the former anchor forwards. BGP does not tell when they do; after the hold time of 9s "
            "whoever has not heard has lost its session."
        ),
    ] = "10s"
    recommended: Annotated[
        bool,
        Meta(
            description="Settings for quick moves: FRR sets routes at once and replaces those of "
            "IPv6 in place, BIRD has a large netlink buffer. Without: as the routers come."
        ),
    ] = True
    md5: Annotated[
        bool,
        Meta(
            description="Segments are signed (TCP MD5 signature option), each pair of neighbours "
            "with a key of its own. False only where something else protects the sessions."
        ),
    ] = True
    ttl_security: Annotated[
        bool,
        Meta(
            description="Packets that have come further than the neighbour is away are refused "
            "(RFC 5082)."
        ),
    ] = True
    uplink_grace: Annotated[
        Duration,
        Meta(
            description="For how long routers with `source_filter` let a mobile node's packets "
            "through before the route to it has come, and after it has gone; 0s: not at all."
        ),
    ] = "2s"


class Means(StrEnum):
    """How redirected packets travel from ingress to egress."""

    SRV6 = "srv6"
    IP_IN_IPV6 = "ip-in-ipv6"
    VXLAN = "vxlan"
    EBPF = "ebpf"
    LISP = "lisp"
    LISP_GPE = "lisp-gpe"
    HOST_ROUTE = "host-route"
    TRANSLATION = "translation"


class UplinkMode(StrEnum):
    """What happens to packets from a mobile node away from home."""

    DIRECT = "direct"
    TUNNEL = "tunnel"


class ForwardingSection(Strict, frozen=True, kw_only=True):
    """The forwarding plane of the DMM functions."""

    means: Annotated[Means, Meta(description="Forwarding means of FE_I.")] = Means.SRV6
    uplink: Annotated[
        UplinkMode,
        Meta(description="direct: routed from the new anchor; tunnel: back through FE_I/FE_E."),
    ] = UplinkMode.DIRECT
    core_mtu: Annotated[
        int, Meta(ge=1280, le=9216, description="Octets of a packet on links between nodes.")
    ] = 2000
    access_mtu: Annotated[
        int, Meta(ge=1280, le=9216, description="Octets of a packet on access links.")
    ] = 1500


class PolicyModeName(StrEnum):
    """Whether an ingress is told of policies, or asks for them."""

    PUSH = "push"
    PULL = "pull"


class FlowProtocol(StrEnum):
    """What a flow's packets carry."""

    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"
    ICMP = "icmp"
    ICMPV6 = "icmpv6"


class FlowSection(Strict, frozen=True, kw_only=True):
    """Packets to a mobile node that match everything given; of whom, and which.

    Of a mobile node that any flow of an ingress is about, this ingress redirects these flows and
    leaves all others alone: they go on to the home anchor. Of others it redirects everything.
    """

    mobile_node: Annotated[Name | None, Meta(description="Whose; none: everyone's.")] = None
    group: Annotated[
        Prefix | None, Meta(description="Only of mobile nodes with a home prefix under this.")
    ] = None
    protocol: Annotated[FlowProtocol | None, Meta(description="none: any.")] = None
    source: Annotated[
        Prefix | None, Meta(description="Where correspondents are; none: anywhere.")
    ] = None
    source_port: Annotated[
        Ports | None, Meta(description="The correspondent's; of tcp, udp or sctp; none: any.")
    ] = None
    destination_port: Annotated[
        Ports | None, Meta(description="The mobile node's; of tcp, udp or sctp; none: any.")
    ] = None


class PolicySection(Strict, frozen=True, kw_only=True):
    """Which policies an ingress is told, and how."""

    ingress: Annotated[
        Name | None,
        Meta(description="The FE_I's node; none: every FE_I without a policy of its own."),
    ] = None
    mode: Annotated[PolicyModeName, Meta(description="push: told; pull: asks on first packet.")] = (
        PolicyModeName.PUSH
    )
    groups: Annotated[
        tuple[Prefix, ...], Meta(description="Only prefixes under these; empty: all.")
    ] = ()
    flows: Annotated[
        tuple[FlowSection, ...],
        Meta(description="The flows to redirect; empty: all packets of every mobile node."),
    ] = ()


class ProofMode(StrEnum):
    """What convinces a home anchor that a mobile node is where it is claimed to be."""

    NETWORK = "network"
    MOBILE_NODE = "mobile-node"


class MobilityHeaderSecurity(StrEnum):
    """What protects Mobility Headers between network elements."""

    AUTHENTICATION_OPTION = "authentication-option"
    ESP = "esp"


class SecuritySection(Strict, frozen=True, kw_only=True):
    """Keys, certificates and what a redirection must prove."""

    material: Annotated[
        str,
        Meta(description="Folder with keys and certificates; `generated` makes them for the lab."),
    ] = "generated"
    attachment_proof: Annotated[
        ProofMode,
        Meta(description="network: the access authentication; mobile-node: its signature."),
    ] = ProofMode.NETWORK
    delegation: Annotated[
        bool,
        Meta(
            description="FE_IEC may grant in a home anchor's place: if it is dead, or always "
            "(`rfc8885` with `mode: proxy`)."
        ),
    ] = False
    delegation_proof: Annotated[
        ProofMode,
        Meta(
            description="What FE_IEC needs to do so: the mobile node's signature; or `network`, "
            "the new anchor's word alone, by which home anchors trust FE_IEC with their prefixes."
        ),
    ] = ProofMode.MOBILE_NODE
    mobility_headers: Annotated[
        MobilityHeaderSecurity,
        Meta(
            description="authentication-option: RFC 4285, authentic and timed, for all to read. "
            "esp: the same encrypted by the kernel, too (IPsec ESP in transport mode, RFC 5213 "
            "§4); for the bindings pmipv6 and rfc8885."
        ),
    ] = MobilityHeaderSecurity.AUTHENTICATION_OPTION


class TimerSection(Strict, frozen=True, kw_only=True):
    """Lifetimes and waiting times."""

    lifetime: Annotated[Duration, Meta(description="Of a binding without refresh.")] = "300s"
    drain: Annotated[
        Duration, Meta(description="How long a previous anchor forwards after all is updated.")
    ] = "1s"
    retransmit: Annotated[Duration, Meta(description="First retransmission; doubles.")] = "200ms"
    peer_timeout: Annotated[
        Duration, Meta(description="Waiting for an anchor that does not answer.")
    ] = "1s"


class MobileNodeSection(Strict, frozen=True, kw_only=True):
    """A mobile node: its identity, home and prefixes."""

    id: Annotated[str | None, Meta(description="NAI; its name @example.org by default.")] = None
    home: Annotated[Name, Meta(description="Node of its home anchor.")]
    prefixes: Annotated[
        tuple[Prefix, ...],
        Meta(min_length=1, description="HNP or HoA, IPv6 and IPv4, out of the home's pools."),
    ]
    other_homes: Annotated[
        dict[Name, tuple[Prefix, ...]],
        Meta(
            description="Mobile IPv6: other home agents that it is registered with at the same "
            "time, and its home addresses there. Then none is moved to another anchor, but each "
            "stays with its own (draft §4.1)."
        ),
    ] = {}
    client: Annotated[
        bool, Meta(description="FE_MU_C runs on the mobile node; else the network detects it.")
    ] = False
    simultaneous: Annotated[
        bool,
        Meta(
            description="A new prefix at each new anchor, the old deprecated and kept (RFC 8885)."
        ),
    ] = False
    access: Annotated[
        tuple[Name, ...],
        Meta(description="Nodes it can attach to; default: all with FE_MU_C, or all anchors."),
    ] = ()
    access_delay: Annotated[Duration, Meta(description="One way, of its access links.")] = "0ms"
    link_layer_id: Annotated[
        LinkLayerId | None,
        Meta(
            description="MAC address it attaches with (RFC 5213 §8.6): anchors know it by this and "
            "send its packets there. Allocated when not given, which does for a laboratory only."
        ),
    ] = None


class MoveOrderName(StrEnum):
    """What comes first: the new link, the end of the old one, or the news of the move."""

    MAKE_BEFORE_BREAK = "make-before-break"
    BREAK_BEFORE_MAKE = "break-before-make"
    PREDICTED = "predicted"


class AttachmentSection(Strict, frozen=True, kw_only=True):
    """One move of a mobile node (the first: its initial attachment)."""

    at: Annotated[Duration, Meta(description="From the start of the scenario.")]
    mobile_node: Annotated[Name, Meta(description="Who moves.")]
    to: Annotated[
        Name | None, Meta(description="The anchor, or mobile access gateway; null: detach.")
    ]
    order: Annotated[
        MoveOrderName, Meta(description="New link first, old link gone first, or told ahead.")
    ] = MoveOrderName.MAKE_BEFORE_BREAK
    overlap: Annotated[
        Duration, Meta(description="Make before break: how long both links are up.")
    ] = "200ms"
    gap: Annotated[Duration, Meta(description="Break before make: how long no link is up.")] = "0ms"
    lead: Annotated[Duration, Meta(description="Predicted: warning before the move.")] = "100ms"


class ReleaseSection(Strict, frozen=True, kw_only=True):
    """The mobile node gives its prefixes up."""

    at: Annotated[Duration, Meta(description="From the start of the scenario.")]
    mobile_node: Annotated[Name, Meta(description="Who gives them up.")]
    prefixes: Annotated[tuple[Prefix, ...], Meta(description="Empty: all.")] = ()


class TrafficKind(StrEnum):
    """UDP probes, or a TCP session that carries a stream."""

    UDP = "udp"
    TCP = "tcp"


class TrafficDirection(StrEnum):
    """Down: to the mobile node."""

    DOWN = "down"
    UP = "up"
    BOTH = "both"


class Family(StrEnum):
    """Of the home address that a session uses."""

    IPV6 = "ipv6"
    IPV4 = "ipv4"


class TrafficSection(Strict, frozen=True, kw_only=True):
    """A live session between a correspondent and a mobile node."""

    kind: Annotated[TrafficKind, Meta(description="Probes (udp) or a stream (tcp).")]
    correspondent: Annotated[Name, Meta(description="The node at the other end.")]
    mobile_node: Annotated[Name, Meta(description="The mobile node, by a home address of its.")]
    at: Annotated[
        Duration | None,
        Meta(description="When it begins; default: half a second after the first attachment."),
    ] = None
    direction: Annotated[
        TrafficDirection, Meta(description="down: to the mobile node; up: from it.")
    ] = TrafficDirection.BOTH
    family: Annotated[Family, Meta(description="Of the home address used.")] = Family.IPV6
    home: Annotated[
        Name | None,
        Meta(description="Of several homes of the mobile node, the one whose address is used."),
    ] = None
    interval: Annotated[Duration, Meta(description="UDP: spacing of the probes.")] = "1ms"
    rate: Annotated[Rate, Meta(description="TCP: how fast the application writes.")] = "10Mbit"
    port: Annotated[
        SessionPort | None,
        Meta(
            description="Where packets of a UDP session are sent to, and where the correspondent "
            "listens for a TCP session; chosen when not given."
        ),
    ] = None


class FaultKind(StrEnum):
    """What breaks: a daemon killed or paused, a link cut, sessions reset."""

    KILL = "kill"  # SIGKILL, restarted after `lasts` when given
    PAUSE = "pause"  # SIGSTOP for `lasts`
    CUT = "cut"  # a link, for `lasts`
    RESET = "reset"  # all BGP sessions of a node, which come up again by themselves


class FaultSection(Strict, frozen=True, kw_only=True):
    """Something breaks."""

    at: Annotated[Duration, Meta(description="From the start of the scenario.")]
    kind: Annotated[
        FaultKind,
        Meta(
            description="kill what runs on a node (restarted after `lasts`), pause it, reset its "
            "BGP sessions, or cut a link."
        ),
    ]
    node: Annotated[
        Name | None,
        Meta(
            description="kill, pause: whose daemons; a mobile node's, if it has a client. reset: a "
            "router, or an anchor that speaks BGP."
        ),
    ] = None
    link: Annotated[tuple[Name, Name] | None, Meta(description="cut: the link's ends.")] = None
    lasts: Annotated[Duration | None, Meta(description="How long; none: for good.")] = None


class PathExpectation(Strict, frozen=True, kw_only=True):
    """The path of downlink packets after a move."""

    move: Annotated[int, Meta(ge=1, description="Number of the move, first 1.")]
    port: Annotated[
        SessionPort | None,
        Meta(description="Of the UDP session with this port; none: of the mobile node's first."),
    ] = None
    touches: Annotated[tuple[Name, ...], Meta(description="Nodes that it passes, all.")] = ()
    avoids: Annotated[tuple[Name, ...], Meta(description="Nodes that it does not pass.")] = ()


class ExpectationSection(Strict, frozen=True, kw_only=True):
    """What must hold; each field given becomes one expectation of the report."""

    sessions_survive: Annotated[bool, Meta(description="Every session ends intact.")] = True
    lost_at_most: Annotated[Count | None, Meta(description="UDP probes lost, per move.")] = None
    duplicated_at_most: Annotated[
        Count | None, Meta(description="UDP probes that arrive twice, per move.")
    ] = None
    gap_at_most: Annotated[Duration | None, Meta(description="Longest downlink gap.")] = None
    gap_above_floor_at_most: Annotated[
        Percentage | None,
        Meta(description="Longest downlink gap, beyond the least that the links' delays allow."),
    ] = None
    paths: Annotated[
        tuple[PathExpectation, ...], Meta(description="Of packets after certain moves.")
    ] = ()
    nothing_left: Annotated[bool, Meta(description="No rule of ours anywhere at the end.")] = False


class ScenarioSection(Strict, frozen=True, kw_only=True):
    """What happens, when, and what must come of it."""

    duration: Annotated[Duration, Meta(description="Of the whole scenario.")]
    attachments: Annotated[
        tuple[AttachmentSection, ...],
        Meta(min_length=1, description="Who attaches where, in order of time."),
    ]
    releases: Annotated[
        tuple[ReleaseSection, ...], Meta(description="Prefixes given up by mobile nodes.")
    ] = ()
    traffic: Annotated[
        tuple[TrafficSection, ...], Meta(description="Live sessions through all of it.")
    ] = ()
    faults: Annotated[tuple[FaultSection, ...], Meta(description="What breaks.")] = ()
    expect: Annotated[
        ExpectationSection, Meta(description="What must hold; decides the exit code.")
    ] = ExpectationSection()


class ConstellationFile(Strict, frozen=True, kw_only=True):
    """A constellation: nodes, links, entities, bindings, forwarding, policies, scenario."""

    constellation: Annotated[Title, Meta(description="The constellation's name.")]
    version: Annotated[int, Meta(ge=1, le=1, description="Of this file format.")] = 1
    description: Annotated[str, Meta(description="One line for people.")] = ""
    nodes: Annotated[
        dict[Name, NodeSection],
        Meta(min_length=1, description="The network elements, by name (interfaces are called so)."),
    ]
    links: Annotated[tuple[LinkSection, ...], Meta(description="What joins the nodes.")] = ()
    reference_points: Annotated[
        ReferencePointSection, Meta(description="The binding of each reference point.")
    ] = ReferencePointSection()
    rfc8885: Annotated[
        Rfc8885Section, Meta(description="For reference points carried by `rfc8885`.")
    ] = Rfc8885Section()
    lisp: Annotated[
        LispSection, Meta(description="LISP sites of other makes, to serve at nodes with FE_IEC.")
    ] = LispSection()
    mipv6: Annotated[Mipv6Section, Meta(description="For an R_XU carried by `mipv6`.")] = (
        Mipv6Section()
    )
    bgp: Annotated[
        BgpSection, Meta(description="With nodes that have a `router`: their iBGP sessions.")
    ] = BgpSection()
    forwarding: Annotated[ForwardingSection, Meta(description="How redirected packets travel.")] = (
        ForwardingSection()
    )
    policies: Annotated[
        tuple[PolicySection, ...],
        Meta(
            description="For ingresses that are not told everything at once (push), or redirect "
            "some flows only."
        ),
    ] = ()
    security: Annotated[
        SecuritySection, Meta(description="Keys, and what a redirection must prove.")
    ] = SecuritySection()
    timers: Annotated[TimerSection, Meta(description="Lifetimes and waiting times.")] = (
        TimerSection()
    )
    mobile_nodes: Annotated[
        dict[Name, MobileNodeSection], Meta(description="Who moves, by name.")
    ] = {}
    scenario: Annotated[
        ScenarioSection | None, Meta(description="What `dmm lab run` and `dmm sim run` carry out.")
    ] = None
