"""What Wireshark's dissector makes of every LISP message, address and data header we encode.

One capture, one run of tshark. No packet may be malformed, and every field it knows must have our
value. What tshark 4.0 does not know is listed by name with what it shows instead: where a newer one
does better, the test says that the list is out of date.
"""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from lisp_samples import ADDRESSES, EID, ETR, HEADERS, IDENTITY, ITR, MESSAGES, NONCE

from opendmm.wire.lisp.codec import encode
from opendmm.wire.lisp.datagrams import Datagram, pack_datagram
from opendmm.wire.lisp.messages import MapReply
from opendmm.wire.lisp.numbers import CONTROL_PORT
from opendmm.wire.lisp.records import EidRecord, Locator

TSHARK = shutil.which("tshark")
pytestmark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 229)
PORT = 50000
UDP_DESTINATION = slice(42, 44)
DATA_PORT = (4341).to_bytes(2, "big")
NO_CHECKSUM = slice(46, 48)
PREFIX = "2001:db8:a::100"

#: What tshark shows of each packet: fields with all their values, in the order of the packet.
EXPECTED = {
    "request": {
        "lisp.type": "1",
        "lisp.mreq.flags.auth": "1",
        "lisp.mreq.flags.smri": "1",
        "lisp.mreq.flags.smr": "0",
        "lisp.mreq.res": "0x000000",
        "lisp.irc": "1",
        "lisp.nonce": "0x0102030405060708",
        "lisp.mreq.srceid.ipv4": "10.10.0.100",
        "lisp.mreq.itr_rloc_ipv6": "fd00:d::1",
        "lisp.mreq.itr_rloc_ipv4": "10.9.0.2",
        "lisp.mreq.record.prefix.length": "128",
        "lisp.mreq.record.prefix.ipv6": PREFIX,
    },
    "solicitation": {
        "lisp.type": "1",
        "lisp.mreq.flags.smr": "1",
        "lisp.mreq.srceid_ipv6": PREFIX,
        "lisp.mreq.itr_rloc_ipv6": "fd00:d::2",
    },
    "subscription": {
        "lisp.type": "1",
        "lisp.mreq.flags.pitr": "1",
        "lisp.mreq.srceid.afi": "0",
        "lisp.mreq.record.prefix.length": "24",
        "lisp.mreq.record.prefix.ipv4": "10.10.0.100",
    },
    "unsubscription": {"lisp.type": "1", "lisp.mreq.itr_rloc.afi": "0"},
    "probe": {
        "lisp.type": "1",
        "lisp.mreq.flags.probe": "1",
        "lisp.mreq.flags.mrp": "1",
        "lisp.mreq.record.prefix.length": "64",
        "lisp.mapping.ttl": "1440",
        "lisp.loc.locator": "10.9.0.2,fd00:d::2",
    },
    "reply": {
        "lisp.type": "2",
        "lisp.mrep.flags.probe": "0",
        "lisp.mrep.flags.enlr": "1",
        "lisp.mrep.flags.sec": "0",
        "lisp.mrep.res": "0x000000",
        "lisp.records": "3",
        "lisp.mapping.ttl": "1440,15,0",
        "lisp.mapping.loccnt": "2,0,0",
        "lisp.mapping.act": "0,1,0",
        "lisp.mapping.auth": "1,0,0",
        "lisp.mapping.res1": "0x0000,0x0000,0x0000",
        "lisp.mapping.ver": "5,0,0",
        "lisp.mapping.eid.masklen": "128,24,128",
        "lisp.mapping.eid.ipv6": f"{PREFIX},{PREFIX}",
        "lisp.mapping.eid.ipv4": "10.10.0.100",
        "lisp.loc.priority": "2,1",
        "lisp.loc.weight": "50,100",
        "lisp.loc.multicast_priority": "255,255",
        "lisp.loc.multicast_weight": "0,0",
        "lisp.loc.flags.local": "0,1",
        "lisp.loc.flags.probe": "0,0",
        "lisp.loc.flags.reach": "1,1",
        "lisp.loc.flags.res": "0x0000,0x0000",
        "lisp.loc.locator": "10.9.0.2,fd00:d::2",
    },
    "reply to a probe": {
        "lisp.type": "2",
        "lisp.mrep.flags.probe": "1",
        "lisp.loc.flags.probe": "1",
    },
    "reply with security": {
        "lisp.type": "2",
        "lisp.mrep.flags.sec": "1",
        "lisp.loc.locator": "10.9.0.2,fd00:d::2",
    },
    "register": {
        "lisp.type": "3",
        "lisp.mreg.flags.pmr": "1",
        "lisp.mreg.flags.sec": "0",
        "lisp.mreg.flags.xtrid": "1",
        "lisp.mreg.flags.wmn": "1",
        "lisp.authlen": "16",
        "lisp.auth": "000102030405060708090a0b0c0d0e0f",
        "lisp.loc.locator": "10.9.0.2,fd00:d::2",
        "lisp.xtrid": "000102030405060708090a0b0c0d0e0f",
        "lisp.siteid": "0000000000000007",
    },
    "register by a list": {
        "lisp.type": "3",
        "lisp.mreg.flags.sec": "1",
        "lisp.lcaf.type": "9,13",
        "lisp.lcaf.mcinfo_iid": "9",
        "lisp.lcaf.mcinfo.src.masklen": "64",
        "lisp.lcaf.mcinfo.grp.masklen": "128",
        "lisp.lcaf.mcinfo.src.ipv6": PREFIX,
        "lisp.lcaf.mcinfo.grp.ipv6": "ff3e::1",
        "lisp.lcaf.rle_entry.level": "0,128",
        "lisp.lcaf.rle_entry.ipv6": "fd00:d::2",
        "lisp.lcaf.rle_entry.ipv4": "10.9.0.2",
    },
    "register canonical": {"lisp.type": "3", "lisp.lcaf.iid": "9"},
    "notify": {"lisp.type": "4", "lisp.authlen": "16", "lisp.mapping.eid.ipv6": PREFIX},
    "notify with identity": {
        "lisp.type": "4",
        "lisp.mnot.flags.xtrid": "1",
        "lisp.mapping.eid.ipv4": "10.10.0.100",
        "lisp.xtrid": "000102030405060708090a0b0c0d0e0f",
        "lisp.siteid": "0000000000000007",
    },
    "notify ack": {"lisp.type": "5"},
    "info request": {
        "lisp.type": "7",
        "lisp.info.r": "0",
        "lisp.nonce": "0x0102030405060708",
        "lisp.info.ttl": "5",
        "lisp.info.prefix.masklen": "32",
        "lisp.info.prefix.ipv4": "10.10.0.100",
    },
    "info reply": {
        "lisp.type": "7",
        "lisp.info.r": "1",
        "lisp.lcaf.type": "7",
        "lisp.lcaf.natt.msport": "4342",
        "lisp.lcaf.natt.etrport": "50000",
        "lisp.lcaf.natt.rloc.ipv4": "10.9.0.2,192.168.0.2,10.9.0.2",
        "lisp.lcaf.natt.rloc.ipv6": "fd00:d::2",
    },
    "at NAT": {
        "lisp.lcaf.type": "7",
        "lisp.lcaf.natt.rloc.ipv4": "10.9.0.2,192.168.0.2,10.9.0.2",
        "lisp.lcaf.natt.rloc.ipv6": "fd00:d::2",
    },
    "referral": {
        "lisp.type": "6",
        "lisp.records": "2",
        "lisp.mapping.ttl": "1440,0",
        "lisp.mapping.act": "1,5",
        "lisp.referral.incomplete": "0,1",
        "lisp.referral.sigcnt": "0,0",
        "lisp.mapping.ver": "5,0",
        "lisp.lcaf.iid": "9",
        "lisp.lcaf.iid.ipv6": PREFIX,
        "lisp.loc.locator": "fd00:d::2",
    },
    "signed referral": {"lisp.type": "6", "lisp.referral.sigcnt": "1", "lisp.lcaf.type": "11"},
    "encapsulated": {
        "lisp.type": "8,1",
        "lisp.ecm.flags.sec": "0",
        "lisp.ecm.flags.ddt": "1",
        "ipv6.dst": f"fd00:d::2,{PREFIX}",
        "udp.checksum.status": "1,1",
        "udp.dstport": "4342,4342",
        "lisp.mreq.record.prefix.ipv6": PREFIX,
    },
    "encapsulated in IPv4": {
        "lisp.type": "8,1",
        "ip.dst": "10.10.0.100",
        "ip.checksum.status": "1",
        "udp.checksum.status": "1,1",
        "lisp.mreq.record.prefix.ipv4": "10.10.0.100",
    },
    "encapsulated with security": {"lisp.type": "8", "lisp.ecm.flags.sec": "1"},
    "forwarded with security": {"lisp.type": "8", "lisp.ecm.flags.sec": "1"},
    "at AFI list": {
        "lisp.lcaf.afi_list.ipv4": "10.9.0.2",
        "lisp.lcaf.afi_list.mac": "02:00:00:00:00:01",
        "lisp.lcaf.afi_list.dn": "etr",
        "lisp.lcaf.afi_list.ipv6": "fd00:d::2",
    },
    "at instance": {"lisp.lcaf.iid": "9", "lisp.lcaf.iid.ipv4": "10.10.0.100"},
    "at range of instances": {"lisp.lcaf.iid": "256", "lisp.lcaf.iid.afi": "0"},
    "at multicast": {"lisp.lcaf.mcinfo_iid": "9", "lisp.lcaf.mcinfo.grp.ipv6": "ff3e::1"},
    "at any source": {
        "lisp.lcaf.mcinfo.src.masklen": "0",
        "lisp.lcaf.mcinfo.src.ipv4": "0.0.0.0",
        "lisp.lcaf.mcinfo.grp.masklen": "32",
        "lisp.lcaf.mcinfo.grp.ipv4": "232.1.1.1",
    },
    "at keys": {"lisp.lcaf.type": "11", "lisp.lcaf.length": "36"},
    "at replication list": {"lisp.lcaf.rle_entry.level": "0,128"},
    "at vendor": {"lisp.lcaf.vendor.oui": "0xabcdef", "lisp.lcaf.vendor.data": "6f757273"},
    "at unknown": {"lisp.lcaf.type": "77", "lisp.lcaf.length": "8"},
    "header nothing": {"lisp-data.flags": "0x00"},
    "header nonce": {
        "lisp-data.flags.nonce": "1",
        "lisp-data.flags.lsb": "1",
        "lisp-data.flags.enr": "0",
        "lisp-data.nonce": "11259375",
        "lisp-data.lsb": "0x00000003",
    },
    "header echo": {
        "lisp-data.flags.enr": "1",
        "lisp-data.flags.iid": "1",
        "lisp-data.iid": "1193046",
        "lisp-data.lsb8": "0x01",
    },
    "header versions": {
        "lisp-data.flags.mv": "1",
        "lisp-data.srcmapver": "5",
        "lisp-data.dstmapver": "4095",
        "lisp-data.iid": "1193046",
    },
    "header encrypted": {"lisp-data.lsb": "0x80000001"},
}

