"""ESP in transport mode in the kernel; where it has none, how that is said, and nothing is left.

The policies alone can be tried on every kernel: they let nothing pass that is not encrypted.
"""

import socket
from collections.abc import Iterator
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from standing import needs_namespaces

from opendmm.forwarding.kernel.errors import ForwardingUnavailableError
from opendmm.forwarding.kernel.transport_security import TransportSecurity
from opendmm.lab.namespaces import Namespaces, claim, configure, execute, inside
from opendmm.wire.mobility.numbers import MOBILITY_HEADER

KEY = bytes(range(16))
HERE, THERE, STRANGER = (IPv6Address(f"fd00:e::{n}") for n in (1, 2, 3))
HEARTBEAT = bytes.fromhex("3b010d000000000000000001000000000000")[:16]

pytestmark = [pytest.mark.lab, pytest.mark.timeout(60), needs_namespaces]


@pytest.fixture
def namespaces() -> Iterator[Namespaces]:
    """Two nodes and a link."""
    made = claim("t-esp")
    try:
        made.create(("here", "there"), Path("/nowhere.yaml"))
        far = made.name("there")
        configure(made.name("here"), [f"link add name wire type veth peer name wire netns {far}"])
        for name, addresses in (("here", [HERE]), ("there", [THERE, STRANGER])):
            lines = [f"addr add {address}/64 dev wire nodad" for address in addresses]
            configure(made.name(name), ["link set lo up", *lines, "link set wire up"])
        yield made
    finally:
        made.remove()


def kernel_has_esp(namespaces: Namespaces) -> bool:
    with inside(namespaces.name("here")):
        security = TransportSecurity(HERE, {THERE: KEY}, MOBILITY_HEADER)
        try:
            security.start()
        except ForwardingUnavailableError:
            return False
        security.close()
        return True


def xfrm(namespaces: Namespaces, node: str, what: str) -> str:
    return execute(namespaces.name(node), "ip", "xfrm", what)


def raw(namespaces: Namespaces, node: str, address: IPv6Address) -> socket.socket:
    with inside(namespaces.name(node)):
        opened = socket.socket(socket.AF_INET6, socket.SOCK_RAW, MOBILITY_HEADER)
    opened.bind((str(address), 0))
    opened.settimeout(1.0)
    return opened


def arrives(sender: socket.socket, receiver: socket.socket, to: IPv6Address) -> bool:
    try:
        for _ in range(3):
            sender.sendto(HEARTBEAT, (str(to), 0))
        return bool(receiver.recv(2048))
    except OSError:  # a timeout, or what the kernel says of a policy without an association
        return False


def comes_up(sender: socket.socket, receiver: socket.socket, to: IPv6Address) -> bool:
    """A new link takes its time."""
    return any(arrives(sender, receiver, to) for _ in range(5))


def test_a_kernel_without_it_is_told_of_and_nothing_is_left(namespaces: Namespaces) -> None:
    if kernel_has_esp(namespaces):
        pytest.skip("this kernel has ESP")
    with inside(namespaces.name("here")):
        security = TransportSecurity(HERE, {THERE: KEY}, MOBILITY_HEADER)
        with pytest.raises(ForwardingUnavailableError, match="CONFIG_INET6_ESP"):
            security.start()
    assert xfrm(namespaces, "here", "policy") == xfrm(namespaces, "here", "state") == ""


def test_policies_let_nothing_pass_in_clear(namespaces: Namespaces) -> None:
    sender, receiver = raw(namespaces, "there", THERE), raw(namespaces, "here", HERE)
    stranger = raw(namespaces, "there", STRANGER)
    assert comes_up(sender, receiver, HERE)
    with inside(namespaces.name("here")):
        security = TransportSecurity(HERE, {THERE: KEY}, MOBILITY_HEADER)
        security.demand()
    said = xfrm(namespaces, "here", "policy")
    assert said.count("proto esp reqid 173 mode transport") == 2
    assert f"src {THERE}/128 dst {HERE}/128 proto mobility-header" in said or "proto 135" in said
    while True:
        try:
            receiver.settimeout(0.2)
            receiver.recv(2048)
        except TimeoutError:
            break
    assert not arrives(sender, receiver, HERE)
    assert not arrives(receiver, sender, THERE)
    assert arrives(stranger, receiver, HERE)
    with inside(namespaces.name("here")):
        security.close()
    assert xfrm(namespaces, "here", "policy") == ""
    assert arrives(sender, receiver, HERE)


def test_what_is_encrypted_arrives(namespaces: Namespaces) -> None:
    if not kernel_has_esp(namespaces):
        pytest.skip("this kernel has no ESP")
    for node, own, peer in (("here", HERE, THERE), ("there", THERE, HERE)):
        with inside(namespaces.name(node)):
            TransportSecurity(own, {peer: KEY}, MOBILITY_HEADER).start()
    sender, receiver = raw(namespaces, "there", THERE), raw(namespaces, "here", HERE)
    assert arrives(sender, receiver, HERE)
    assert arrives(receiver, sender, THERE)
    assert "lifetime current" in xfrm(namespaces, "here", "state")
