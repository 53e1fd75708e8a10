"""Contexts from anchor to anchor: R_XX and R_II in Mobility Headers.

What a standard option can say stands in it: the mobile node, its prefixes, its link-layer
identifier, its home anchor (RFC 5949 §6.2). The rest, above all the order of the move and the
grant, for which no RFC has an option, is an extension (`extension`). Pure.
"""

from collections import OrderedDict
from ipaddress import IPv6Address
from typing import Any

import msgspec

from opendmm.bindings.mobility.outputs import Complain, Deliver, Output, Transmit
from opendmm.bindings.mobility.vendor import payload_in, wrapped
from opendmm.bindings.pmipv6.carriage import ANSWERS, CARRIAGE, HEADERS, MESSAGES, Options
from opendmm.bindings.pmipv6.config import PmipConfig
from opendmm.bindings.pmipv6.prefixes import prefixes_in, transferred
from opendmm.model.identity import EntityAddress, NodeId
from opendmm.reference_points.catalogue import CATALOGUE, Envelope, ReferencePointName
from opendmm.reference_points.message import Message
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.options.base import MobilityOption
from opendmm.wire.mobility.options.fast_handover import LocalMobilityAnchorAddressOption
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption
from opendmm.wire.mobility.options.proxy import LinkLayerIdentifierOption

REMEMBERED = 100_000
"""Requests whose sequence number is kept until they are answered."""
SUBJECT = ("mobile_node", "home_anchor")
"""The fields that say whose context it is."""

Fields = dict[str, Any]
Question = tuple[NodeId, str, str]


class ContextTransfer:
    """R_XX and R_II of one anchor over the Mobility Header."""

    def __init__(self, config: PmipConfig) -> None:
        self.config = config
        self._names = {address: node for node, address in config.nodes.items()}
        self._sequence = 0
        self._asked: OrderedDict[Question, int] = OrderedDict()

    def send(self, envelope: Envelope) -> list[Output]:
        """Carry a message to another anchor."""
        message: Message = envelope.message
        to = envelope.receiver.node
        fields: Fields = msgspec.to_builtins(message, builtin_types=(bytes,))
        question = ANSWERS.get(type(message))
        if question is None:
            self._sequence = (self._sequence + 1) & 0xFFFF
            sequence = self._sequence
        else:
            sequence = self._asked.pop((to, question.__name__, _mobile_node(fields)), 0)
        build = CARRIAGE[type(message)]
        return [Transmit(to, build(sequence, message, self._options(message, fields)))]

    def received(self, sender: NodeId, carried: MobilityMessage) -> list[Output]:
        """A message of another anchor, authentic."""
        try:
            name, message = self._message(carried)
        except ValueError as problem:
            fields = {"message": type(carried).__name__, "why": str(problem)}
            return [Complain("context-unreadable", sender, fields)]
        kind = type(message)
        if kind not in ANSWERS:
            of = _mobile_node(msgspec.to_builtins(message, builtin_types=(bytes,)))
            self._asked[sender, kind.__name__, of] = getattr(carried, "sequence", 0)
            if len(self._asked) > REMEMBERED:
                self._asked.popitem(last=False)
        entity = CATALOGUE[name].ends[0]
        ends = EntityAddress(sender, entity), EntityAddress(self.config.node, entity)
        return [Deliver(Envelope(name, *ends, message))]

    # Options

    def _options(self, message: Message, fields: Fields) -> Options:
        """RFC 5949 §6.2's options for what they can say, the extension for the rest."""
        options: list[MobilityOption] = []
        subject = _subject(fields)
        if "mobile_node" in subject:
            options.append(MobileNodeIdentifierOption.from_nai(subject.pop("mobile_node")))
        if "home_anchor" in subject:
            home = self.config.nodes[subject.pop("home_anchor")]
            options.append(LocalMobilityAnchorAddressOption(home))
        context = getattr(message, "context", None)
        if context is not None:
            options += transferred(context.prefixes)
            del subject["prefixes"]
            link_layer_id = subject.pop("link_layer_id")
            if link_layer_id:
                options.append(LinkLayerIdentifierOption(link_layer_id))
            for field in SUBJECT:
                fields.pop(field, None)
        return (*options, *wrapped(msgspec.msgpack.encode(fields)))

    def _message(self, carried: MobilityMessage) -> tuple[ReferencePointName, Message]:
        """The message in a Mobility Header. Raises ValueError."""
        payload = payload_in(carried)
        if payload is None:
            raise ValueError("it lacks the extension that carries order and grant")
        fields = msgspec.msgpack.decode(payload, type=Fields)
        if fields.get("type") not in MESSAGES:
            raise ValueError(f"no reference point has a message {fields.get('type')}")
        name, kind = MESSAGES[fields["type"]]
        if not isinstance(carried, HEADERS[kind]):
            raise ValueError(f"a {kind.__name__} does not travel as {type(carried).__name__}")
        said = self._said(carried)
        if isinstance(fields.get("context"), dict):
            link_layer = carried.first(LinkLayerIdentifierOption)
            fields["context"] |= said | {
                "prefixes": msgspec.to_builtins(prefixes_in(carried), builtin_types=(bytes,)),
                "link_layer_id": link_layer.address if link_layer is not None else b"",
            }
        fields |= {field: said[field] for field in SUBJECT if field in said}
        return name, msgspec.convert(fields, kind, builtin_types=(bytes,))

    def _said(self, carried: MobilityMessage) -> Fields:
        """Whose context it is, by the standard options. Raises ValueError."""
        said: Fields = {}
        identifier = carried.first(MobileNodeIdentifierOption)
        if identifier is not None:
            said["mobile_node"] = identifier.nai
        anchor = carried.first(LocalMobilityAnchorAddressOption)
        if anchor is not None:
            address = anchor.address
            home = self._names.get(address) if isinstance(address, IPv6Address) else None
            if home is None:
                raise ValueError(f"{address} is no anchor of the deployment")
            said["home_anchor"] = home
        return said


def _subject(fields: Fields) -> Fields:
    """The part of a message that names the context: the context itself where it is there."""
    context = fields.get("context")
    return context if isinstance(context, dict) else fields


def _mobile_node(fields: Fields) -> str:
    return str(_subject(fields).get("mobile_node", ""))
