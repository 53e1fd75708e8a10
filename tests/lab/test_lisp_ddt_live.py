"""Two mapping authorities on the kernel, and a tunnel router of another make that asks one."""

import socket
import subprocess
from ipaddress import IPv6Address
from pathlib import Path

import pytest
import yaml
from standing import needs_namespaces

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.reading import load_deployment
from opendmm.lab import by_hand
from opendmm.lab.namespaces import Namespaces, inside
from opendmm.model.identity import NodeId
from opendmm.wire.lisp.codec import decode, encode
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import CONTROL_PORT, MapRequestFlags
from opendmm.wire.lisp.records import Question

EXAMPLE = Path(__file__).parents[2] / "examples" / "lisp-ddt.yaml"
NAME = "t-lispddt"
MOBILE = {"mn1": IPv6Address("2001:db8:a::100"), "mn2": IPv6Address("2001:db8:b::200")}

pytestmark = [pytest.mark.lab, pytest.mark.timeout(90), needs_namespaces]


def rloc(deployment: Deployment, node: str) -> IPv6Address:
    return IPv6Address(deployment.nodes[NodeId(node)].locator.address)


def question(eid: IPv6Address, itr: IPv6Address, nonce: int) -> bytes:
    request = MapRequest(
        nonce=nonce, itr_rlocs=(itr,), questions=(Question(eid=eid, mask_length=128),)
    )
    outer = EncapsulatedControl(
        source=itr, destination=eid, source_port=CONTROL_PORT, message=encode(request)
    )
    return encode(outer)


def test_whichever_authority_is_asked_the_one_that_serves_the_eid_answers_and_solicits(
    tmp_path: Path,
) -> None:
    path = tmp_path / "file.yaml"
    content = yaml.safe_load(EXAMPLE.read_text()) | {"constellation": NAME}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    deployment = load_deployment(path)
    by_hand.up(deployment, path, lambda _line: None)
    namespaces = Namespaces(NAME)
    itr = rloc(deployment, "cn")
    with inside(namespaces.name("cn")):
        asking = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        asking.bind((str(itr), CONTROL_PORT))
        asking.settimeout(5.0)
        by_hand.move(NAME, "mn1", "anchor-b")
        by_hand.move(NAME, "mn2", "anchor-a")
        others = {"mn1": ("map-server-b", "map-server-a"), "mn2": ("map-server-a", "map-server-b")}
        for nonce, (name, (asked, serves)) in enumerate(others.items(), 1):
            packed = question(MOBILE[name], itr, nonce)
            asking.sendto(packed, (str(rloc(deployment, asked)), CONTROL_PORT))
            data, sender = asking.recvfrom(4096)
            assert IPv6Address(sender[0]) == rloc(deployment, serves)
            reply = decode(data)
            assert isinstance(reply, MapReply)
            assert reply.nonce == nonce
            visited = {"mn1": "anchor-b", "mn2": "anchor-a"}[name]
            assert [one.address for one in reply.records[0].locators] == [rloc(deployment, visited)]
        by_hand.move(NAME, "mn1", "anchor-a")
        data, sender = asking.recvfrom(4096)
        solicitation = decode(data)
        assert isinstance(solicitation, MapRequest)
        assert solicitation.flags & MapRequestFlags.S
        assert str(solicitation.questions[0].prefix) == f"{MOBILE['mn1']}/128"
    finally:
        asking.close()
        namespaces.remove()
    left = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    assert NAME not in left
