"""What Wireshark's dissector makes of LISP's control messages.

One capture, one run of tshark. No packet may be malformed, and the fields it knows must have our
values. What tshark 4.0 does not know is listed by name.
"""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from lisp_samples import ETR, ITR, MESSAGES

from opendmm.wire.checksum import internet_checksum
from opendmm.wire.lisp.numbers import CONTROL_PORT

TSHARK = shutil.which("tshark")
pytestmark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 229)
PROTOCOL_UDP = 17
SHOWN = (
    "lisp.type",
    "lisp.nonce",
    "lisp.records",
    "lisp.mreq.flags.smri",
    "lisp.mreq.itr_rloc_ipv6",
    "lisp.mreq.record.prefix.ipv6",
    "lisp.mapping.ttl",
    "lisp.mapping.act",
    "lisp.mapping.auth",
    "lisp.mapping.ver",
    "lisp.mapping.eid.ipv6",
    "lisp.loc.locator",
    "lisp.loc.flags.local",
    "lisp.mreg.flags.wmn",
    "lisp.xtrid",
    "lisp.lcaf.iid",
    "lisp.referral.incomplete",
    "_ws.malformed",
    "_ws.expert.message",
)
EXPECTED = {
    "request": {
        "lisp.type": "1",
        "lisp.nonce": "0x0102030405060708",
        "lisp.mreq.flags.smri": "1",
        "lisp.mreq.itr_rloc_ipv6": "fd00:d::1",
        "lisp.mreq.record.prefix.ipv6": "2001:db8:a::100",
    },
    "reply": {
        "lisp.type": "2",
        "lisp.records": "2",
        "lisp.mapping.ttl": "1440,15",
        "lisp.mapping.act": "0,1",
        "lisp.mapping.auth": "1,0",
        "lisp.mapping.ver": "5,0",
        "lisp.mapping.eid.ipv6": "2001:db8:a::100",
        "lisp.loc.locator": "10.9.0.2,fd00:d::2",
        "lisp.loc.flags.local": "0,1",
    },
    "register": {
        "lisp.type": "3",
        "lisp.mreg.flags.wmn": "1",
        "lisp.loc.locator": "10.9.0.2,fd00:d::2",
        "lisp.xtrid": "000102030405060708090a0b0c0d0e0f",
    },
    "register canonical": {"lisp.type": "3", "lisp.records": "2", "lisp.lcaf.iid": "9"},
    "notify": {"lisp.type": "4", "lisp.mapping.eid.ipv6": "2001:db8:a::100"},
    "referral": {"lisp.type": "6", "lisp.lcaf.iid": "9", "lisp.referral.incomplete": "1"},
    "encapsulated": {"lisp.type": "8,1", "lisp.mreq.record.prefix.ipv6": "2001:db8:a::100"},
    "encapsulated in IPv4": {"lisp.type": "8,1"},
}
UNKNOWN_TO_TSHARK = {
    "notify ack": {"lisp.type": "5", "lisp.nonce": ""},
    "encapsulated with security": {"lisp.type": "8"},  # nothing behind the authentication data
}
"""What it shows, with no more. A newer one may do better."""
NOT_DISSECTED = {"register canonical"}
"""Security Key, Vendor-Specific and unknown canonical addresses are marked, with a warning."""


def framed(payload: bytes) -> bytes:
    """As an IPv6 packet."""
    length = 8 + len(payload)
    unsummed = struct.pack("!HHHH", 50000, CONTROL_PORT, length, 0) + payload
    pseudo = ITR.packed + ETR.packed + struct.pack("!HHHH", 0, length, 0, PROTOCOL_UDP)
    checksum = internet_checksum(pseudo + unsummed) or 0xFFFF
    udp = unsummed[:6] + struct.pack("!H", checksum) + payload
    return (
        struct.pack("!IHBB16s16s", 6 << 28, length, PROTOCOL_UDP, 64, ITR.packed, ETR.packed) + udp
    )


@pytest.fixture(scope="module")
def dissected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Fields by the name of the message."""
    capture = tmp_path_factory.mktemp("lisp") / "messages.pcap"
    _write(capture)
    options = [word for field in SHOWN for word in ("-e", field)]
    run = subprocess.run(
        [TSHARK or "", "-o", "udp.check_checksum:TRUE", "-r", capture, "-T", "fields", *options],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (dict(zip(SHOWN, line.split("\t"), strict=True)) for line in run.stdout.splitlines())
    return dict(zip(MESSAGES, lines, strict=True))


def _write(capture: Path) -> None:
    with capture.open("wb") as file:
        file.write(PCAP_HEADER)
        for number, message in enumerate(MESSAGES.values()):
            packet = framed(message.packed())
            file.write(struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet)


@pytest.mark.parametrize("name", MESSAGES)
def test_nothing_is_malformed(dissected: dict[str, dict[str, str]], name: str) -> None:
    fields = dissected[name]
    assert fields["_ws.malformed"] == ""
    complaints = fields["_ws.expert.message"]
    assert not complaints or name in NOT_DISSECTED, complaints


@pytest.mark.parametrize("name", EXPECTED)
def test_what_it_knows_has_our_values(dissected: dict[str, dict[str, str]], name: str) -> None:
    found = {field: dissected[name][field] for field in EXPECTED[name]}
    assert found == EXPECTED[name]


@pytest.mark.parametrize("name", UNKNOWN_TO_TSHARK)
def test_what_it_does_not_know(dissected: dict[str, dict[str, str]], name: str) -> None:
    found = {field: dissected[name][field] for field in UNKNOWN_TO_TSHARK[name]}
    assert found == UNKNOWN_TO_TSHARK[name], "tshark has learned it: take it off the list"
