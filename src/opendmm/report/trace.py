"""The trace: what every runtime records, one flat record per happening.

A daemon writes its records as JSON lines, the simulator keeps them in memory; merged by
time they tell the story of a whole deployment. Steps of a move, message counts, ladders
and the comparison of laboratory and simulation are all made from these records alone.
"""

import heapq
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from opendmm.entities.effects import RuleOutcome, Severity
from opendmm.entities.host import HostNotice, RuleRequest
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.rules import (
    EVERYWHERE,
    Access,
    Action,
    Announce,
    Permit,
    Redirect,
    ToAnchor,
    Tunnel,
)
from opendmm.reference_points.catalogue import Envelope


class TraceKind(StrEnum):
    """What kind of happening a record tells of."""

    MESSAGE_SENT = "message-sent"  # left this node
    MESSAGE_RECEIVED = "message-received"  # arrived from another node
    MESSAGE_LOCAL = "message-local"  # between two entities of this node
    RULE_APPLIED = "rule-applied"  # the forwarding plane carried out an entity's request
    ROUTE = "route"  # the kernel of a router that is not ours has put or deleted a route
    LINK = "link"  # a mobile node's link came up or went down
    PEER = "peer"  # a session with another node came up or went down
    NOTICE = "notice"  # something an entity tells people
    RESTART = "restart"  # the node's entities started (again)
    FAULT = "fault"  # the scenario broke or mended something


_ENTITIES = frozenset(str(entity) for entity in FunctionalEntity)
MESSAGE_KINDS = frozenset(
    {TraceKind.MESSAGE_SENT, TraceKind.MESSAGE_RECEIVED, TraceKind.MESSAGE_LOCAL}
)


class TraceRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One happening on one node.

    `at` is in seconds since 1970 by the node's clock. `message` is the name of the message's
    type, `carried` what carries it if that has a name of its own, such as "PBU". `mobile_node`
    and `sequence` are those of the first mobile node a message concerns (sequence 0 when it
    carries none); `others` are the rest of a batch, with their sequences.
    `fields` holds the particulars as text; for a rule: table, prefix, action ("none" when the
    slot was given up), owner, target, error and whether it is the effective one.
    """

    at: float
    node: NodeId
    kind: TraceKind
    reference_point: str = ""
    sender: str = ""
    receiver: str = ""
    message: str = ""
    carried: str = ""
    mobile_node: MobileNodeId = MobileNodeId("")
    sequence: int = 0
    others: dict[MobileNodeId, int] = {}
    text: str = ""
    fields: dict[str, str] = {}

    @property
    def title(self) -> str:
        """What people call a message: "PBU (AttachNotification)"."""
        return f"{self.carried} ({self.message})" if self.carried else self.message

    def concerns(self, mobile_node: MobileNodeId) -> bool:
        """Whether this record is about the mobile node, alone or in a batch."""
        return self.mobile_node == mobile_node or mobile_node in self.others

    def sequence_of(self, mobile_node: MobileNodeId) -> int:
        """The move's sequence this record gives for the mobile node; 0 when it gives none."""
        if self.mobile_node == mobile_node:
            return self.sequence
        return self.others.get(mobile_node, 0)


def message_record(
    kind: TraceKind, node: NodeId, envelope: Envelope, at: float, carried: str = ""
) -> TraceRecord:
    """An envelope sent, received or handed over on `node`; `carried` as what."""
    concerned = subjects(envelope.message)
    first = next(iter(concerned), MobileNodeId(""))
    sequence = concerned.pop(first, 0)
    status = getattr(envelope.message, "status", None)
    return TraceRecord(
        at=at,
        node=node,
        kind=kind,
        reference_point=envelope.reference_point,
        sender=str(envelope.sender),
        receiver=str(envelope.receiver),
        message=type(envelope.message).__name__,
        carried=carried,
        mobile_node=first,
        sequence=sequence,
        others=concerned,
        fields={} if status is None else {"status": str(status)},
    )


def subjects(message: Any) -> dict[MobileNodeId, int]:
    """The mobile nodes a message concerns, each with the sequence of its move (0: none)."""
    holders = [message, getattr(message, "context", None), getattr(message, "policy", None)]
    for batch in ("contexts", "policies", "results"):
        several = getattr(message, batch, ())
        holders += several if isinstance(several, tuple) else ()
    found: dict[MobileNodeId, int] = {}
    for holder in holders:
        mobile_node = getattr(holder, "mobile_node", None)
        if mobile_node is None:
            continue
        order = getattr(holder, "order", None)
        found[mobile_node] = found.get(mobile_node, 0) or (order.sequence if order else 0)
    return found


