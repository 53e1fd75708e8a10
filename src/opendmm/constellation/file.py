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

Duration = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]+(\.[0-9]+)?(us|ms|s|min|h)$",
        description="A length of time with its unit, e.g. 20ms, 1.5s, 5min.",
        examples=["20ms"],
    ),
]
Rate = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]+(\.[0-9]+)?(kbit|Mbit|Gbit)$",
        description="Bits per second with their unit, e.g. 100Mbit.",
        examples=["100Mbit"],
    ),
]
Percentage = Annotated[
    str,
    Meta(pattern=r"^[0-9]+(\.[0-9]+)?%$", description="A share, e.g. 0.5%.", examples=["0.5%"]),
]
Prefix = Annotated[str, Meta(description="An IPv6 or IPv4 prefix, e.g. 2001:db8:a::/48.")]
Address = Annotated[str, Meta(description="An IPv6 or IPv4 address.")]
Name = Annotated[
    str,
    Meta(pattern=r"^[a-z][a-z0-9-]{0,14}$", description="Lower case letters, digits and dashes."),
]


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section of the file: fields that are not listed are an error."""


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
        Meta(description="Drop packets from access links whose source is not of the node's pools."),
    ] = False
    uplink: Annotated[
        str | None,
        Meta(description="Name of the existing interface towards the core (real routers only)."),
    ] = None


class LinkSection(Strict, frozen=True, kw_only=True):
    """A point-to-point link between two nodes."""

    between: Annotated[
        tuple[Name, Name], Meta(description="The two nodes, also mobile nodes' anchors.")
    ]
    delay: Annotated[Duration, Meta(description="One way.")] = "0ms"
    rate: Rate | None = None
    loss: Percentage = "0%"
    addresses: Annotated[
        tuple[Prefix, ...],
        Meta(
            description="Addresses with length of the two ends (IPv6, then IPv4); else allocated."
        ),
    ] = ()
    cost: Annotated[int, Meta(ge=1, description="Routing metric.")] = 1


class BindingName(StrEnum):
    """What carries a reference point. Entities on one node always speak in-process."""

    NATIVE = "native"


class ReferencePointSection(Strict, frozen=True, kw_only=True):
    """What carries each reference point between nodes."""

    R_XA: BindingName = BindingName.NATIVE
    R_XU: BindingName = BindingName.NATIVE
    R_XX: BindingName = BindingName.NATIVE
    R_IC: BindingName = BindingName.NATIVE
    R_EC: BindingName = BindingName.NATIVE
    R_XC: BindingName = BindingName.NATIVE
    R_II: BindingName = BindingName.NATIVE


class Means(StrEnum):
    """How redirected packets travel from ingress to egress."""

    SRV6 = "srv6"
    IP_IN_IPV6 = "ip-in-ipv6"
    VXLAN = "vxlan"
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
    core_mtu: Annotated[int, Meta(ge=1280, le=9216)] = 2000
    access_mtu: Annotated[int, Meta(ge=1280, le=9216)] = 1500


class PolicyModeName(StrEnum):
    PUSH = "push"
    PULL = "pull"


class PolicySection(Strict, frozen=True, kw_only=True):
    """Which policies an ingress is told, and how."""

    ingress: Annotated[Name, Meta(description="The FE_I's node.")]
    mode: Annotated[PolicyModeName, Meta(description="push: told; pull: asks on first packet.")] = (
        PolicyModeName.PUSH
    )
    groups: Annotated[
        tuple[Prefix, ...], Meta(description="Only prefixes under these; empty: all.")
    ] = ()


class ProofMode(StrEnum):
    """What convinces a home anchor that a mobile node is where it is claimed to be."""

    NETWORK = "network"
    MOBILE_NODE = "mobile-node"


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
        Meta(description="FE_IEC may grant on the mobile node's proof if the home anchor is dead."),
    ] = False


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

    id: Annotated[str | None, Meta(description="NAI; default <name>@example.org.")] = None
    home: Annotated[Name, Meta(description="Node of its home anchor.")]
    prefixes: Annotated[
        tuple[Prefix, ...],
        Meta(min_length=1, description="HNP or HoA, IPv6 and IPv4, out of the home's pools."),
    ]
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
        tuple[Name, ...], Meta(description="Anchors it can attach to; default: all anchors.")
    ] = ()
    access_delay: Annotated[Duration, Meta(description="One way, of its access links.")] = "0ms"


class MoveOrderName(StrEnum):
    MAKE_BEFORE_BREAK = "make-before-break"
    BREAK_BEFORE_MAKE = "break-before-make"
    PREDICTED = "predicted"


class AttachmentSection(Strict, frozen=True, kw_only=True):
    """One move of a mobile node (the first: its initial attachment)."""

    at: Annotated[Duration, Meta(description="From the start of the scenario.")]
    mobile_node: Name
    to: Annotated[Name | None, Meta(description="The anchor; null: detach.")]
    order: MoveOrderName = MoveOrderName.MAKE_BEFORE_BREAK
    overlap: Annotated[
        Duration, Meta(description="Make before break: how long both links are up.")
    ] = "200ms"
    gap: Annotated[Duration, Meta(description="Break before make: how long no link is up.")] = "0ms"
    lead: Annotated[Duration, Meta(description="Predicted: warning before the move.")] = "100ms"


class ReleaseSection(Strict, frozen=True, kw_only=True):
    """The mobile node gives its prefixes up."""

    at: Duration
    mobile_node: Name
    prefixes: Annotated[tuple[Prefix, ...], Meta(description="Empty: all.")] = ()


class TrafficKind(StrEnum):
    UDP = "udp"
    TCP = "tcp"


class TrafficDirection(StrEnum):
    DOWN = "down"
    UP = "up"
    BOTH = "both"


class Family(StrEnum):
    IPV6 = "ipv6"
    IPV4 = "ipv4"


class TrafficSection(Strict, frozen=True, kw_only=True):
    """A live session between a correspondent and a mobile node."""

    kind: TrafficKind
    correspondent: Name
    mobile_node: Name
    direction: TrafficDirection = TrafficDirection.BOTH
    family: Family = Family.IPV6
    interval: Annotated[Duration, Meta(description="UDP: spacing of the probes.")] = "1ms"
    rate: Annotated[Rate, Meta(description="TCP: how fast the application writes.")] = "10Mbit"


class FaultKind(StrEnum):
    KILL = "kill"  # SIGKILL, restarted after `lasts` when given
    PAUSE = "pause"  # SIGSTOP for `lasts`
    CUT = "cut"  # a link, for `lasts`


class FaultSection(Strict, frozen=True, kw_only=True):
    """Something breaks."""

    at: Duration
    kind: FaultKind
    node: Annotated[Name | None, Meta(description="kill, pause: whose daemon.")] = None
    link: Annotated[tuple[Name, Name] | None, Meta(description="cut: the link's ends.")] = None
    lasts: Annotated[Duration | None, Meta(description="How long; none: for good.")] = None


class PathExpectation(Strict, frozen=True, kw_only=True):
    """The path of downlink packets after a move."""

    move: Annotated[int, Meta(ge=1, description="Number of the move, first 1.")]
    touches: tuple[Name, ...] = ()
    avoids: tuple[Name, ...] = ()


class ExpectationSection(Strict, frozen=True, kw_only=True):
    """What must hold; each field given becomes one expectation of the report."""

    sessions_survive: Annotated[bool, Meta(description="Every session ends intact.")] = True
    lost_at_most: Annotated[int | None, Meta(description="UDP probes lost, per move.")] = None
    duplicated_at_most: Annotated[int | None, Meta(description="UDP probes, per move.")] = None
    gap_at_most: Annotated[Duration | None, Meta(description="Longest downlink gap.")] = None
    paths: tuple[PathExpectation, ...] = ()
    nothing_left: Annotated[bool, Meta(description="No rule of ours anywhere at the end.")] = False


class ScenarioSection(Strict, frozen=True, kw_only=True):
    """What happens, when, and what must come of it."""

    duration: Annotated[Duration, Meta(description="Of the whole scenario.")]
    attachments: Annotated[tuple[AttachmentSection, ...], Meta(min_length=1)]
    releases: tuple[ReleaseSection, ...] = ()
    traffic: tuple[TrafficSection, ...] = ()
    faults: tuple[FaultSection, ...] = ()
    expect: ExpectationSection = ExpectationSection()


class ConstellationFile(Strict, frozen=True, kw_only=True):
    """A constellation: nodes, links, entities, bindings, forwarding, policies, scenario."""

    constellation: Annotated[Name, Meta(description="The constellation's name.")]
    version: Annotated[int, Meta(ge=1, le=1, description="Of this file format.")] = 1
    description: str = ""
    nodes: Annotated[dict[Name, NodeSection], Meta(min_length=1)]
    links: tuple[LinkSection, ...] = ()
    reference_points: ReferencePointSection = ReferencePointSection()
    forwarding: ForwardingSection = ForwardingSection()
    policies: tuple[PolicySection, ...] = ()
    security: SecuritySection = SecuritySection()
    timers: TimerSection = TimerSection()
    mobile_nodes: dict[Name, MobileNodeSection] = {}
    scenario: ScenarioSection | None = None
