"""The report of one run, the same for laboratory and simulation; JSON by its field names.

All durations are in milliseconds unless a name says otherwise, all counts are of packets.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from opendmm.constellation.file import MoveOrderName


class Runtime(StrEnum):
    """What carried the constellation out."""

    LAB = "lab"
    SIM = "sim"


class Step(msgspec.Struct, frozen=True):
    """One named step of a move: where it happened and when, since the attachment was detected."""

    name: Annotated[str, Meta(description="What was done, e.g. delivery installed.")]
    node: Annotated[str, Meta(description="Where.")]
    milliseconds: Annotated[float, Meta(description="Since the attachment was detected.")]


class Stream(msgspec.Struct, frozen=True):
    """What became of the UDP probes of one direction in a move's window."""

    sent: Annotated[int, Meta(description="Probes sent.")] = 0
    lost: Annotated[int, Meta(description="Probes that never arrived.")] = 0
    duplicated: Annotated[int, Meta(description="Probes that arrived more than once.")] = 0
    reordered: Annotated[int, Meta(description="Probes that arrived after a later one.")] = 0
    gap_ms: Annotated[float, Meta(description="The longest silence at the receiver.")] = 0.0


class HostAddress(msgspec.Struct, frozen=True):
    """An address of a mobile node that makes its addresses by itself (RFC 4862)."""

    address: Annotated[str, Meta(description="The address.")]
    deprecated: Annotated[
        bool, Meta(description="Kept for the sessions that have it (RFC 4862 §5.5.4).")
    ] = False


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One change of where a mobile node is attached."""

    mobile_node: Annotated[str, Meta(description="Who moved, by its name in the file.")]
    from_: Annotated[str, Meta(description="The anchor, or gateway, before.")] = msgspec.field(
        name="from"
    )
    to: Annotated[str, Meta(description="The anchor, or gateway, after.")]
    order: Annotated[MoveOrderName, Meta(description="What came first.")]
    at_ms: Annotated[
        float, Meta(description="When it was detected, from the start of the scenario.")
    ]
    steps: Annotated[tuple[Step, ...], Meta(description="What was done, in order of time.")] = ()
    floor_ms: Annotated[
        float,
        Meta(description="The least gap that the link delays allow, whoever implements it."),
    ] = 0.0
    downlink: Annotated[Stream, Meta(description="Probes to the mobile node.")] = Stream()
    uplink: Annotated[Stream, Meta(description="Probes from it.")] = Stream()
    path_before: Annotated[
        tuple[str, ...],
        Meta(description="The nodes downlink packets passed, correspondent first."),
    ] = ()
    path_after: Annotated[
        tuple[str, ...], Meta(description="The same at the end of the move's window.")
    ] = ()
    path_by_port: Annotated[
        dict[int, tuple[str, ...]],
        Meta(description="As path_after, of each UDP session that has a port in the file."),
    ] = {}
    stretch_after: Annotated[
        float,
        Meta(description="Delay of path_after over that of the shortest way; 0: nothing seen."),
    ] = 0.0
    addresses: Annotated[
        tuple[HostAddress, ...],
        Meta(description="The mobile node's addresses afterwards, the preferred ones first."),
    ] = ()


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One live session from the scenario's traffic, over the whole run."""

    kind: Annotated[str, Meta(description="udp or tcp.")]
    mobile_node: Annotated[str, Meta(description="One end.")]
    correspondent: Annotated[str, Meta(description="The other end.")]
    family: Annotated[str, Meta(description="ipv6 or ipv4.")]
    direction: Annotated[str, Meta(description="down, up or both.")]
    bytes: Annotated[
        int, Meta(description="What the receivers got, in order and intact, both ways.")
    ]
    survived: Annotated[bool, Meta(description="Whether it still carried data at the end.")]
    longest_stall_ms: Annotated[float, Meta(description="The longest time without data.")] = 0.0
    address: Annotated[str, Meta(description="The mobile node's address in it.")] = ""
    detail: Annotated[str, Meta(description="Why it did not survive.")] = ""


class RouterCost(msgspec.Struct, frozen=True, kw_only=True):
    """What mobility costs a router that is not ours."""

    router: Annotated[str, Meta(description="Its name.")]
    software: Annotated[str, Meta(description="frr or bird.")]
    routes_at_most: Annotated[int, Meta(description="To prefixes out of pools, at one time.")]
    routes_at_end: Annotated[int, Meta(description="The same in its kernel when all was over.")]
    changes: Annotated[int, Meta(description="Routes put or deleted in its kernel.")]
    interruptions: Annotated[
        int, Meta(description="Routes that were deleted and put again at once: packets are lost.")
    ]


class ExpectationOutcome(msgspec.Struct, frozen=True):
    """One expectation of the scenario."""

    text: Annotated[str, Meta(description="What was expected.")]
    passed: Annotated[bool, Meta(description="Whether it held.")]
    found: Annotated[str, Meta(description="What was seen.")] = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a person or a test wants to know of one run of a scenario."""

    constellation: Annotated[str, Meta(description="The constellation's name.")]
    runtime: Annotated[Runtime, Meta(description="What carried it out.")]
    moves: Annotated[tuple[Move, ...], Meta(description="In order of time.")] = ()
    sessions: Annotated[tuple[Session, ...], Meta(description="In the file's order.")] = ()
    leftovers: Annotated[
        tuple[str, ...],
        Meta(description="Rules of ours at the end that the mobile nodes' places do not need."),
    ] = ()
    expectations: Annotated[
        tuple[ExpectationOutcome, ...], Meta(description="They decide the exit code.")
    ] = ()
    messages: Annotated[
        dict[str, int], Meta(description="How many were sent, by reference point.")
    ] = {}
    routers: Annotated[
        tuple[RouterCost, ...], Meta(description="Routers that are not ours (iBGP).")
    ] = ()
    means: Annotated[str, Meta(description="The forwarding means.")] = ""
    duration_s: Annotated[float, Meta(description="Of the scenario, in seconds.")] = 0.0
    seed: Annotated[int | None, Meta(description="Of the simulation; null in the lab.")] = None
    notes: Annotated[
        tuple[str, ...], Meta(description="What a reader must know to judge the figures.")
    ] = ()

    @property
    def passed(self) -> bool:
        """Whether every expectation held."""
        return all(outcome.passed for outcome in self.expectations)

    @property
    def exit_code(self) -> int:
        """0 as expected, 1 an expectation failed, 2 there was nothing to check."""
        if not self.expectations:
            return 2
        return 0 if self.passed else 1


def to_json(report: Report) -> bytes:
    """The report as indented JSON with a final newline."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def from_json(data: bytes) -> Report:
    """A report from its JSON. Raises msgspec.DecodeError when it is none."""
    return msgspec.json.decode(data, type=Report)
