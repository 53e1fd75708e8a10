"""Contexts from anchor to anchor: R_XX as Handover Initiate and Acknowledge (RFC 5949), Update
Notification (RFC 7077) and Binding Revocation (RFC 5846).

What a standard option can say stands in it: the mobile node, its prefixes, its link-layer
identifier, its home anchor. The rest, above all the order of the move and the grant, for which
no RFC has an option, is an extension (`extension`). Pure.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec

from opendmm.bindings.mobility.outputs import Complain, Deliver, Output, Transmit
from opendmm.bindings.pmipv6.config import PmipConfig
from opendmm.bindings.pmipv6.extension import payload_in, wrapped
from opendmm.bindings.pmipv6.prefixes import prefixes_in, transferred
from opendmm.model.context import MobilityContext
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points import r_xx
from opendmm.reference_points.catalogue import CATALOGUE, Envelope, ReferencePointName
from opendmm.reference_points.message import Message, Status, accepted
from opendmm.wire.mobility.fast_handover import HandoverAcknowledge, HandoverInitiate
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    HandoverAcknowledgeCode,
    HandoverAcknowledgeFlags,
    HandoverInitiateCode,
    HandoverInitiateFlags,
    NotificationReason,
    NotificationStatus,
    RevocationFlags,
    RevocationStatus,
    RevocationTrigger,
    UpdateNotificationFlags,
)
from opendmm.wire.mobility.options.base import MobilityOption
from opendmm.wire.mobility.options.fast_handover import LocalMobilityAnchorAddressOption
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption
from opendmm.wire.mobility.options.proxy import LinkLayerIdentifierOption
from opendmm.wire.mobility.revocation import (
    BindingRevocationAcknowledgement,
    BindingRevocationIndication,
)
from opendmm.wire.mobility.update_notification import (
    UpdateNotification,
    UpdateNotificationAcknowledgement,
)

REMEMBERED = 100_000
"""Requests whose sequence number is kept until they are answered."""
MESSAGES: dict[str, type[Message]] = {
    kind.__name__: kind for kind in CATALOGUE[ReferencePointName.R_XX].messages
}
Options = tuple[MobilityOption, ...]


def _initiate(
    code: HandoverInitiateCode, flags: HandoverInitiateFlags = HandoverInitiateFlags(0)
) -> Callable[[int, Any, Options], MobilityMessage]:
    def build(sequence: int, _message: Any, options: Options) -> MobilityMessage:
        return HandoverInitiate(
            sequence=sequence, flags=HandoverInitiateFlags.P | flags, code=code, options=options
        )

    return build


def _acknowledge(
    code: HandoverAcknowledgeCode, flags: HandoverAcknowledgeFlags = HandoverAcknowledgeFlags(0)
) -> Callable[[int, Any, Options], MobilityMessage]:
    def build(sequence: int, message: Any, options: Options) -> MobilityMessage:
        status = getattr(message, "status", Status.ACCEPTED)
        refused = _REFUSALS.get(status, HandoverAcknowledgeCode.REASON_UNSPECIFIED)
        return HandoverAcknowledge(
            sequence=sequence,
            flags=HandoverAcknowledgeFlags.P | flags,
            code=code if accepted(status) else refused,
            options=options,
        )

    return build


def _notify(sequence: int, _message: Any, options: Options) -> MobilityMessage:
    return UpdateNotification(
        sequence=sequence,
        reason=NotificationReason.VENDOR_SPECIFIC_REASON,
        flags=UpdateNotificationFlags.A,
        options=options,
    )


def _notified(sequence: int, _message: Any, options: Options) -> MobilityMessage:
    status = NotificationStatus.SUCCESS
    return UpdateNotificationAcknowledgement(sequence=sequence, status=status, options=options)


def _revoke(sequence: int, _message: Any, options: Options) -> MobilityMessage:
    return BindingRevocationIndication(
        trigger=RevocationTrigger.USER_INITIATED_SESSION_TERMINATION,
        sequence=sequence,
        flags=RevocationFlags.P,
        options=options,
    )


def _revoked(sequence: int, message: r_xx.ContextReleased, options: Options) -> MobilityMessage:
    done = accepted(message.status)
    status = RevocationStatus.SUCCESS if done else RevocationStatus.BINDING_DOES_NOT_EXIST
    return BindingRevocationAcknowledgement(
        status=status, sequence=sequence, flags=RevocationFlags.P, options=options
    )


_REFUSALS = {
    Status.NOT_AUTHORISED: HandoverAcknowledgeCode.ADMINISTRATIVELY_PROHIBITED,
    Status.UNKNOWN_MOBILE_NODE: HandoverAcknowledgeCode.CONTEXT_NOT_AVAILABLE,
    Status.STALE: HandoverAcknowledgeCode.CONTEXT_NOT_AVAILABLE,
    Status.FORWARDING_FAILED: HandoverAcknowledgeCode.FORWARDING_NOT_AVAILABLE,
}
_ASK = HandoverInitiateCode.FBU_FROM_PREVIOUS_CARE_OF_ADDRESS
_FORWARD, _FORWARDS = HandoverInitiateFlags.F, HandoverAcknowledgeFlags.F
CARRIAGE: dict[type[Message], Callable[[int, Any, Options], MobilityMessage]] = {
    r_xx.ContextRequest: _initiate(_ASK),
    r_xx.ContextResponse: _acknowledge(HandoverAcknowledgeCode.ALL_CONTEXT_TRANSFERRED),
    r_xx.ContextPush: _initiate(HandoverInitiateCode.ALL_CONTEXT_TRANSFERRED),
    r_xx.ContextPushAcknowledgement: _acknowledge(
        HandoverAcknowledgeCode.CONTEXT_TRANSFER_ACCEPTED
    ),
    r_xx.AnchorChanged: _initiate(_ASK, _FORWARD),
    r_xx.AnchorChangedAcknowledgement: _acknowledge(HandoverAcknowledgeCode.ACCEPTED, _FORWARDS),
    r_xx.MobilityComplete: _initiate(HandoverInitiateCode.FORWARDING_COMPLETED),
    r_xx.MobilityCompleteAcknowledgement: _acknowledge(HandoverAcknowledgeCode.ACCEPTED),
    r_xx.AttachmentLost: _notify,
    r_xx.AttachmentLostAcknowledgement: _notified,
    r_xx.ContextRelease: _revoke,
    r_xx.ContextReleased: _revoked,
}
"""Which Mobility Header message each message of R_XX is."""
ANSWERS: dict[type[Message], type[Message]] = {
    r_xx.ContextResponse: r_xx.ContextRequest,
    r_xx.ContextPushAcknowledgement: r_xx.ContextPush,
    r_xx.AnchorChangedAcknowledgement: r_xx.AnchorChanged,
    r_xx.MobilityCompleteAcknowledgement: r_xx.MobilityComplete,
    r_xx.AttachmentLostAcknowledgement: r_xx.AttachmentLost,
    r_xx.ContextReleased: r_xx.ContextRelease,
}
"""Which request an answer belongs to: it bears that one's sequence number."""

