"""What a traffic process is told to do and what it writes down; files between processes.

Times in plans are in seconds since the scenario's start, those in results since 1970. An empty
address in a plan is the mobile node's, told when the traffic is opened.
"""

import sys
from pathlib import Path

import msgspec

MAGIC = b"DMM7"
PROBE_OCTETS = 64
"""Of a probe's UDP payload."""
PATH_PROBE_OCTETS = 900
"""Of a path probe's: a size nothing else has, so that captures find it in or out of a tunnel."""


class UdpSender(msgspec.Struct, frozen=True):
    """Probes of one direction: from an address of this node to one of the other."""

    flow: int
    source: str
    destination: str
    port: int
    starts_at: float
    interval: float
    octets: int = PROBE_OCTETS


class UdpReceiver(msgspec.Struct, frozen=True):
    """Where probes arrive on this node."""

    address: str
    port: int


class UdpPlan(msgspec.Struct, frozen=True):
    """All UDP traffic of one node; receiving goes on until `until`."""

    stops_at: float
    until: float
    senders: tuple[UdpSender, ...]
    receivers: tuple[UdpReceiver, ...]

    def opened(self, address: str) -> "UdpPlan":
        """The same with the mobile node's address where it was left open."""
        return UdpPlan(
            stops_at=self.stops_at,
            until=self.until,
            senders=tuple(
                msgspec.structs.replace(
                    one, source=one.source or address, destination=one.destination or address
                )
                for one in self.senders
            ),
            receivers=tuple(
                UdpReceiver(one.address or address, one.port) for one in self.receivers
            ),
        )


class UdpResult(msgspec.Struct, frozen=True):
    """What one node sent and heard: by flow, when probe i left; (probe, time) of arrivals."""

    sent: dict[int, list[float]]
    arrivals: dict[int, list[tuple[int, float]]]


class TcpStream(msgspec.Struct, frozen=True):
    """A session between a mobile node (which connects) and a correspondent (which listens)."""

    session: int
    server: str
    client: str
    port: int
    starts_at: float
    rate: float
    """Of each direction, in bit/s."""
    down: bool
    up: bool


class TcpPlan(msgspec.Struct, frozen=True):
    """All TCP sessions of one node, which is the server's or the client's side of them."""

    serving: bool
    stops_at: float
    until: float
    streams: tuple[TcpStream, ...]

    def opened(self, start: float, address: str) -> "TcpPlan":
        """The same with times in seconds since 1970, and the mobile node's address where it
        was left open."""
        return TcpPlan(
            serving=self.serving,
            stops_at=start + self.stops_at,
            until=start + self.until,
            streams=tuple(
                msgspec.structs.replace(
                    stream,
                    starts_at=start + stream.starts_at,
                    client=stream.client or address,
                )
                for stream in self.streams
            ),
        )


class TcpResult(msgspec.Struct, frozen=True):
    """One side of a session: octets it sent and received, and whether these were unaltered."""

    session: int
    sent: int
    received: int
    intact: bool
    longest_stall: float
    error: str = ""


def write(path: Path, value: msgspec.Struct | list[TcpResult]) -> None:
    """A plan or result for another process to read."""
    path.write_bytes(msgspec.json.encode(value))


def await_opening() -> tuple[float, str]:
    """Say `ready`, and wait to be told when the scenario starts (seconds since 1970) and which
    address the mobile node uses, where the plan leaves it open."""
    print("ready", flush=True)
    start, _, address = sys.stdin.readline().partition(" ")
    return float(start), address.strip()
