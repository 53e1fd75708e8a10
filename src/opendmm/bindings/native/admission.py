"""Who may say what: the peer's TLS identity and the registry decide, never its claims. Pure."""

import msgspec

from opendmm.authority.names import Holder, MobileNodeName
from opendmm.authority.registry import Registry
from opendmm.model.identity import FunctionalEntity, NodeId
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.r_xu import AttachNotification, DetachNotification


class NotAdmitted(Exception):
    """A peer, or something it said, is not believed; the text says why."""


class AccessLink(msgspec.Struct, frozen=True):
    """Where a mobile node's connection comes in: our interface, and its link-layer address."""

    interface: str
    link_layer_id: bytes


def admit_peer(holder: Holder, registry: Registry, claimed: NodeId, dialled: NodeId | None) -> None:
    """Whether the certificate's holder may have a session. Raises NotAdmitted.

    `claimed` is the name in its Hello; `dialled` the node this end meant to reach, if it did.
    """
    name = holder.node
    if claimed != name:
        raise NotAdmitted(f"the certificate is of {name}, not of {claimed}")
    if dialled is not None and name != dialled:
        raise NotAdmitted(f"{name} answers where {dialled} should be")
    if isinstance(holder, MobileNodeName):
        if holder.mobile_node not in registry.mobile_nodes:
            raise NotAdmitted(f"the registry knows no mobile node {name}")
        if name in registry.nodes:
            raise NotAdmitted(f"mobile node {name} has the name of a network element")
    elif name not in registry.nodes:
        raise NotAdmitted(f"the registry knows no node {name}")


def stays(me: NodeId, peer: NodeId, new_by_us: bool, former_by_us: bool) -> bool:
    """Whether a second connection with a peer takes the place of the former one.

    Dialled by the same end as the former: that end has given the former one up. Dialled by the
    other: the one that the smaller name dialled stays, so that both ends decide alike.
    """
    if new_by_us == former_by_us:
        return True
    return new_by_us == (me < peer)


def admit(
    envelope: Envelope, holder: Holder, registry: Registry, me: NodeId, access: AccessLink | None
) -> Envelope:
    """The envelope as it may be believed. Raises NotAdmitted.

    What a mobile node says of our interface and of its own link-layer address is replaced by
    what the connection shows.
    """
    sender = envelope.sender
    if sender.node != holder.node:
        raise NotAdmitted(f"{holder.node} speaks in the name of {sender.node}")
    if envelope.receiver.node != me:
        raise NotAdmitted(f"a message for {envelope.receiver.node}")
    if isinstance(holder, MobileNodeName):
        return _from_mobile_node(envelope, holder, access)
    if not registry.may_host(sender.node, sender.entity):
        raise NotAdmitted(f"the registry gives {sender.node} no {sender.entity}")
    return envelope


def _from_mobile_node(
    envelope: Envelope, holder: MobileNodeName, access: AccessLink | None
) -> Envelope:
    if (
        envelope.reference_point is not ReferencePointName.R_XU
        or envelope.sender.entity is not FunctionalEntity.FE_MU_C
    ):
        raise NotAdmitted(
            f"mobile node {holder.node} sends as {envelope.sender.entity} over "
            f"{envelope.reference_point}"
        )
    message = envelope.message
    if message.mobile_node != holder.mobile_node:
        raise NotAdmitted(f"{holder.node} speaks for mobile node {message.mobile_node}")
    if isinstance(message, AttachNotification):
        if access is None:
            raise NotAdmitted(f"{holder.node} says it is attached, but not over an access link")
        message = msgspec.structs.replace(
            message, interface=access.interface, link_layer_id=access.link_layer_id
        )
    elif isinstance(message, DetachNotification):
        message = msgspec.structs.replace(message, interface=access.interface if access else "")
    else:
        return envelope
    return msgspec.structs.replace(envelope, message=message)
