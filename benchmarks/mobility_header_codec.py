"""Decoding and encoding Mobility Headers, beside scapy on messages that both know.

    python benchmarks/mobility_header_codec.py [--count 2000] [--rounds 5]

Method: one process, one core. Five messages with the options scapy has classes for. Before
anything is measured each side reads what the other wrote. Decoding is from octets to the message
with all options as values; encoding from a message that exists to octets. What we do beside: verify
or compute the checksum, check every length. What scapy is spared: the checksum (given as zero) and
the IPv6 header it would need for it. The contestants take turns, `rounds` times, and the medians
are printed with the ratio: on a shared machine the ratio says more than the numbers.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Any

import msgspec
from scapy.layers import inet6

from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingError, BindingUpdate
from opendmm.wire.mobility.codec import decode, decode_without_checksum, encode
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    AuthenticationSubtype,
    BindingAcknowledgementFlags,
    BindingErrorStatus,
    BindingStatus,
    BindingUpdateFlags,
)
from opendmm.wire.mobility.options.base_protocol import (
    AlternateCareOfAddressOption,
    BindingAuthorizationDataOption,
    BindingRefreshAdviceOption,
    NonceIndicesOption,
)
from opendmm.wire.mobility.options.identification import (
    MessageAuthenticationOption,
    MobileNodeIdentifierOption,
)
from opendmm.wire.mobility.return_routability import HomeTest

SOURCE = IPv6Address("2001:db8:a::2")
DESTINATION = IPv6Address("2001:db8:b::1")
AUTHENTICATOR = bytes(range(12))
MICROSECONDS = 1e6


class Subject(msgspec.Struct, frozen=True):
    """One message, as either side has it."""

    name: str
    ours: MobilityMessage
    scapys: Any


SUBJECTS = (
    Subject(
        "HoT",
        HomeTest(13, bytes(range(8)), bytes(range(8, 16))),
        inet6.MIP6MH_HoT(index=13, cookie=bytes(range(8)), token=bytes(range(8, 16)), cksum=0),
    ),
    Subject(
        "BE",
        BindingError(BindingErrorStatus.UNKNOWN_BINDING, SOURCE),
        inet6.MIP6MH_BE(status=1, ha=str(SOURCE), cksum=0),
    ),
    Subject(
        "BU to a home agent",
        BindingUpdate(
            7,
            BindingUpdateFlags.A | BindingUpdateFlags.H,
            75,
            options=(
                AlternateCareOfAddressOption(SOURCE),
                MobileNodeIdentifierOption.from_nai("mn1@example.org"),
                MessageAuthenticationOption(AuthenticationSubtype.MN_HA, 256, AUTHENTICATOR),
            ),
        ),
        inet6.MIP6MH_BU(
            seq=7,
            flags="AH",
            mhtime=75,
            cksum=0,
            options=[
                inet6.MIP6OptAltCoA(acoa=str(SOURCE)),
                inet6.MIP6OptMNID(subtype=1, id="mn1@example.org"),
                inet6.MIP6OptMsgAuth(subtype=1, mspi=256, authdata=AUTHENTICATOR),
            ],
        ),
    ),
    Subject(
        "BU to a correspondent",
        BindingUpdate(
            7,
            BindingUpdateFlags.A,
            75,
            options=(
                NonceIndicesOption(1, 2),
                AlternateCareOfAddressOption(SOURCE),
                BindingAuthorizationDataOption(AUTHENTICATOR),
            ),
        ),
        inet6.MIP6MH_BU(
            seq=7,
            flags="A",
            mhtime=75,
            cksum=0,
            options=[
                inet6.MIP6OptNonceIndices(olen=4, hni=1, coni=2),
                inet6.MIP6OptAltCoA(acoa=str(SOURCE)),
                inet6.MIP6OptBindingAuthData(olen=12, authenticator=int.from_bytes(AUTHENTICATOR)),
            ],
        ),
    ),
    Subject(
        "BA",
        BindingAcknowledgement(
            BindingStatus.ACCEPTED,
            BindingAcknowledgementFlags.K,
            7,
            75,
            options=(BindingRefreshAdviceOption(60),),
        ),
        inet6.MIP6MH_BA(
            status=0,
            flags="K",
            seq=7,
            mhtime=75,
            cksum=0,
            options=[inet6.MIP6OptBRAdvice(rinter=60)],
        ),
    ),
)


def microseconds(work: Callable[[], object], count: int) -> float:
    """The time one call takes."""
    begin = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - begin) / count * MICROSECONDS


def contestants(subject: Subject) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """By what is done: our way and scapy's."""
    octets = encode(subject.ours, SOURCE, DESTINATION)
    kind = type(subject.scapys)
    scapys = subject.scapys
    return {
        "decode": (lambda: decode(octets, SOURCE, DESTINATION), lambda: kind(octets)),
        "encode": (
            lambda: encode(subject.ours, SOURCE, DESTINATION),
            lambda: bytes(scapys),
        ),
    }


def check(subject: Subject) -> None:
    """Both sides mean the same."""
    from_scapy = decode_without_checksum(bytes(subject.scapys))
    if from_scapy != subject.ours:
        raise SystemExit(f"{subject.name}: scapy wrote {from_scapy}, not {subject.ours}")
    ours = encode(subject.ours, SOURCE, DESTINATION)
    if type(subject.scapys)(ours).mhtype != subject.ours.TYPE:
        raise SystemExit(f"{subject.name}: scapy does not read what we wrote")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    for subject in SUBJECTS:
        check(subject)
    head = f"{'':<10}{'message':<24}{'ours':>12}{'scapy':>12}{'scapy / ours':>15}"
    print(head)
    ratios: dict[str, list[float]] = {"decode": [], "encode": []}
    for subject in SUBJECTS:
        for name, (ours, scapys) in contestants(subject).items():
            both = [
                (microseconds(ours, arguments.count), microseconds(scapys, arguments.count))
                for _ in range(arguments.rounds)
            ]
            mine = statistics.median(pair[0] for pair in both)
            other = statistics.median(pair[1] for pair in both)
            ratios[name].append(other / mine)
            print(
                f"{name:<10}{subject.name:<24}{mine:>9.1f} us{other:>9.1f} us{other / mine:>14.1f}x"
            )
    for name, values in ratios.items():
        print(f"{name}: {statistics.geometric_mean(values):.1f} times scapy, geometric mean")


if __name__ == "__main__":
    main()
