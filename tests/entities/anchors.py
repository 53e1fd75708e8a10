"""Three anchors, an ingress and a controller, assembled by hand for entity tests."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from instant_network import InstantNetwork

from opendmm.authority.authority import Authority, MobileNodeCredential
from opendmm.authority.registry import NodeRecord, Registry
from opendmm.entities.effects import Entity, LinkAttached, LinkDetached
from opendmm.entities.fe_e import FeE
from opendmm.entities.fe_i import FeI
from opendmm.entities.fe_iec import ControllerConfig, FeIec, IngressScope
from opendmm.entities.fe_ma_c import FeMaC
from opendmm.entities.fe_mctx import FeMctx, MctxConfig, Profile
from opendmm.entities.fe_mu_c import HostClient, NetworkClient
from opendmm.entities.host import EntityHost
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.flow import FlowSelection
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points.r_ic import PolicyMode

FE = FunctionalEntity
MN = MobileNodeId("mn1@example.org")
MAC = bytes.fromhex("020000000001")
HOA = HomePrefix.parse("2001:db8:a::100/128")
HNP = HomePrefix.parse("2001:db8:a:1::/64")
ANCHORS = tuple(NodeId(f"anchor-{letter}") for letter in "abc")
CONTROLLER, INGRESS = NodeId("controller"), NodeId("ingress")
POOLS = {anchor: (HomePrefix.parse(f"2001:db8:{anchor[-1]}::/48"),) for anchor in ANCHORS}
EGRESSES = {
    anchor: Egress(anchor, Locator.parse(f"fd00:d:{number}::1"))
    for number, anchor in enumerate(ANCHORS, 1)
}
NODES = (*ANCHORS, CONTROLLER, INGRESS)
ENTITIES = (FE.FE_MCTX, FE.FE_MA_C, FE.FE_MU_C, FE.FE_E, FE.FE_I, FE.FE_IEC)
KEYS = {node: Ed25519PrivateKey.generate() for node in NODES}
MN_KEY = Ed25519PrivateKey.generate()
REGISTRY = Registry(
    deployment="test",
    serial=1,
    expires_at=9e9,
    nodes={
        node: NodeRecord(
            public_key=key.public_key().public_bytes_raw(),
            entities=ENTITIES if node in ANCHORS else (FE.FE_IEC, FE.FE_I),
            home_pools=POOLS.get(node, ()),
            egresses=(EGRESSES[node],) if node in EGRESSES else (),
        )
        for node, key in KEYS.items()
    },
    mobile_nodes={MN: MN_KEY.public_key().public_bytes_raw()},
)


def authority(node: NodeId) -> Authority:
    return Authority(node, KEYS[node].private_bytes_raw(), REGISTRY)


def _anchor(
    node: NodeId, controllers: tuple[NodeId, ...], *, client: bool, lifetime: float
) -> list[Entity]:
    profile = Profile(
        mobile_node=MN,
        home_anchor=ANCHORS[0],
        prefixes=(HOA, HNP),
        interface="mn1",
        link_layer_id=MAC,
    )
    config = MctxConfig(
        node=node,
        egress=EGRESSES[node],
        controllers=controllers,
        profiles={MN: profile},
        lifetime=lifetime,
        proof_required=client,
        delegates=(CONTROLLER,) if client else (),
    )
    return [
        FeMctx(config, authority(node)),
        FeMaC(node, POOLS[node], authority(node), EGRESSES[node].locator),
        FeE(node, controllers, authority(node)),
        NetworkClient(node, frozenset({MN}) if client else frozenset()),
    ]


def _controller_config(
    node: NodeId, *, condensed: bool, mode: PolicyMode, flows: tuple[FlowSelection, ...] = ()
) -> ControllerConfig:
    anchors = {anchor: egress.locator for anchor, egress in EGRESSES.items()}
    if not condensed:
        return ControllerConfig(
            node=node,
            ingresses={INGRESS: IngressScope(mode, (), flows)},
            egress_controllers=dict.fromkeys(ANCHORS, node),
            anchors=anchors,
        )
    return ControllerConfig(
        node=node,
        peers=tuple(anchor for anchor in ANCHORS if anchor != node),
        responsibility=tuple((pool, a) for a in ANCHORS for pool in POOLS[a]),
        ingresses={node: IngressScope(mode)},
        egress_controllers={anchor: anchor for anchor in ANCHORS},
        anchors=anchors,
    )


def cooperative(
    *,
    client: bool = False,
    lifetime: float = 300.0,
    mode: PolicyMode = PolicyMode.PUSH,
    flows: tuple[FlowSelection, ...] = (),
) -> InstantNetwork:
    """Figure 3: a controller and an ingress of their own."""
    config = _controller_config(CONTROLLER, condensed=False, mode=mode, flows=flows)
    hosts = [
        EntityHost(a, _anchor(a, (CONTROLLER,), client=client, lifetime=lifetime)) for a in ANCHORS
    ]
    hosts.append(EntityHost(CONTROLLER, [FeIec(config, authority(CONTROLLER))]))
    hosts.append(EntityHost(INGRESS, [FeI(INGRESS, (CONTROLLER,), authority(INGRESS), mode=mode)]))
    if client:
        credential = MobileNodeCredential(MN, MN_KEY.private_bytes_raw())
        hosts.append(EntityHost(NodeId(MN), [HostClient(MN, credential)]))
    return InstantNetwork(hosts)


def condensed() -> InstantNetwork:
    """Figure 2: everything in the anchors."""
    hosts = []
    for anchor in ANCHORS:
        entities = _anchor(anchor, (anchor,), client=False, lifetime=300.0)
        entities.append(FeI(anchor, (anchor,), authority(anchor)))
        config = _controller_config(anchor, condensed=True, mode=PolicyMode.PUSH)
        entities.append(FeIec(config, authority(anchor)))
        hosts.append(EntityHost(anchor, entities))
    return InstantNetwork(hosts)


def attach(network: InstantNetwork, anchor: NodeId) -> None:
    """The mobile node appears on the anchor's access link."""
    network.advance(0.001)
    network.local(anchor, FE.FE_MU_C, LinkAttached(MN, "mn1", MAC))


def detach(network: InstantNetwork, anchor: NodeId) -> None:
    """Its link to the anchor goes."""
    network.local(anchor, FE.FE_MU_C, LinkDetached(MN, "mn1"))


def move(network: InstantNetwork, before: NodeId, after: NodeId, settle: float = 5.0) -> None:
    """Make before break."""
    attach(network, after)
    network.advance(0.2)
    detach(network, before)
    network.advance(settle)
