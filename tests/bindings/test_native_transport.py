"""The native binding over loopback: two nodes meet, speak, part and meet again."""

import asyncio
import time
from pathlib import Path

from native_deployment import CONTROL, MN, QUICK, A, B, at, attach, filed, lookup, mobile_node, node

from opendmm.authority.material import load_node
from opendmm.bindings.native.admission import AccessLink
from opendmm.bindings.native.codec import Hello, encode
from opendmm.bindings.native.tls import client_context
from opendmm.model.identity import NodeId


def test_an_envelope_arrives_as_it_was_sent(tmp_path: Path) -> None:
    async def story() -> None:
        folder = filed(tmp_path)
        async with (
            node(folder, CONTROL) as (control, at_control),
            node(folder, A, {CONTROL: control.port}) as (anchor, at_anchor),
        ):
            await at_anchor.reachable(CONTROL)
            await at_control.reachable(A)
            anchor.send(lookup(A, CONTROL))
            await at_control.until(lambda me: bool(me.envelopes))
            assert at_control.envelopes == [lookup(A, CONTROL)]
            assert control.statistics()[A].received == 1
            assert anchor.statistics()[CONTROL].sent == 1

    asyncio.run(story())


def test_nodes_that_dial_each_other_end_with_one_session(tmp_path: Path) -> None:
    async def story() -> None:
        folder = filed(tmp_path)
        async with node(folder, A) as (a, at_a), node(folder, B) as (b, at_b):
            a.set_deployment(a.registry, {B: at(b.port)})
            b.set_deployment(b.registry, {A: at(a.port)})
            a.set_peers(frozenset({B}))
            b.set_peers(frozenset({A}))
            await at_a.reachable(B)
            await at_b.reachable(A)
            await asyncio.sleep(0.5)
            assert a.connections == b.connections == 1
            assert (B, False) not in at_a.peers
            assert (A, False) not in at_b.peers

    asyncio.run(story())


def test_a_peer_that_comes_back_is_reported_reachable_again(tmp_path: Path) -> None:
    async def story() -> None:
        folder = filed(tmp_path)
        async with node(folder, CONTROL) as (control, _):
            port = control.port
            async with node(folder, A, {CONTROL: port}) as (_, at_anchor):
                await at_anchor.reachable(CONTROL)
                await control.close()
                await at_anchor.unreachable(CONTROL)
                async with node(folder, CONTROL, listen=at(port)):
                    await at_anchor.reachable(CONTROL, times=2)

    asyncio.run(story())


def test_what_the_mobile_node_cannot_know_comes_from_the_connection(tmp_path: Path) -> None:
    async def story() -> None:
        folder = filed(tmp_path)
        here = AccessLink("mn1", b"\x02\0\0\0\0\1")
        async with (
            node(folder, A, access=lambda _peer: here) as (anchor, at_anchor),
            mobile_node(folder, {A: anchor.port}) as (mobile, at_mobile),
        ):
            await at_mobile.reachable(A)
            mobile.send(attach(A, interface="core0", link_layer_id=b"liar"))
            await at_anchor.until(lambda me: bool(me.envelopes))
            message = at_anchor.envelopes[0].message
            assert (message.interface, message.link_layer_id) == ("mn1", here.link_layer_id)
            assert (NodeId(MN), True) in at_anchor.peers

    asyncio.run(story())


def test_a_link_that_comes_back_gets_a_new_session_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        folder = filed(tmp_path)
        async with (
            node(folder, A) as (anchor, at_anchor),
            mobile_node(folder, {A: anchor.port}) as (mobile, at_mobile),
        ):
            await at_mobile.reachable(A)
            # Loopback stands for the link; its anchor has the same address again.
            mobile.set_peers(frozenset())
            mobile.set_peers(frozenset({A}))
            await at_mobile.reachable(A, times=2)
            await at_anchor.reachable(NodeId(MN), times=2)
            assert anchor.connections == 1

    asyncio.run(story())


def test_a_peer_that_cannot_be_reached_is_reported_once(tmp_path: Path) -> None:
    async def story() -> None:
        folder = filed(tmp_path)
        async with node(folder, A, {CONTROL: 1}) as (_, at_anchor):
            await at_anchor.unreachable(CONTROL)
            await asyncio.sleep(3 * QUICK.liveness.dead)
            assert at_anchor.peers == [(CONTROL, False)]

    asyncio.run(story())


def test_what_is_sent_to_a_peer_without_a_session_is_counted_and_forgotten(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        folder = filed(tmp_path)
        async with node(folder, A) as (anchor, _):
            anchor.send(lookup(A, CONTROL))
            assert anchor.statistics()[CONTROL].dropped == 1

    asyncio.run(story())


def test_a_message_over_a_reference_point_the_peer_does_not_know_is_not_sent(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        folder = filed(tmp_path)
        async with node(folder, CONTROL) as (control, at_control):
            files = load_node(folder, A, time.time()).tls
            _, writer = await asyncio.open_connection(
                "::1", control.port, ssl=client_context(files), server_hostname=""
            )
            writer.write(encode(Hello(node=A, instance=1, reference_points=("R_XA",))))
            await at_control.reachable(A)
            control.send(lookup(CONTROL, A))
            assert control.statistics()[A].dropped == 1
            writer.close()

    asyncio.run(story())


def test_ten_thousand_envelopes_arrive_in_order(tmp_path: Path) -> None:
    async def story() -> None:
        folder = filed(tmp_path)
        async with (
            node(folder, CONTROL) as (control, at_control),
            node(folder, A, {CONTROL: control.port}) as (anchor, at_anchor),
        ):
            await at_anchor.reachable(CONTROL)
            sent = [lookup(A, CONTROL, f"mn{number}") for number in range(10_000)]
            for envelope in sent:
                anchor.send(envelope)
            await at_control.until(lambda me: len(me.envelopes) == len(sent))
            assert at_control.envelopes == sent
            assert anchor.statistics()[CONTROL].queued_frames == 0

    asyncio.run(story())