#: What tshark 4.0 shows of what it does not know.
GAPS = {
    # The bits L and D are reserved ones to it.
    "solicitation": {"lisp.mreq.res": "0x000003"},
    # So are N and I of RFC 9437, and what I announces.
    "subscription": {
        "lisp.mreq.res": "0x000080",
        "lisp.mreq.record.res": "0x80",
        "data.data": IDENTITY.packed().hex(),
    },
    # It stops at an ITR-RLOC of family 0.
    "unsubscription": {"lisp.mreq.record.prefix.length": ""},
    # The bits T (and E, a); Key ID and Algorithm ID are one number.
    "register": {"lisp.mreg.res": "0x000004", "lisp.keyid": "0x0302"},
    "register by a list": {"lisp.mreg.res": "0x00000a"},
    "notify ack": {"lisp.nonce": ""},
    "signed referral": {"data.data": "000005a0720000007100000000030008020000000001020304050607"},
    # LISP-SEC, and all that is behind it.
    "reply with security": {"lisp.auth": ""},
    "encapsulated with security": {"lisp.nonce": ""},
    "forwarded with security": {"lisp.nonce": ""},
    # E and M of RFC 9301 §12.6.
    "encapsulated in IPv4": {"lisp.ecm.res": "0x03000000"},
    # The KK bits.
    "header encrypted": {"lisp-data.flags.res": "0x02"},
}
NOT_DISSECTED = "Not dissected yet (report to wireshark.org)"
VENDOR = (
    "Look up the vendor's OUI (IEEE 802-2001) and contact them for support on decoding this field"
)
#: Packets that tshark 4.0 complains of, with its complaint.
COMPLAINTS = {
    "unsubscription": "Unexpected ITR-RLOC-AFI (0), cannot decode",
    "register canonical": f"{NOT_DISSECTED},{NOT_DISSECTED},{VENDOR}",
    "signed referral": NOT_DISSECTED,
    "at keys": NOT_DISSECTED,
    "at unknown": NOT_DISSECTED,
    "at vendor": VENDOR,
    # A name without a zero octet, as RFC 8060 §4.10.3 has it, it reads beyond its list.
    "at name that ends with its list": "Malformed Packet (Exception occurred)",
}
#: It does not know that a tunnel needs no checksum in IPv6 (RFC 6935).
COMPLAINTS |= {f"header {name}": "Illegal checksum value (0)" for name in HEADERS}
SHOWN = sorted({field for fields in (*EXPECTED.values(), *GAPS.values()) for field in fields})


