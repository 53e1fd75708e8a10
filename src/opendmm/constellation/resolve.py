"""From the file as written to a deployment with every value resolved. Pure and deterministic."""

import hashlib
import ipaddress

import networkx

from opendmm.constellation.deployment import (
    ControllerPlan,
    CoreLink,
    Deployment,
    IngressPlan,
    InterfaceAddress,
    NodePlan,
    SubscriberPlan,
    Timers,
)
from opendmm.constellation.file import (
    BindingName,
    ConstellationFile,
    FlowSection,
    LinkSection,
    MobileNodeSection,
    NodeSection,
    PolicySection,
)
from opendmm.constellation.quantities import bits_per_second, seconds, share
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.flow import ANY_PORT, PROTOCOLS, FlowRule, FlowSelection, PortRange
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points.catalogue import ReferencePointName
from opendmm.reference_points.r_ic import PolicyMode

FE = FunctionalEntity
BLOCKS = "fd00:d:{number:x}::/64"
CORE_IPV6 = ipaddress.IPv6Network("fd00:c::/32")
CORE_IPV4 = ipaddress.IPv4Network("10.254.0.0/16")
CARE_OF_HOSTS = 0xCA
"""The upper half of the host part of care-of addresses, apart from tunnel ends."""
LOOPBACKS = ipaddress.IPv4Network("10.255.0.0/16")


def deployment(file: ConstellationFile) -> Deployment:
    """Resolve a (valid) constellation file."""
    graph = _graph(file)
    egresses = {name: _egress(file, graph, name) for name in file.nodes}
    return Deployment(
        name=file.constellation,
        description=file.description,
        nodes={
            NodeId(name): _node(file, name, number, egresses[name])
            for number, name in enumerate(file.nodes, 1)
        },
        links=tuple(_link(link, number) for number, link in enumerate(file.links, 1)),
        ingresses={
            NodeId(name): _ingress(file, name)
            for name, section in file.nodes.items()
            if FE.FE_I in section.entities and file.reference_points.R_IC is not BindingName.BGP
        },
        controllers={
            NodeId(name): _controller(file, name)
            for name, section in file.nodes.items()
            if FE.FE_IEC in section.entities
        },
        subscribers=_subscribers(file),
        bindings={name: getattr(file.reference_points, name) for name in ReferencePointName},
        means=file.forwarding.means,
        uplink=file.forwarding.uplink,
        core_mtu=file.forwarding.core_mtu,
        access_mtu=file.forwarding.access_mtu,
        attachment_proof=file.security.attachment_proof,
        delegation=file.security.delegation,
        delegation_proof=file.security.delegation_proof,
        mobility_headers=file.security.mobility_headers,
        rfc8885=file.rfc8885,
        lisp=file.lisp,
        mipv6=file.mipv6,
        bgp=file.bgp,
        material=file.security.material,
        timers=Timers(
            lifetime=seconds(file.timers.lifetime),
            drain=seconds(file.timers.drain),
            retransmit=seconds(file.timers.retransmit),
            peer_timeout=seconds(file.timers.peer_timeout),
        ),
        scenario=file.scenario,
    )


def locator_of(file: ConstellationFile, name: str) -> Locator:
    """A node's own address: as given, or the first of its block."""
    given = file.nodes[name].locator
    if given is not None:
        return Locator.parse(given)
    number = list(file.nodes).index(name) + 1
    return Locator.parse(f"fd00:d:{number:x}::1")


def _graph(file: ConstellationFile) -> "networkx.Graph[str]":
    graph: networkx.Graph[str] = networkx.Graph()
    graph.add_nodes_from(file.nodes)
    for link in file.links:
        graph.add_edge(*link.between, weight=link.cost)
    return graph


def _node(file: ConstellationFile, name: str, number: int, egress: Egress | None) -> NodePlan:
    section = file.nodes[name]
    locator = locator_of(file, name)
    block = ipaddress.ip_network((locator.address, 64), strict=False)
    return NodePlan(
        name=NodeId(name),
        entities=section.entities or ((FE.FE_R,) if section.router else ()),
        pools=tuple(HomePrefix.parse(pool) for pool in section.pools),
        locator=locator,
        ipv4=str(LOOPBACKS[number]),
        egress_block=str(block),
        controllers=_controllers_of(file, name, egress),
        anchor=_anchor(section, name),
        egress=egress,
        source_filter=section.source_filter,
        router=section.router,
    )


