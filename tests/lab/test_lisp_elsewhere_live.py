"""Anchors that register with a Map-Server which is not of their constellation, on real sockets."""

import socket
import threading
import time
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import pytest
import yaml
from standing import needs_namespaces

from opendmm.bindings.lisp.map_server import MapServer
from opendmm.bindings.lisp.outputs import Send
from opendmm.bindings.lisp.sites import Eid, Site
from opendmm.constellation.reading import load_deployment
from opendmm.lab import by_hand
from opendmm.lab.namespaces import Namespaces, inside
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.wire.lisp.numbers import CONTROL_PORT

EXAMPLE = Path(__file__).parents[2] / "examples" / "cooperative.yaml"
NAME = "t-lispels"
KEY = "of our site"
MOBILE = Eid(0, HomePrefix.parse("2001:db8:a::100/128"))

pytestmark = [pytest.mark.lab, pytest.mark.timeout(60), needs_namespaces]


class Elsewhere(threading.Thread):
    """A Map-Server at the correspondent's."""

    def __init__(self, namespace: str, address: IPv6Address) -> None:
        super().__init__(daemon=True)
        pools = tuple(Eid(0, HomePrefix.parse(p)) for p in ("2001:db8:a::/48", "10.10.0.0/16"))
        self.server = MapServer([Site(name="ours", eids=pools, keys={0: KEY.encode()})], address)
        with inside(namespace):
            self._socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._socket.bind((str(address), CONTROL_PORT))
        self._socket.settimeout(0.2)
        self._over = False

    def run(self) -> None:
        while not self._over:
            try:
                data, sender = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            for one in self.server.receive(data, ip_address(sender[0]), time.time()):
                if isinstance(one, Send):
                    self._socket.sendto(one.data, (str(one.to), one.port))

    def close(self) -> None:
        self._over = True
        self.join()
        self._socket.close()

    def has_it(self, rloc: IPv6Address) -> bool:
        """Within a while."""
        for _ in range(50):
            registered = self.server.registry.get(MOBILE)
            if registered is not None and registered.locators[0].address == rloc:
                return True
            time.sleep(0.1)
        return False


@pytest.fixture
def laboratory(tmp_path: Path) -> Iterator[Namespaces]:
    path = tmp_path / "file.yaml"
    content = yaml.safe_load(EXAMPLE.read_text()) | {"constellation": NAME}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    address = str(load_deployment(path).nodes[NodeId("cn")].locator)
    content["lisp"] = {"map_servers": [{"address": address, "key": KEY}]}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    by_hand.up(load_deployment(path), path, lambda _line: None)
    namespaces = Namespaces(NAME)
    try:
        yield namespaces
    finally:
        namespaces.remove()


def test_every_move_is_registered_elsewhere_and_who_was_told_is_solicited(
    laboratory: Namespaces,
) -> None:
    nodes = load_deployment(laboratory.constellation).nodes
    rlocs = {
        name: IPv6Address(nodes[NodeId(name)].locator.address) for name in ("anchor-a", "anchor-b")
    }
    elsewhere = Elsewhere(laboratory.name("cn"), IPv6Address(nodes[NodeId("cn")].locator.address))
    elsewhere.start()
    try:
        assert elsewhere.has_it(rlocs["anchor-a"])
        for anchor in ("anchor-b", "anchor-a"):
            by_hand.move(NAME, "mn1", anchor)
            assert elsewhere.has_it(rlocs[anchor])
    finally:
        elsewhere.close()
