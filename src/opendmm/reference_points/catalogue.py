"""All reference points in one table: name, ends, messages and direction (draft Figure 1)."""

from enum import StrEnum
from typing import Any

import msgspec

from opendmm.model.identity import EntityAddress, FunctionalEntity
from opendmm.reference_points import r_ec, r_ic, r_ii, r_xa, r_xc, r_xu, r_xx
from opendmm.reference_points.message import Message

FE = FunctionalEntity


class ReferencePointName(StrEnum):
    """The unicast reference points of the draft."""

    R_XA = "R_XA"
    R_XU = "R_XU"
    R_XX = "R_XX"
    R_IC = "R_IC"
    R_EC = "R_EC"
    R_XC = "R_XC"
    R_II = "R_II"


class ReferencePoint(msgspec.Struct, frozen=True):
    """A contract between two kinds of entity.

    `forward` are the messages `ends[0]` sends to `ends[1]`, `backward` the others.
    """

    name: ReferencePointName
    ends: tuple[FunctionalEntity, FunctionalEntity]
    forward: tuple[type[Message], ...]
    backward: tuple[type[Message], ...]

    @property
    def messages(self) -> tuple[type[Message], ...]:
        return self.forward + tuple(m for m in self.backward if m not in self.forward)

    def allows(self, sender: FunctionalEntity, message: Message) -> bool:
        """Whether an entity of this kind may send this message here."""
        sent: tuple[type[Message], ...] = ()
        if sender == self.ends[0]:
            sent += self.forward
        if sender == self.ends[1]:
            sent += self.backward
        return type(message) in sent


R_XA = ReferencePoint(
    ReferencePointName.R_XA,
    (FE.FE_MCTX, FE.FE_MA_C),
    (
        r_xa.ContextQuery,
        r_xa.ContextImport,
        r_xa.ContextExported,
        r_xa.ContextRelease,
        r_xa.PrefixAllocate,
    ),
    (r_xa.ContextReport, r_xa.ContextImported, r_xa.PrefixAllocated, r_xa.BindingExpired),
)
R_XU = ReferencePoint(
    ReferencePointName.R_XU,
    (FE.FE_MU_C, FE.FE_MCTX),
    (
        r_xu.AttachNotification,
        r_xu.DetachNotification,
        r_xu.HandoverPrediction,
        r_xu.ReleaseRequest,
    ),
    (
        r_xu.AttachAcknowledgement,
        r_xu.AttachmentRevoked,
        r_xu.DetachAcknowledgement,
        r_xu.HandoverPredictionAcknowledgement,
        r_xu.ReleaseAcknowledgement,
    ),
)
_XX: tuple[type[Message], ...] = (
    r_xx.ContextRequest,
    r_xx.ContextResponse,
    r_xx.ContextPush,
    r_xx.ContextPushAcknowledgement,
    r_xx.AnchorChanged,
    r_xx.AnchorChangedAcknowledgement,
    r_xx.MobilityComplete,
    r_xx.MobilityCompleteAcknowledgement,
    r_xx.AttachmentLost,
    r_xx.AttachmentLostAcknowledgement,
    r_xx.ContextRelease,
    r_xx.ContextReleased,
)
R_XX = ReferencePoint(ReferencePointName.R_XX, (FE.FE_MCTX, FE.FE_MCTX), _XX, _XX)
R_XC = ReferencePoint(
    ReferencePointName.R_XC,
    (FE.FE_MCTX, FE.FE_IEC),
    (r_xc.LocationUpdate, r_xc.ContextLookup, r_xc.ContinuityRequest),
    (
        r_xc.LocationAcknowledgement,
        r_xc.IndirectionComplete,
        r_xc.ContextFound,
        r_xc.ContinuityResponse,
    ),
)
R_IC = ReferencePoint(
    ReferencePointName.R_IC,
    (FE.FE_IEC, FE.FE_I),
    (r_ic.PolicyUpdate, r_ic.PolicySynchronised, r_ic.PolicyAbsent),
    (r_ic.PolicySubscribe, r_ic.PolicyAcknowledgement, r_ic.PolicyRequest),
)
R_EC = ReferencePoint(
    ReferencePointName.R_EC,
    (FE.FE_IEC, FE.FE_E),
    (r_ec.DeliveryUpdate, r_ec.DeliverySynchronised),
    (r_ec.DeliverySubscribe, r_ec.DeliveryAcknowledgement),
)
_II: tuple[type[Message], ...] = (
    r_ii.LocationForward,
    r_ii.LocationForwardAcknowledgement,
    r_ii.IndirectionComplete,
    r_ii.EgressSuperseded,
    r_ii.BindingReplica,
    r_ii.ReplicaRequest,
    r_ii.MobileNodeQuery,
    r_ii.MobileNodeReply,
)
R_II = ReferencePoint(ReferencePointName.R_II, (FE.FE_IEC, FE.FE_IEC), _II, _II)

CATALOGUE: dict[ReferencePointName, ReferencePoint] = {
    rp.name: rp for rp in (R_XA, R_XU, R_XX, R_XC, R_IC, R_EC, R_II)
}


class Envelope(msgspec.Struct, frozen=True):
    """A message on its way over one reference point between two entities."""

    reference_point: ReferencePointName
    sender: EntityAddress
    receiver: EntityAddress
    message: Any
    """One of the messages of `reference_point`."""


def between(sender: FunctionalEntity, receiver: FunctionalEntity) -> ReferencePoint:
    """The reference point that joins two kinds of entity. Raises KeyError when none does."""
    for point in CATALOGUE.values():
        if point.ends in ((sender, receiver), (receiver, sender)):
            return point
    raise KeyError(f"no reference point between {sender} and {receiver}")
