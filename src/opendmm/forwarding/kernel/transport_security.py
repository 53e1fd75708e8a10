"""ESP in transport mode between this node and its peers, by the kernel's XFRM.

RFC 5213 §4 wants IPsec ESP in transport mode with integrity for PBU and PBA. Keys are configured,
so the algorithms are AES-CBC (RFC 3602) and HMAC-SHA-256-128 (RFC 4868): counter modes must not
have such keys (RFC 8221 §4), for a counter would begin again with a restart. Configured keys also
mean no protection from replays (RFC 4303 §3.4.3); what ESP carries must see to that itself.

Policies demand ESP in both directions: what comes in clear from a peer is dropped by the kernel.
"""

import subprocess
from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from opendmm.forwarding.kernel.conventions import PROTOCOL
from opendmm.forwarding.kernel.errors import ForwardingUnavailableError

CIPHER_KEY, INTEGRITY_KEY = 32, 32
"""Octets: AES-256, and as many as SHA-256 gives (RFC 4868 §2.1.1)."""
FIRST_SPI = 256
"""Below it they are reserved (RFC 4303 §2.1)."""
ABSENT = "No such process", "No such file or directory"
"""What the kernel says of a state or a policy that is not there."""


class Direction(msgspec.Struct, frozen=True):
    """One security association: keys and SPI follow from the shared key and both addresses."""

    source: IPv6Address
    destination: IPv6Address
    spi: int
    cipher_key: bytes
    integrity_key: bytes


def direction(shared_key: bytes, source: IPv6Address, destination: IPv6Address) -> Direction:
    """From what two nodes share to the association of what one sends to the other."""
    info = b"opendmm esp" + source.packed + destination.packed
    size = CIPHER_KEY + INTEGRITY_KEY + 4
    derived = HKDF(SHA256(), size, salt=None, info=info).derive(shared_key)
    spi = int.from_bytes(derived[-4:], "big")
    return Direction(
        source=source,
        destination=destination,
        spi=FIRST_SPI + spi % ((1 << 32) - FIRST_SPI),
        cipher_key=derived[:CIPHER_KEY],
        integrity_key=derived[CIPHER_KEY:-4],
    )


class TransportSecurity:
    """For all packets of one protocol (next header) between this node and `shared_keys`' peers.

    In the network namespace of the thread that calls. What is there from an earlier life is
    replaced; nothing is touched that is not between these addresses and of this protocol.
    """

    def __init__(
        self, own: IPv6Address, shared_keys: Mapping[IPv6Address, bytes], protocol: int
    ) -> None:
        self._protocol = protocol
        self._outward = [direction(key, own, peer) for peer, key in shared_keys.items()]
        self._inward = [direction(key, peer, own) for peer, key in shared_keys.items()]

    def start(self) -> None:
        """Associations first, then the policies that demand them. Raises
        ForwardingUnavailableError where the kernel has no ESP, and leaves nothing then."""
        self.close()
        both = (*self._outward, *self._inward)
        problem = _ip([_state(one, self._protocol) for one in both])
        problem = problem or self.demand()
        if problem:
            self.close()
            raise ForwardingUnavailableError(
                f"no ESP for Mobility Headers: {problem} (the kernel needs CONFIG_XFRM_USER, "
                "CONFIG_INET6_ESP, which is module esp6, AES-CBC and HMAC-SHA-256; without "
                "`security.mobility_headers: esp` they are authenticated and not encrypted)"
            )

    def demand(self) -> str:
        """Let nothing pass in clear, either way; the kernel's complaint, if it has one."""
        return _ip([f"xfrm policy add {what}" for what in self._policies()])

    def close(self) -> None:
        """Take away all of it that is there."""
        _ip((f"xfrm policy delete {self._selector(*way)}" for way in self._ways()), absent=True)
        states = (
            f"xfrm state delete src {one.source} dst {one.destination} proto esp spi {one.spi}"
            for one in (*self._outward, *self._inward)
        )
        _ip(states, absent=True)

    def _ways(self) -> list[tuple[Direction, str]]:
        return [(one, "out") for one in self._outward] + [(one, "in") for one in self._inward]

    def _selector(self, one: Direction, way: str) -> str:
        return f"src {one.source}/128 dst {one.destination}/128 proto {self._protocol} dir {way}"

    def _policies(self) -> list[str]:
        return [
            f"{self._selector(one, way)} priority {PROTOCOL} tmpl src {one.source} "
            f"dst {one.destination} proto esp reqid {PROTOCOL} mode transport level required"
            for one, way in self._ways()
        ]


def _state(one: Direction, protocol: int) -> str:
    return (
        f"xfrm state add src {one.source} dst {one.destination} proto esp spi {one.spi} "
        f"reqid {PROTOCOL} mode transport "
        f"auth-trunc hmac(sha256) 0x{one.integrity_key.hex()} 128 "
        f"enc cbc(aes) 0x{one.cipher_key.hex()} "
        f"sel src {one.source}/128 dst {one.destination}/128 proto {protocol}"
    )


def _ip(commands: Iterable[str], *, absent: bool = False) -> str:
    """Have `ip` do all; its first complaint, empty when there is none. With `absent` it is none
    that something is not there. Commands come by standard input: arguments are for all to read.
    """
    force = ("-force",) if absent else ()
    try:
        done = subprocess.run(
            ["ip", *force, "-batch", "-"],
            input="\n".join(commands) + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return "program ip is missing (package iproute2)"
    complaints = (line for line in done.stderr.splitlines() if not line.startswith("Command"))
    found = (line for line in complaints if not (absent and line.endswith(ABSENT)))
    return next(found, "").removeprefix("Error: ").removeprefix("RTNETLINK answers: ")