def _anchor(section: NodeSection, name: str) -> NodeId | None:
    if section.anchor is not None:
        return NodeId(section.anchor)
    return NodeId(name) if FE.FE_MA_C in section.entities else None


def access_nodes(file: ConstellationFile) -> tuple[NodeId, ...]:
    """Where a mobile node can attach: at gateways where there are any, and at anchors with
    FE_MU_C beside them; else at every anchor, and at access routers of Mobile IPv6."""
    if file.reference_points.R_XU is BindingName.MIPV6:
        return tuple(NodeId(n) for n, s in file.nodes.items() if _anchor(s, n) is not None)
    gateways = any(section.anchor is not None for section in file.nodes.values())
    entity = FE.FE_MU_C if gateways else FE.FE_MA_C
    return tuple(NodeId(name) for name, s in file.nodes.items() if entity in s.entities)


def _link(link: LinkSection, number: int) -> CoreLink:
    ends = [_end(link, number, which) for which in (0, 1)]
    return CoreLink(
        ends=(ends[0], ends[1]),
        delay=seconds(link.delay),
        rate=bits_per_second(link.rate) if link.rate else 0.0,
        loss=share(link.loss),
        cost=link.cost,
    )


def _end(link: LinkSection, number: int, which: int) -> InterfaceAddress:
    given = [a for a in link.addresses if ":" in a], [a for a in link.addresses if ":" not in a]
    ipv6 = given[0][which] if len(given[0]) == 2 else f"fd00:c:{number:x}::{which + 1}/64"
    host = CORE_IPV4.network_address + 4 * number + which + 1
    ipv4 = given[1][which] if len(given[1]) == 2 else f"{host}/30"
    return InterfaceAddress(
        node=NodeId(link.between[which]), interface=link.between[1 - which], ipv6=ipv6, ipv4=ipv4
    )


def _egress(file: ConstellationFile, graph: "networkx.Graph[str]", name: str) -> Egress | None:
    """The FE_E in an anchor's network: its own, or the nearest one."""
    if FE.FE_MA_C not in file.nodes[name].entities:
        return None
    if FE.FE_E in file.nodes[name].entities:
        return Egress(NodeId(name), locator_of(file, name))
    distance = networkx.single_source_dijkstra_path_length(graph, name)
    apart = [n for n, s in file.nodes.items() if FE.FE_E in s.entities and n in distance]
    if not apart:
        return None
    nearest = min(apart, key=lambda other: (distance[other], list(file.nodes).index(other)))
    return Egress(NodeId(nearest), locator_of(file, nearest))


# Who controls whom


def _serves(section: NodeSection) -> tuple[str, ...]:
    """An FE_IEC beside an anchor answers for the anchor's pools unless told otherwise."""
    return section.serves or (section.pools if FE.FE_MA_C in section.entities else ())


def _controllers_of(
    file: ConstellationFile, name: str, egress: Egress | None
) -> tuple[NodeId, ...]:
    """Where prefixes are announced, the FE_IEC beside the egress: only there can it announce."""
    if file.reference_points.R_IC is BindingName.BGP and egress is not None:
        return (egress.node,)
    return _controllers(file, name)


def _controllers(file: ConstellationFile, name: str) -> tuple[NodeId, ...]:
    """FE_IEC instances by preference: the node's own, those for its pools, others, standbys."""
    pools = [HomePrefix.parse(pool) for pool in file.nodes[name].pools]

    def rank(candidate: str) -> tuple[bool, bool, bool, int]:
        section = file.nodes[candidate]
        served = [HomePrefix.parse(prefix) for prefix in _serves(section)]
        ours = any(s.covers(p) or p.covers(s) for s in served for p in pools)
        position = list(file.nodes).index(candidate)
        return candidate != name, section.standby_for is not None, not ours, position

    instances = [n for n, s in file.nodes.items() if FE.FE_IEC in s.entities]
    return tuple(NodeId(n) for n in sorted(instances, key=rank))


def _ingress(file: ConstellationFile, name: str) -> IngressPlan:
    general = next((p for p in file.policies if p.ingress is None), PolicySection())
    policy = next((p for p in file.policies if p.ingress == name), general)
    return IngressPlan(
        node=NodeId(name),
        mode=PolicyMode(policy.mode.value),
        groups=tuple(HomePrefix.parse(group) for group in policy.groups),
        flows=tuple(_flow(file, flow) for flow in policy.flows),
        controllers=_controllers(file, name),
    )


