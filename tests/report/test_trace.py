"""The trace record: made from every happening, written and read back, merged by time."""

from pathlib import Path

import msgspec

from opendmm.entities.effects import Notice, RuleOutcome, Severity
from opendmm.entities.host import HostNotice, RuleRequest
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.policy import ForwardingPolicy
from opendmm.model.rules import Redirect, Rule, RuleKey, Table
from opendmm.reference_points.catalogue import CATALOGUE, Envelope, ReferencePointName
from opendmm.reference_points.message import Message
from opendmm.reference_points.r_ic import PolicyUpdate
from opendmm.reference_points.r_xx import ContextRequest
from opendmm.report.trace import (
    TraceKind,
    TraceWriter,
    count_messages,
    merge,
    message_record,
    node_in,
    notice_record,
    read_trace,
    rule_record,
    subjects,
)

A, B = NodeId("anchor-a"), NodeId("anchor-b")
MN1, MN2 = MobileNodeId("mn1@example.org"), MobileNodeId("mn2@example.org")
HNP = HomePrefix.parse("2001:db8:a::/64")
EGRESS = Egress(B, Locator.parse("fd00:d:2::1"))


def envelope(message: object) -> Envelope:
    fe = FunctionalEntity
    return Envelope(
        ReferencePointName.R_XX, EntityAddress(B, fe.FE_MCTX), EntityAddress(A, fe.FE_MCTX), message
    )


def policy(mobile_node: MobileNodeId, sequence: int) -> ForwardingPolicy:
    return ForwardingPolicy(
        mobile_node=mobile_node,
        home_anchor=A,
        prefixes=(HNP,),
        order=MoveOrder(sequence, 0, B),
        egress=EGRESS,
        expires_at=0.0,
    )


def test_a_message_record_names_the_mobile_node_and_the_message() -> None:
    request = ContextRequest(mobile_node=MN1, home_anchor=A, new_anchor=B, attached_at=1)
    record = message_record(TraceKind.MESSAGE_SENT, B, envelope(request), 2.0)
    assert (record.mobile_node, record.message, record.sequence) == (MN1, "ContextRequest", 0)
    assert record.receiver == "FE_MCTX@anchor-a"


def test_a_batch_concerns_every_mobile_node_in_it_with_its_own_sequence() -> None:
    update = PolicyUpdate(transaction=1, policies=(policy(MN1, 3), policy(MN2, 7)))
    record = message_record(TraceKind.MESSAGE_SENT, B, envelope(update), 2.0)
    assert (record.sequence_of(MN1), record.sequence_of(MN2)) == (3, 7)
    assert record.concerns(MN2)


def test_a_rule_record_says_what_was_asked_and_whether_it_holds() -> None:
    key = RuleKey(Table.DOWNLINK, HNP)
    rule = Rule(key, Redirect(EGRESS), MoveOrder(2, 0, B))
    request = RuleRequest(FunctionalEntity.FE_I, key, rule)
    record = rule_record(A, request, RuleOutcome(rule, error="no such device"), 1.0)
    assert record.fields["action"] == "redirect"
    assert record.fields["error"] == "no such device"
    given_up = rule_record(A, RuleRequest(FunctionalEntity.FE_I, key, None), None, 1.0)
    assert given_up.fields["action"] == "none"


def test_a_notice_record_keeps_severity_and_fields() -> None:
    notice = Notice("grant-refused", {"why": "expired"}, Severity.WARNING)
    record = notice_record(A, HostNotice(FunctionalEntity.FE_I, 1.0, notice))
    assert record.text == "grant-refused"
    assert record.fields == {"why": "expired", "severity": "warning"}


def test_records_survive_writing_and_reading_and_a_line_cut_short_is_left_out(
    tmp_path: Path,
) -> None:
    request = ContextRequest(mobile_node=MN1, home_anchor=A, new_anchor=B, attached_at=1)
    records = [message_record(TraceKind.MESSAGE_SENT, B, envelope(request), t) for t in (1.0, 2.0)]
    path = tmp_path / "trace.jsonl"
    with path.open("wb") as stream:
        writer = TraceWriter(stream)
        for record in records:
            writer.write(record)
        stream.write(b'{"at": 3.0, "no')
    assert list(read_trace(path)) == records


def test_traces_of_several_nodes_merge_by_time_and_sent_messages_count_once() -> None:
    request = envelope(ContextRequest(mobile_node=MN1, home_anchor=A, new_anchor=B, attached_at=1))
    sent = [message_record(TraceKind.MESSAGE_SENT, B, request, t) for t in (1.0, 3.0)]
    received = [message_record(TraceKind.MESSAGE_RECEIVED, A, request, t) for t in (2.0, 4.0)]
    merged = merge([sent, received])
    assert [r.at for r in merged] == [1.0, 2.0, 3.0, 4.0]
    assert count_messages(merged) == {"R_XX": 2}


def test_every_message_of_the_catalogue_can_be_recorded() -> None:
    for point in CATALOGUE.values():
        for kind in point.messages:
            assert subjects(arbitrary(kind)) is not None


def arbitrary(kind: type[Message]) -> Message:
    """A message of a kind with every required field filled."""
    values = {"int": 1, "float": 1.0, "bool": False, "bytes": b"", "str": "x"}
    wanted = {}
    for field in msgspec.structs.fields(kind):
        if field.required:
            name = getattr(field.type, "__name__", "")
            wanted[field.name] = values.get(name, ())
    return kind(**wanted)


def test_of_an_address_the_node_is_known_also_when_it_is_a_mobile_node() -> None:
    assert node_in("FE_MCTX@anchor-a") == "anchor-a"
    assert node_in("FE_MU_C@mn1@example.org") == "mn1@example.org"
    assert node_in("mn1@example.org") == "mn1@example.org"
    assert node_in("anchor-a") == "anchor-a"
