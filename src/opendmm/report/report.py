"""The report of one run, the same for laboratory and simulation; JSON by its field names.

All durations are in milliseconds unless a name says otherwise, all counts are of packets.
"""

from enum import StrEnum

import msgspec

from opendmm.constellation.file import MoveOrderName


class Runtime(StrEnum):
    """What carried the constellation out."""

    LAB = "lab"
    SIM = "sim"


class Step(msgspec.Struct, frozen=True):
    """One named step of a move: where it happened and when, since the attachment was detected."""

    name: str
    node: str
    milliseconds: float


class Stream(msgspec.Struct, frozen=True):
    """What became of the UDP probes of one direction in a move's window.

    `gap_ms` is the longest silence at the receiver; `opendmm.report.probes` says exactly what
    that is and why.
    """

    sent: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    gap_ms: float = 0.0


class HostAddress(msgspec.Struct, frozen=True):
    """An address a mobile node has. A deprecated one is for the sessions that have it; new
    ones begin from one that is not (RFC 4862 §5.5.4)."""

    address: str
    deprecated: bool = False


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a mobile node's anchor.

    `floor_ms` is the least gap the link delays allow (`opendmm.report.floor`). Paths are the
    nodes that downlink packets passed, correspondent first, mobile node last, shortly before
    and at the end of the move's window; `stretch_after` is the delay of the latter over that
    of the shortest way (0 when no packet was seen). `addresses`: what a mobile node that makes
    its addresses by itself had at the end of the window, the preferred ones first.
    """

    mobile_node: str
    from_: str = msgspec.field(name="from")
    to: str
    order: MoveOrderName
    at_ms: float
    """Of the detection of the attachment, from the start of the scenario."""
    steps: tuple[Step, ...] = ()
    floor_ms: float = 0.0
    downlink: Stream = Stream()
    uplink: Stream = Stream()
    path_before: tuple[str, ...] = ()
    path_after: tuple[str, ...] = ()
    path_by_port: dict[int, tuple[str, ...]] = {}
    """As `path_after`, of each UDP session that has a port in the file."""
    stretch_after: float = 0.0
    addresses: tuple[HostAddress, ...] = ()


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One live session from the scenario's traffic, over the whole run.

    `bytes` is what the receivers got, in order and intact (both directions together).
    `address` is the mobile node's.
    """

    kind: str
    mobile_node: str
    correspondent: str
    family: str
    direction: str
    bytes: int
    survived: bool
    longest_stall_ms: float = 0.0
    address: str = ""
    detail: str = ""


class ExpectationOutcome(msgspec.Struct, frozen=True):
    """One expectation of the scenario and whether it held; `found` is what was seen."""

    text: str
    passed: bool
    found: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a person or a test wants to know of one run of a scenario.

    `leftovers` describes every rule of ours that is still installed at the end although the
    mobile nodes' places do not need it. `messages` counts per reference point.
    """

    constellation: str
    runtime: Runtime
    moves: tuple[Move, ...] = ()
    sessions: tuple[Session, ...] = ()
    leftovers: tuple[str, ...] = ()
    expectations: tuple[ExpectationOutcome, ...] = ()
    messages: dict[str, int] = {}
    means: str = ""
    duration_s: float = 0.0
    seed: int | None = None
    """Of the simulation; None in the laboratory."""
    notes: tuple[str, ...] = ()
    """What a reader must know to judge the figures, in sentences."""

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