def rule_record(
    node: NodeId, request: RuleRequest, outcome: RuleOutcome | None, at: float
) -> TraceRecord:
    """A rule request carried out; `outcome` None when the slot was given up."""
    fields = {
        "table": str(request.key.table),
        "prefix": str(request.key.prefix),
        "owner": str(request.owner),
    }
    action = request.rule.action if request.rule else None
    fields["action"], fields["target"] = describe_action(action)
    if outcome is not None:
        fields["effective"] = "yes" if outcome.effective else "no"
        if outcome.error:
            fields["error"] = outcome.error
    return TraceRecord(
        at=at,
        node=node,
        kind=TraceKind.RULE_APPLIED,
        sequence=request.rule.order.sequence if request.rule else 0,
        text=f"{request.key}: {fields['action']} {fields['target']}".rstrip(),
        fields=fields,
    )


def node_in(address: str) -> str:
    """The node in "FE_MU_C@mn1@example.org", or in the bare name of one."""
    entity, _, node = address.partition("@")
    return node if entity in _ENTITIES else address


def describe_action(action: Action | None) -> tuple[str, str]:
    """An action's name and its target, as text."""
    match action:
        case None:
            return "none", ""
        case Access(interface=interface):
            return "access", interface
        case ToAnchor(anchor=anchor):
            return "to-anchor", str(anchor)
        case Redirect(egress=egress):
            return "redirect", str(egress)
        case Announce(number, ring):
            far = "" if ring == EVERYWHERE else f" to ring {ring}"
            return "announce", f"move {number}{far}"
        case Tunnel(exit=exit_point):
            return "tunnel", str(exit_point)
        case Permit():
            return "permit", ""


def notice_record(node: NodeId, notice: HostNotice) -> TraceRecord:
    """An entity's notice."""
    particulars = {key: _text(value) for key, value in notice.notice.fields.items()}
    if notice.notice.severity is not Severity.INFO:
        particulars["severity"] = str(notice.notice.severity)
    return TraceRecord(
        at=notice.at,
        node=node,
        kind=TraceKind.NOTICE,
        sender=f"{notice.owner}@{node}",
        mobile_node=MobileNodeId(particulars.get("mobile_node", "")),
        text=notice.notice.event,
        fields=particulars,
    )


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def link_record(
    node: NodeId, mobile_node: MobileNodeId, interface: str, *, up: bool, at: float
) -> TraceRecord:
    """A mobile node's access link as `node` sees it; this is where a move's clock starts."""
    return TraceRecord(
        at=at,
        node=node,
        kind=TraceKind.LINK,
        mobile_node=mobile_node,
        text="attached" if up else "detached",
        fields={"interface": interface},
    )


class TraceWriter:
    """Writes records as JSON lines; a line is whole or absent, so a killed daemon leaves
    a readable file."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._encoder = msgspec.json.Encoder()

    def write(self, record: TraceRecord) -> None:
        """Append one record and hand it to the operating system."""
        self._stream.write(self._encoder.encode(record) + b"\n")
        self._stream.flush()


def read_trace(path: Path) -> Iterator[TraceRecord]:
    """The records of one file, in its order; a last line cut short by a kill is left out."""
    decoder = msgspec.json.Decoder(TraceRecord)
    with path.open("rb") as stream:
        for line in stream:
            if line.endswith(b"\n"):
                yield decoder.decode(line)


def merge(traces: Iterable[Iterable[TraceRecord]]) -> list[TraceRecord]:
    """Several nodes' traces as one, by time; each is taken to be in order already."""
    return list(heapq.merge(*traces, key=lambda record: record.at))


def count_messages(trace: Iterable[TraceRecord]) -> dict[str, int]:
    """Messages per reference point: those between nodes (as sent) and those inside a node."""
    counts: dict[str, int] = {}
    for record in trace:
        if record.kind in (TraceKind.MESSAGE_SENT, TraceKind.MESSAGE_LOCAL):
            counts[record.reference_point] = counts.get(record.reference_point, 0) + 1
    return dict(sorted(counts.items()))
