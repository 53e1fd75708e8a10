"""Live: a mobile node's own client on an access link, in namespaces of its own.

Run as a program, this file is the mobile node.
"""

import asyncio
import contextlib
import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from native_deployment import QUICK, A, Recorder, attach, filed, mobile_node

from opendmm.authority.material import load_node
from opendmm.bindings.native.access_link import kernel_access_link
from opendmm.bindings.native.limits import Endpoint
from opendmm.bindings.native.transport import NativeTransport
from opendmm.reference_points.catalogue import Envelope

CLONE_NEWNET = 0x40000000
LINK_LAYER_ID = "02:00:00:00:00:2a"


def ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True, capture_output=True)


@contextlib.contextmanager
def access_link() -> Iterator[tuple[str, str]]:
    """Two namespaces and a link between them, named as deployments name it."""
    anchor, mobile = (f"dmmt-access-{os.getpid()}-{end}" for end in ("an", "mn"))
    try:
        for name in (anchor, mobile):
            ended = subprocess.run(
                ["ip", "netns", "add", name], capture_output=True, text=True, check=False
            )
            if ended.returncode:
                pytest.skip(f"cannot make network namespaces here: {ended.stderr.strip()}")
        peer = f"peer name anchor-a index 902 netns {mobile}"
        ip(f"-n {anchor} link add mn1 index 901 type veth {peer}")
        ip(f"-n {mobile} link set anchor-a address {LINK_LAYER_ID}")
        for namespace, interface, address in (
            (anchor, "mn1", "fe80::1"),
            (mobile, "anchor-a", "fe80::2"),
        ):
            ip(f"-n {namespace} link set {interface} addrgenmode none")
            ip(f"-n {namespace} link set {interface} up")
            ip(f"-n {namespace} address add {address}/64 dev {interface} nodad")
        yield anchor, mobile
    finally:
        for name in (anchor, mobile):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def enter(namespace: str) -> None:
    """The calling thread works in a namespace from now on."""
    with open(f"/run/netns/{namespace}") as file:
        assert ctypes.CDLL(None).setns(file.fileno(), CLONE_NEWNET) == 0


async def anchor_hears(folder: Path, ready: threading.Event) -> Envelope:
    own = load_node(folder, A, time.time())
    seen = Recorder()
    transport = NativeTransport(
        own.tls, own.authority.registry, seen, addresses={}, listen=Endpoint("::"), limits=QUICK
    )
    await transport.start()
    ready.set()
    try:
        await seen.until(lambda me: bool(me.envelopes))
        return seen.envelopes[0]
    finally:
        await transport.close()


@pytest.mark.lab
def test_an_attachment_is_completed_from_the_link_it_comes_in_by(tmp_path: Path) -> None:
    folder = filed(tmp_path)
    heard: list[Envelope] = []
    ready = threading.Event()
    with access_link() as (anchor, mobile):

        def listen() -> None:
            enter(anchor)
            heard.append(asyncio.run(anchor_hears(folder, ready)))

        listening = threading.Thread(target=listen)
        listening.start()
        assert ready.wait(5)
        subprocess.run(
            ["ip", "netns", "exec", mobile, sys.executable, __file__, str(folder)],
            check=True,
            timeout=20,
        )
        listening.join(10)
    message = heard[0].message
    assert message.interface == "mn1"
    assert message.link_layer_id == bytes.fromhex(LINK_LAYER_ID.replace(":", ""))


def test_an_address_that_may_have_been_forwarded_is_on_no_access_link() -> None:
    for peer in (
        ("::1", 5, 0, 0),
        ("2001:db8::2", 5, 0, 3),
        ("fe80::2", 5, 0, 0),
        ("127.0.0.1", 5),
    ):
        assert kernel_access_link(peer) is None


async def be_mobile_node(folder: Path) -> None:
    async with mobile_node(folder, {}) as (transport, seen):
        transport.link_up(A, "anchor-a")
        await seen.reachable(A)
        transport.send(attach(A, interface="a lie", link_layer_id=b"another"))
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(be_mobile_node(Path(sys.argv[1])))
