"""A Map-Server for sites of other makes, on real sockets: registered at, and asked."""

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
import yaml
from standing import needs_namespaces

from opendmm.constellation.reading import load_deployment
from opendmm.lab import by_hand
from opendmm.lab.namespaces import Namespaces, inside
from opendmm.model.identity import NodeId
from opendmm.wire.lisp.authentication import LIBERAL, holds
from opendmm.wire.lisp.codec import decode, encode, receive
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import CONTROL_PORT, Action
from opendmm.wire.lisp.records import Question
from opendmm.wire.lisp.registrations import MapNotify

EXAMPLE = Path(__file__).parents[2] / "examples" / "lisp-map-server.yaml"
NAME = "t-lispms"
REGISTER = bytes.fromhex(
    "3a000901887766554433221100020020fd2845ce53159e047c3dce9ee45f8d636e4d3ba784a58d8a48e70cb644716bb9"
    "0000000a018010000000000220010db8f0000000000000000000000101640000000500010a090002"
    "000000000000000000000000000012340000000000000009"
)
"""By lispers.net: 2001:db8:f000::1 is at 10.9.0.2."""

pytestmark = [pytest.mark.lab, pytest.mark.timeout(60), needs_namespaces]


class Site:
    """The tunnel router of a site, as far as its control messages go."""

    def __init__(self, namespace: str, server: IPv4Address | IPv6Address, own: str) -> None:
        family = socket.AF_INET6 if server.version == 6 else socket.AF_INET
        with inside(namespace):
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((own, CONTROL_PORT))
        self._socket.settimeout(5.0)
        self._server = (str(server), CONTROL_PORT)

    def says(self, data: bytes) -> bytes:
        """What is answered."""
        self._socket.sendto(data, self._server)
        answer, sender = self._socket.recvfrom(2048)
        assert sender[0] == self._server[0]
        return answer

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespaces]:
    path = tmp_path_factory.mktemp("lisp") / "file.yaml"
    text = yaml.safe_load(EXAMPLE.read_text()) | {"constellation": NAME}
    path.write_text(yaml.safe_dump(text, sort_keys=False))
    by_hand.up(load_deployment(path), path, lambda _line: None)
    namespaces = Namespaces(NAME)
    try:
        yield namespaces
    finally:
        namespaces.remove()


@pytest.mark.parametrize("version", [6, 4])
def test_a_site_registers_and_is_found(laboratory: Namespaces, version: int) -> None:
    deployment = load_deployment(laboratory.constellation)
    addresses = [
        plan.locator.address if version == 6 else ip_address(plan.ipv4).packed
        for plan in (deployment.nodes[NodeId("map-server")], deployment.nodes[NodeId("branch")])
    ]
    server, own = map(ip_address, addresses)
    site = Site(laboratory.name("branch"), server, str(own))
    try:
        registered = site.says(REGISTER)
        notify = decode(registered)
        assert isinstance(notify, MapNotify)
        assert holds(receive(registered), b"secret", LIBERAL)
        assert where(site, own, "2001:db8:f000::1") == [IPv4Address("10.9.0.2")]
        assert where(site, own, "2001:db8:f000::2") == []
    finally:
        site.close()


def where(site: Site, own: IPv4Address | IPv6Address, text: str) -> list[object]:
    request = MapRequest(
        nonce=5,
        itr_rlocs=(own,),
        questions=(Question(eid=IPv6Address(text), mask_length=128),),
    )
    question = EncapsulatedControl(
        source=IPv6Address("fd00::1"),
        destination=IPv6Address(text),
        source_port=CONTROL_PORT,
        message=encode(request),
    )
    reply = decode(site.says(encode(question)))
    assert isinstance(reply, MapReply)
    assert reply.nonce == 5
    (record,) = reply.records
    assert record.locators or record.action is Action.NATIVELY_FORWARD
    return [one.address for one in record.locators]