def _flow(file: ConstellationFile, flow: FlowSection) -> FlowSelection:
    whose = flow.mobile_node
    return FlowSelection(
        flow_rule(flow),
        None if whose is None else _identity(whose, file.mobile_nodes[whose]),
        None if flow.group is None else HomePrefix.parse(flow.group),
    )


def flow_rule(flow: FlowSection) -> FlowRule:
    """The flow without whose it is. Raises ValueError when it can match nothing."""
    return FlowRule(
        protocol=PROTOCOLS[flow.protocol] if flow.protocol else 0,
        source=None if flow.source is None else HomePrefix.parse(flow.source),
        source_ports=_ports(flow.source_port),
        destination_ports=_ports(flow.destination_port),
    )


def _ports(given: int | str | None) -> PortRange:
    return ANY_PORT if given is None else PortRange.parse(str(given))


def _controller(file: ConstellationFile, name: str) -> ControllerPlan:
    section = file.nodes[name]
    standby = next((n for n, s in file.nodes.items() if s.standby_for == name), None)
    return ControllerPlan(
        node=NodeId(name),
        serves=tuple(HomePrefix.parse(prefix) for prefix in _serves(section)),
        standby_for=NodeId(section.standby_for) if section.standby_for else None,
        standby=NodeId(standby) if standby else None,
    )


# Mobile nodes


def _subscribers(file: ConstellationFile) -> dict[MobileNodeId, SubscriberPlan]:
    everywhere = access_nodes(file)
    plans = [
        _subscriber(file, name, section, everywhere) for name, section in file.mobile_nodes.items()
    ]
    return {plan.mobile_node: plan for plan in plans}


def _subscriber(
    file: ConstellationFile,
    name: str,
    section: MobileNodeSection,
    everywhere: tuple[NodeId, ...],
) -> SubscriberPlan:
    access = tuple(NodeId(node) for node in section.access) or everywhere
    homes = {
        NodeId(home): tuple(HomePrefix.parse(prefix) for prefix in prefixes)
        for home, prefixes in {section.home: section.prefixes, **section.other_homes}.items()
    }
    by_proxy = file.reference_points.R_XU is BindingName.PMIPV6
    gateways = [node for node in access if file.nodes[node].anchor not in (None, node)]
    return SubscriberPlan(
        name=name,
        mobile_node=_identity(name, section),
        home=NodeId(section.home),
        prefixes=tuple(p for home in homes.values() for p in home),
        client=section.client,
        simultaneous=section.simultaneous,
        access=access,
        access_delay=seconds(section.access_delay),
        link_layer_ids={node: _link_layer_id(name, section, node) for node in access},
        autoconfigured=not section.client and (section.simultaneous or by_proxy),
        gateways=frozenset() if section.client else frozenset(gateways),
        care_of=_care_of(file, name, section, access),
        homes=homes if section.other_homes else {},
    )


def _care_of(
    file: ConstellationFile, name: str, section: MobileNodeSection, access: tuple[NodeId, ...]
) -> dict[NodeId, Locator]:
    """Out of the block of each node that is not its home: every mobile node's the same host."""
    if file.reference_points.R_XU is not BindingName.MIPV6:
        return {}
    number = list(file.mobile_nodes).index(name) + 1
    host = CARE_OF_HOSTS.to_bytes(4, "big") + number.to_bytes(4, "big")
    return {
        node: Locator(locator_of(file, node).address[:8] + host)
        for node in access
        if node != section.home or section.other_homes
    }


def _identity(name: str, section: MobileNodeSection) -> MobileNodeId:
    return MobileNodeId(section.id or f"{name}@example.org")


def _link_layer_id(mobile_node: str, section: MobileNodeSection, access: str) -> bytes:
    """The given one, else a locally administered unicast MAC address, the same at every run."""
    if section.link_layer_id is not None:
        return bytes.fromhex(section.link_layer_id.replace(":", ""))
    digest = hashlib.sha256(f"{mobile_node} {access}".encode()).digest()
    return bytes([(digest[0] & 0xFC) | 0x02]) + digest[1:6]