def at(name: str) -> bytes:
    """A Map-Reply with an address as a locator."""
    locators = (Locator(address=ADDRESSES[name]),)
    record = EidRecord(eid=EID, mask_length=128, ttl=1, locators=locators)
    return encode(MapReply(nonce=NONCE, records=(record,)))


def sent(payload: bytes) -> bytes:
    """A control message in its IPv6 packet."""
    return pack_datagram(Datagram(ITR, ETR, PORT, CONTROL_PORT, payload))


def tunnelled(header: bytes) -> bytes:
    """A packet behind a data header, UDP without a checksum."""
    inner = sent(encode(MESSAGES["request"]))
    packet = bytearray(sent(header + inner))
    packet[UDP_DESTINATION] = DATA_PORT
    packet[NO_CHECKSUM] = bytes(2)
    return bytes(packet)


PACKETS = (
    {name: sent(encode(message)) for name, message in MESSAGES.items()}
    | {f"at {name}": sent(at(name)) for name in ADDRESSES}
    | {f"header {name}": tunnelled(header.packed()) for name, header in HEADERS.items()}
)


@pytest.fixture(scope="module")
def dissected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Fields by the name of the packet."""
    capture = tmp_path_factory.mktemp("lisp") / "packets.pcap"
    _write(capture)
    columns = [*SHOWN, "_ws.malformed", "_ws.expert.message"]
    options = [word for field in columns for word in ("-e", field)]
    preferences = [word for name in ("udp", "ip") for word in ("-o", f"{name}.check_checksum:TRUE")]
    run = subprocess.run(
        [TSHARK or "", *preferences, "-r", capture, "-T", "fields", *options],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (dict(zip(columns, line.split("\t"), strict=True)) for line in run.stdout.splitlines())
    return dict(zip(PACKETS, lines, strict=True))


def _write(capture: Path) -> None:
    with capture.open("wb") as file:
        file.write(PCAP_HEADER)
        for number, packet in enumerate(PACKETS.values()):
            file.write(struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet)


@pytest.mark.parametrize("name", PACKETS)
def test_nothing_is_malformed(dissected: dict[str, dict[str, str]], name: str) -> None:
    complaint = COMPLAINTS.get(name, "")
    assert dissected[name]["_ws.expert.message"] == complaint
    assert bool(dissected[name]["_ws.malformed"]) is complaint.startswith("Malformed")


@pytest.mark.parametrize("name", EXPECTED)
def test_what_it_knows_has_our_values(dissected: dict[str, dict[str, str]], name: str) -> None:
    found = {field: dissected[name][field] for field in EXPECTED[name]}
    assert found == EXPECTED[name]


@pytest.mark.parametrize("name", GAPS)
def test_what_it_does_not_know(dissected: dict[str, dict[str, str]], name: str) -> None:
    found = {field: dissected[name][field] for field in GAPS[name]}
    assert found == GAPS[name], "tshark has learned it: take it off the list"


def test_every_packet_is_looked_at() -> None:
    assert set(PACKETS) == set(EXPECTED) | set(COMPLAINTS)
