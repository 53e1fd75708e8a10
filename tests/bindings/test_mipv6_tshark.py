"""What Wireshark's dissector makes of home registrations, as whole IPv6 packets."""

import json
import shutil
import struct
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from mipv6_scene import (
    COA_1,
    COA_2,
    HA_A,
    HA_B,
    HOA,
    NOW,
    Agent,
    Mobile,
    attach,
    exchange,
)

from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mipv6.wire_form import assemble
from opendmm.reference_points import r_xu
from opendmm.reference_points.message import Status
from opendmm.wire.mobility.numbers import MOBILITY_HEADER

TSHARK = shutil.which("tshark")
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 229)
ERROR, WARNING = "8388608", "6291456"
BU, BA, BRR = "5", "6", "0"
Dissected = list[tuple[Packet, dict[str, str]]]


def story() -> list[Packet]:
    """Away, a restart, another care-of address, another home agent, a refusal, home, a renewal."""
    mobile, home, other = Mobile(), Agent(HA_A), Agent(HA_B)
    agents = [home, other]
    passed = exchange(mobile, agents, mobile.goes(attach(COA_1)))
    mobile = Mobile()
    passed += exchange(mobile, agents, mobile.goes(attach(COA_2, NOW + 1), NOW + 1), NOW + 1)
    later = attach(COA_2, NOW + 2, HA_B)
    passed += exchange(mobile, agents, mobile.goes(later, NOW + 2), NOW + 2)
    other.status = Status.NOT_AUTHORISED
    later = attach(COA_1, NOW + 3, HA_B)
    passed += exchange(mobile, agents, mobile.goes(later, NOW + 3), NOW + 3)
    passed += exchange(mobile, agents, mobile.goes(attach(None, NOW + 4), NOW + 4), NOW + 4)
    forgetful = Agent(HA_A)
    arrived = [m for m in home.told if isinstance(m, r_xu.AttachNotification)]
    asked = forgetful.says(home.decision(arrived[-1]), NOW + 5)
    return passed + exchange(mobile, [forgetful, other], asked, NOW + 5)


def octets(packet: Packet) -> bytes:
    return assemble(
        packet.source,
        packet.destination,
        MOBILITY_HEADER,
        packet.data,
        home_address=packet.home_address,
        routed_to=packet.routed_to,
    )


def flattened(tree: Any) -> Iterator[tuple[str, str]]:
    for name, value in tree:
        if isinstance(value, list):
            yield from flattened(value)
        else:
            yield name, value


@pytest.fixture(scope="module")
def dissected(tmp_path_factory: pytest.TempPathFactory) -> Dissected:
    if TSHARK is None:
        pytest.skip("tshark is not installed")
    packets = story()
    capture = tmp_path_factory.mktemp("mipv6") / "story.pcap"
    whole = [octets(packet) for packet in packets]
    records = [struct.pack("<IIII", 0, 0, len(one), len(one)) + one for one in whole]
    capture.write_bytes(PCAP_HEADER + b"".join(records))
    run = subprocess.run(
        [TSHARK, "-r", str(capture), "-T", "json"], capture_output=True, check=True
    )
    frames = json.loads(run.stdout, object_pairs_hook=list)
    assert len(frames) == len(packets)
    fields = [dict(flattened(frame)) for frame in frames]
    return list(zip(packets, fields, strict=True))


def test_every_message_is_of_its_type_and_has_its_status(dissected: Dissected) -> None:
    types = [fields["mip6.mhtype"] for _, fields in dissected]
    statuses = [f["mip6.ba.status"] for _, f in dissected if f["mip6.mhtype"] == BA]
    assert types == [*[BU, BA] * 8, BRR, BU, BA]
    assert statuses == ["0", "135", "0", "0", "0", "129", "0", "0", "0"]


def test_no_packet_is_malformed_or_has_anything_else_wrong(dissected: Dissected) -> None:
    for _, fields in dissected:
        assert "_ws.malformed" not in fields
        assert fields.get("_ws.expert.severity") not in (ERROR, WARNING)


def test_extension_headers_are_those_of_section_9_5_4(dissected: Dissected) -> None:
    """Of an update from away a Home Address option, of its answer a type 2 routing header."""
    for packet, fields in dissected:
        option = fields.get("ipv6.opt.mipv6.home_address")
        header = fields.get("ipv6.routing.mipv6.home_address")
        away = HOA not in (packet.source, packet.destination)
        assert option == (str(HOA) if away and fields["mip6.mhtype"] == BU else None)
        assert header == (str(HOA) if away and fields["mip6.mhtype"] == BA else None)


def test_every_registration_says_whose_it_is_when_it_was_made_and_is_authenticated(
    dissected: Dissected,
) -> None:
    """RFC 4283, RFC 4285 §6 and §5.1."""
    for _, fields in dissected:
        if fields["mip6.mhtype"] != BRR:
            assert fields["mip6.mnid.identifier"] == "mn1@example.org"
            assert fields["mip6.mseg_id.timestamp"].startswith("Mar 17, 2100")
            assert (fields["mip6.auth.subtype"], fields["mip6.auth.mobility_spi"]) == ("1", "256")


def test_an_update_from_away_names_its_care_of_address(dissected: Dissected) -> None:
    _, first = dissected[0]
    assert first["mip6.acoa.acoa"] == first["ipv6.src"] == str(COA_1)
    assert (first["mip6.bu.a_flag"], first["mip6.bu.h_flag"], first["mip6.bu.k_flag"]) == (
        "1",
        "1",
        "0",
    )
