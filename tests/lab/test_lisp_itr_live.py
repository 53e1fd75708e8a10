"""Packets of a mobile node to a site of another make, on real sockets and forwarding."""

import json
import socket
import subprocess
import threading
import time
from ipaddress import IPv6Address
from pathlib import Path

import pytest
import yaml
from standing import needs_namespaces

from opendmm.constellation.reading import load_deployment
from opendmm.lab import by_hand
from opendmm.lab.namespaces import Namespaces, inside
from opendmm.model.identity import NodeId
from opendmm.wire.lisp.codec import decode, encode, receive_inner
from opendmm.wire.lisp.data_header import DataHeader
from opendmm.wire.lisp.encapsulated import EncapsulatedControl
from opendmm.wire.lisp.messages import MapReply, MapRequest
from opendmm.wire.lisp.numbers import CONTROL_PORT, LocatorFlags
from opendmm.wire.lisp.records import EidRecord, Locator

EXAMPLE = Path(__file__).parents[2] / "examples" / "lisp-pubsub.yaml"
NAME = "t-lispitr"
DATA_PORT = 4341
UDP_NO_CHECK6_RX = 102
"""linux/udp.h: the outer checksum is zero (RFC 9300 §5.3)."""
HOME, EID = "2001:db8:a::100", "2001:db8:f000::7"

pytestmark = [pytest.mark.lab, pytest.mark.timeout(60), needs_namespaces]


class Site(threading.Thread):
    """A Map-Resolver and the ETR of a site, at the correspondent's."""

    def __init__(self, namespace: str, rloc: IPv6Address) -> None:
        super().__init__(daemon=True)
        self._rloc = rloc
        with inside(namespace):
            self._control, self._data = (
                socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(2)
            )
        self._control.bind((str(rloc), CONTROL_PORT))
        self._data.setsockopt(socket.IPPROTO_UDP, UDP_NO_CHECK6_RX, 1)
        self._data.bind((str(rloc), DATA_PORT))
        self._control.settimeout(0.2)
        self._data.settimeout(5.0)
        self.asked: list[str] = []
        self._over = False

    def run(self) -> None:
        while not self._over:
            try:
                data, _ = self._control.recvfrom(4096)
            except TimeoutError:
                continue
            outer = decode(data)
            assert isinstance(outer, EncapsulatedControl)
            request = receive_inner(outer).message
            assert isinstance(request, MapRequest)
            self.asked.append(str(request.questions[0].prefix))
            locator = Locator(address=self._rloc, flags=LocatorFlags.L | LocatorFlags.R)
            record = EidRecord(
                eid=IPv6Address("2001:db8:f000::"), mask_length=64, ttl=5, locators=(locator,)
            )
            reply = MapReply(nonce=request.nonce, records=(record,))
            self._control.sendto(encode(reply), (str(request.itr_rlocs[0]), outer.source_port))

    def received(self) -> tuple[DataHeader, bytes]:
        data, _ = self._data.recvfrom(4096)
        return DataHeader.read(data), data[8:]

    def close(self) -> None:
        self._over = True
        self.join()
        self._control.close()
        self._data.close()


def lead_to_the_ingress(namespace: str, beyond: IPv6Address) -> None:
    """As a default route would, which a laboratory has none of."""
    ip = ["ip", "-j", "-6", "-n", namespace, "route"]
    told = subprocess.run([*ip, "get", str(beyond)], capture_output=True, check=True).stdout
    (way,) = json.loads(told)
    subprocess.run([*ip, "add", "2001:db8:f000::/48", "via", way["gateway"]], check=True)


def test_a_packet_to_a_site_of_another_make_asks_and_the_next_ones_are_encapsulated(
    tmp_path: Path,
) -> None:
    path = tmp_path / "file.yaml"
    content = yaml.safe_load(EXAMPLE.read_text()) | {"constellation": NAME}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    rloc = IPv6Address(load_deployment(path).nodes[NodeId("cn")].locator.address)
    content["lisp"] = {"map_resolvers": [str(rloc)], "eid_prefixes": ["2001:db8:f000::/48"]}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    by_hand.up(load_deployment(path), path, lambda _line: None)
    namespaces = Namespaces(NAME)
    lead_to_the_ingress(namespaces.name("anchor-a"), rloc)
    site = Site(namespaces.name("cn"), rloc)
    site.start()
    with inside(namespaces.name("mn1")):
        sending = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        sending.bind((HOME, 0))
        for _ in range(20):
            sending.sendto(b"from the mobile node", (EID, 9))
            time.sleep(0.02)
        header, packet = site.received()
        assert header == DataHeader()
        assert packet[8:24] == IPv6Address(HOME).packed
        assert packet[24:40] == IPv6Address(EID).packed
        assert packet.endswith(b"from the mobile node")
        assert site.asked == [f"{EID}/128"]
    finally:
        sending.close()
        site.close()
        namespaces.remove()
