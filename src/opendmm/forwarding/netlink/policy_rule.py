"""Policy routing rules (linux/fib_rules.h): which packets look in which table."""

import struct
from enum import IntEnum

import msgspec

from opendmm.forwarding.netlink.attributes import (
    ADD,
    MessageFlag,
    attribute,
    integer,
    message,
    parse,
    text,
    u8,
    u32,
)

RTM_NEWRULE = 32
RTM_DELRULE = 33
RTM_GETRULE = 34

FIB_RULE_HDR = struct.Struct("=BBBBBBBBI")
ACTION_TO_TABLE = 1


class PolicyRuleAttribute(IntEnum):
    DESTINATION = 1
    SOURCE = 2
    INPUT_NAME = 3
    PRIORITY = 6
    MARK = 10
    TUNNEL_ID = 12
    TABLE = 15
    MARK_MASK = 16
    PROTOCOL = 21
    IP_PROTOCOL = 22
    SOURCE_PORTS = 23
    DESTINATION_PORTS = 24


PORT_RANGE = struct.Struct("=HH")
ANY_PORT = (0, 65_535)
ALL_BITS = 0xFFFFFFFF


class PolicyRule(msgspec.Struct, frozen=True, kw_only=True):
    """Packets that match every field given look in `table`. `source` and `destination` are packed;
    ranges of ports are first and last. Of the packet's mark the bits in `mark_mask` are those of
    `mark`; 0: all."""

    family: int
    priority: int
    table: int
    protocol: int
    mark: int = 0
    mark_mask: int = 0
    input_name: str = ""
    tunnel_id: int = 0
    source: bytes = b""
    source_length: int = 0
    destination: bytes = b""
    destination_length: int = 0
    ip_protocol: int = 0
    source_ports: tuple[int, int] = ANY_PORT
    destination_ports: tuple[int, int] = ANY_PORT


def _body(rule: PolicyRule) -> bytes:
    lengths = rule.destination_length, rule.source_length
    packed = FIB_RULE_HDR.pack(rule.family, *lengths, 0, 0, 0, 0, ACTION_TO_TABLE, 0)
    packed += u32(PolicyRuleAttribute.PRIORITY, rule.priority)
    packed += u32(PolicyRuleAttribute.TABLE, rule.table)
    packed += u8(PolicyRuleAttribute.PROTOCOL, rule.protocol)
    if rule.mark or rule.mark_mask:
        packed += u32(PolicyRuleAttribute.MARK, rule.mark)
    if rule.mark_mask:
        packed += u32(PolicyRuleAttribute.MARK_MASK, rule.mark_mask)
    if rule.input_name:
        packed += text(PolicyRuleAttribute.INPUT_NAME, rule.input_name)
    if rule.tunnel_id:
        packed += attribute(PolicyRuleAttribute.TUNNEL_ID, struct.pack(">Q", rule.tunnel_id))
    if rule.source:
        packed += attribute(PolicyRuleAttribute.SOURCE, rule.source)
    if rule.destination:
        packed += attribute(PolicyRuleAttribute.DESTINATION, rule.destination)
    return packed + _flow(rule)


def _flow(rule: PolicyRule) -> bytes:
    packed = b""
    if rule.ip_protocol:
        packed += u8(PolicyRuleAttribute.IP_PROTOCOL, rule.ip_protocol)
    for kind, ports in (
        (PolicyRuleAttribute.SOURCE_PORTS, rule.source_ports),
        (PolicyRuleAttribute.DESTINATION_PORTS, rule.destination_ports),
    ):
        if ports != ANY_PORT:
            packed += attribute(kind, PORT_RANGE.pack(*ports))
    return packed


def add_policy_rule(rule: PolicyRule) -> bytes:
    """Add the rule; EEXIST when there is the same one."""
    return message(RTM_NEWRULE, ADD, _body(rule))


def delete_policy_rule(rule: PolicyRule) -> bytes:
    return message(RTM_DELRULE, MessageFlag.REQUEST, _body(rule))


def dump_policy_rules(family: int) -> bytes:
    body = FIB_RULE_HDR.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
    return message(RTM_GETRULE, MessageFlag.REQUEST | MessageFlag.DUMP, body)


def parse_policy_rule(body: bytes) -> PolicyRule:
    """From the body of an RTM_NEWRULE message."""
    family, destination_length, source_length, _, table, _, _, _, _ = FIB_RULE_HDR.unpack_from(body)
    found = parse(body[FIB_RULE_HDR.size :])
    name = found.get(PolicyRuleAttribute.INPUT_NAME, b"")
    return PolicyRule(
        family=family,
        priority=integer(found.get(PolicyRuleAttribute.PRIORITY, b"")),
        table=integer(found.get(PolicyRuleAttribute.TABLE, b"")) or table,
        protocol=integer(found.get(PolicyRuleAttribute.PROTOCOL, b"")),
        mark=integer(found.get(PolicyRuleAttribute.MARK, b"")),
        mark_mask=_mask(integer(found.get(PolicyRuleAttribute.MARK_MASK, b""))),
        input_name=name.rstrip(b"\0").decode(errors="replace"),
        tunnel_id=int.from_bytes(found.get(PolicyRuleAttribute.TUNNEL_ID, b""), "big"),
        source=found.get(PolicyRuleAttribute.SOURCE, b""),
        source_length=source_length,
        destination=found.get(PolicyRuleAttribute.DESTINATION, b""),
        destination_length=destination_length,
        ip_protocol=integer(found.get(PolicyRuleAttribute.IP_PROTOCOL, b"")),
        source_ports=_ports(found.get(PolicyRuleAttribute.SOURCE_PORTS, b"")),
        destination_ports=_ports(found.get(PolicyRuleAttribute.DESTINATION_PORTS, b"")),
    )


def _mask(told: int) -> int:
    """The kernel tells a mask for every mark."""
    return 0 if told == ALL_BITS else told


def _ports(packed: bytes) -> tuple[int, int]:
    if len(packed) != PORT_RANGE.size:
        return ANY_PORT
    first, last = PORT_RANGE.unpack(packed)
    return first, last