Question = tuple[NodeId, str, MobileNodeId]


class ContextTransfer:
    """R_XX of one anchor over the Mobility Header."""

    def __init__(self, config: PmipConfig) -> None:
        self.config = config
        self._names = {address: node for node, address in config.nodes.items()}
        self._sequence = 0
        self._asked: OrderedDict[Question, int] = OrderedDict()

    def send(self, envelope: Envelope) -> list[Output]:
        """Carry a message of R_XX to another anchor."""
        message: Message = envelope.message
        to = envelope.receiver.node
        question = ANSWERS.get(type(message))
        if question is None:
            self._sequence = (self._sequence + 1) & 0xFFFF
            sequence = self._sequence
        else:
            sequence = self._asked.pop((to, question.__name__, _mobile_node(message)), 0)
        build = CARRIAGE[type(message)]
        return [Transmit(to, build(sequence, message, self._options(message)))]

    def received(self, sender: NodeId, carried: MobilityMessage) -> list[Output]:
        """A message of another anchor, authentic."""
        try:
            message = self._message(carried)
        except ValueError as problem:
            fields = {"message": type(carried).__name__, "why": str(problem)}
            return [Complain("context-unreadable", sender, fields)]
        kind = type(message)
        if kind not in ANSWERS:
            sequence: int = getattr(carried, "sequence", 0)
            self._asked[sender, kind.__name__, _mobile_node(message)] = sequence
            if len(self._asked) > REMEMBERED:
                self._asked.popitem(last=False)
        mctx = FunctionalEntity.FE_MCTX
        ends = EntityAddress(sender, mctx), EntityAddress(self.config.node, mctx)
        return [Deliver(Envelope(ReferencePointName.R_XX, *ends, message))]

    # Options

    def _options(self, message: Message) -> Options:
        """RFC 5949 §6.2's options for what they can say, the extension for the rest."""
        rest: dict[str, Any] = msgspec.to_builtins(message, builtin_types=(bytes,))
        options: list[MobilityOption] = [
            MobileNodeIdentifierOption.from_nai(_mobile_node(message))
        ]
        context: MobilityContext | None = getattr(message, "context", None)
        home = context.home_anchor if context is not None else getattr(message, "home_anchor")
        options.append(LocalMobilityAnchorAddressOption(self.config.nodes[home]))
        for field in ("mobile_node", "home_anchor"):
            rest.pop(field, None)
        if context is not None:
            options += transferred(context.prefixes)
            if context.link_layer_id:
                options.append(LinkLayerIdentifierOption(context.link_layer_id))
            for field in ("mobile_node", "home_anchor", "prefixes", "link_layer_id"):
                rest["context"].pop(field)
        return (*options, *wrapped(msgspec.msgpack.encode(rest)))

    def _message(self, carried: MobilityMessage) -> Message:
        """The message of R_XX in a Mobility Header. Raises ValueError."""
        payload = payload_in(carried)
        if payload is None:
            raise ValueError("it lacks the extension that carries order and grant")
        rest = msgspec.msgpack.decode(payload, type=dict[str, Any])
        kind = MESSAGES.get(rest.get("type", ""))
        if kind is None:
            raise ValueError(f"R_XX has no message {rest.get('type')}")
        if type(carried) is not type(CARRIAGE[kind](0, _Any, ())):
            raise ValueError(f"a {kind.__name__} does not travel as {type(carried).__name__}")
        known = self._identified(carried)
        if kind in _WITH_KEY:
            rest |= known
        if isinstance(rest.get("context"), dict):
            link_layer = carried.first(LinkLayerIdentifierOption)
            rest["context"] |= known | {
                "prefixes": msgspec.to_builtins(prefixes_in(carried), builtin_types=(bytes,)),
                "link_layer_id": link_layer.address if link_layer is not None else b"",
            }
        return msgspec.convert(rest, kind, builtin_types=(bytes,))

    def _identified(self, carried: MobilityMessage) -> dict[str, Any]:
        """Whose context it is, by the standard options. Raises ValueError."""
        identifier = carried.first(MobileNodeIdentifierOption)
        anchor = carried.first(LocalMobilityAnchorAddressOption)
        if identifier is None or not identifier.nai or anchor is None:
            raise ValueError("it names no mobile node, or no home anchor")
        home = self._names.get(anchor.address)
        if home is None:
            raise ValueError(f"{anchor.address} is no anchor of the deployment")
        return {"mobile_node": identifier.nai, "home_anchor": home}


class _Any:
    """Stands for a message where only the kind of header matters."""

    status = Status.ACCEPTED


_WITH_KEY = frozenset(
    kind for kind in MESSAGES.values() if "mobile_node" in kind.__struct_fields__
)


def _mobile_node(message: Any) -> MobileNodeId:
    if type(message) in _WITH_KEY:
        return MobileNodeId(message.mobile_node)
    return MobileNodeId(message.context.mobile_node)
