"""What Wireshark's dissector makes of a whole return routability procedure and registration."""

import json
import re
import shutil
import struct
import subprocess
from typing import Any

import pytest
from route_optimisation_scene import CN, HERE, HOME, THERE, World

TSHARK = shutil.which("tshark")
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 229)
ERROR, WARNING = "8388608", "6291456"
WHOLE = ["1", "2", "3", "4", "5", "6"]
RENEWED = ["2", "4", "5", "6"]
DELETED = ["5", "6"]


@pytest.fixture(scope="module")
def dissected(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Away, elsewhere, home; then a Binding Refresh Request and a Binding Error."""
    if TSHARK is None:
        pytest.skip("tshark is not installed")
    world = World()
    world.move(HERE)
    world.talk()
    world.run(1)
    world.move(THERE)
    world.run(1)
    world.do(world.correspondent.unbound(HERE, CN, HOME, world.now))
    world.correspondent.used(CN, HOME)
    world.loss = 1.0
    world.do(world.correspondent.fire(world.now + 400))
    world.loss = 0.0
    world.move(HOME)
    world.run()
    capture = tmp_path_factory.mktemp("tshark") / "optimisation.pcap"
    records = [struct.pack("<IIII", 0, 0, len(data), len(data)) + data for data in world.sent]
    capture.write_bytes(PCAP_HEADER + b"".join(records))
    run = subprocess.run(
        [TSHARK, "-r", str(capture), "-T", "json"], capture_output=True, check=True
    )
    return [frame["_source"]["layers"] for frame in json.loads(run.stdout)]


def test_every_packet_is_a_mobility_header_of_the_right_type(
    dissected: list[dict[str, Any]],
) -> None:
    texts = [json.dumps(layers) for layers in dissected]
    types = [re.findall(r'"mip6.mhtype": "(\d+)"', text) for text in texts]
    assert types == [[kind] for kind in (*WHOLE, *RENEWED, "7", "0", *DELETED)]


def test_no_packet_is_malformed_or_has_anything_else_wrong(
    dissected: list[dict[str, Any]],
) -> None:
    text = json.dumps(dissected)
    for bad in ("_ws.malformed", ERROR, WARNING):
        assert bad not in text


def test_the_update_has_a_home_address_option_and_the_answer_a_type_2_routing_header(
    dissected: list[dict[str, Any]],
) -> None:
    update, answer = dissected[4], dissected[5]
    assert f'"ipv6.opt.mipv6.home_address": "{HOME}"' in json.dumps(update)
    assert f'"ipv6.routing.mipv6.home_address": "{HOME}"' in json.dumps(answer)
    assert update["ipv6"]["ipv6.src"] == answer["ipv6"]["ipv6.dst"] == str(HERE)


def test_at_home_there_is_neither(dissected: list[dict[str, Any]]) -> None:
    text = json.dumps(dissected[-2:])
    assert "ipv6.opt.mipv6.home_address" not in text
    assert "ipv6.routing" not in text
