"""What a hostile or broken peer may try on the native port, each attempt a sentence."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from native_deployment import (
    CONTROL,
    LOOPBACK,
    MN,
    QUICK,
    ROLES,
    A,
    B,
    C,
    Recorder,
    at,
    attach,
    filed,
    lookup,
    made,
    mobile_node,
    node,
)

from opendmm.authority.certificates import CertificateAuthority
from opendmm.authority.material import Roles, TlsFiles, load_mobile_node, load_node, write
from opendmm.authority.names import NodeName
from opendmm.bindings.native.codec import Hello, KeepAlive, encode
from opendmm.bindings.native.limits import Limits
from opendmm.bindings.native.tls import PROTOCOLS, client_context
from opendmm.bindings.native.transport import NativeTransport
from opendmm.model.identity import EntityAddress, FunctionalEntity, NodeId
from opendmm.reference_points import r_xa, r_xc
from opendmm.reference_points.catalogue import CATALOGUE, Envelope, ReferencePointName

Attack = Callable[[NativeTransport, Recorder, Path], Awaitable[None]]


def against_control(folder: Path, attack: Attack, **options: Any) -> None:
    """Run an attack on a node that also has an honest peer; that one must not notice."""

    async def story() -> None:
        async with (
            node(folder, CONTROL, **options) as (control, at_control),
            node(folder, B, {CONTROL: control.port}) as (honest, at_honest),
        ):
            await at_honest.reachable(CONTROL)
            await attack(control, at_control, folder)
            at_control.envelopes.clear()
            honest.send(lookup(B, CONTROL))
            await at_control.until(lambda me: lookup(B, CONTROL) in me.envelopes)
            assert at_honest.peers == [(CONTROL, True)]

    asyncio.run(story())


async def dial(
    control: NativeTransport, tls: TlsFiles
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = client_context(tls)
    return await asyncio.open_connection(LOOPBACK, control.port, ssl=context, server_hostname="")


def tls_of(folder: Path, name: NodeId) -> TlsFiles:
    return load_node(folder, name, time.time()).tls


def hello(name: NodeId, instance: int = 1) -> bytes:
    points = tuple(str(point) for point in CATALOGUE)
    return encode(Hello(node=name, instance=instance, reference_points=points))


async def all_until_closed(reader: asyncio.StreamReader) -> bytes:
    """What the other end still says; empty or more, but it must hang up."""
    async with asyncio.timeout(3):
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            return await reader.read()
    return b""


def test_garbage_without_tls_is_hung_up_on(tmp_path: Path) -> None:
    async def attack(control: NativeTransport, _seen: Recorder, _folder: Path) -> None:
        reader, writer = await asyncio.open_connection(LOOPBACK, control.port)
        writer.write(b"\x00\x00\x00\x05hello" * 100)
        await all_until_closed(reader)
        writer.close()

    against_control(filed(tmp_path), attack)


def test_a_caller_who_is_not_believed_is_logged_with_address_and_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = filed(tmp_path / "other")

    async def attack(control: NativeTransport, _seen: Recorder, folder: Path) -> None:
        theirs, ca = tls_of(other, A), tls_of(folder, A).ca_certificate
        stranger = TlsFiles(theirs.holder, theirs.certificate, theirs.key, ca)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            reader, writer = await dial(control, stranger)
            await all_until_closed(reader)
            writer.close()
        (said,) = (r for r in caplog.records if r.message == "caller-refused")
        fields = vars(said)["fields"]
        assert fields["caller"] == LOOPBACK
        assert "its certificate is not believed" in fields["why"]
        assert "_ssl.c" not in fields["why"]

    against_control(filed(tmp_path / "ours"), attack)


def test_a_plaintext_client_that_speaks_the_protocol_gets_no_session(tmp_path: Path) -> None:
    async def attack(control: NativeTransport, seen: Recorder, _folder: Path) -> None:
        reader, writer = await asyncio.open_connection(LOOPBACK, control.port)
        writer.write(hello(A) + encode(lookup(A, CONTROL)))
        await all_until_closed(reader)
        assert not seen.envelopes
        assert (A, True) not in seen.peers
        writer.close()

    against_control(filed(tmp_path), attack)


def test_a_certificate_of_another_ca_gets_no_session(tmp_path: Path) -> None:
    other = filed(tmp_path / "other")

    async def attack(control: NativeTransport, seen: Recorder, folder: Path) -> None:
        stranger, honest = tls_of(other, A), tls_of(folder, A)
        mixed = TlsFiles(stranger.holder, stranger.certificate, stranger.key, honest.ca_certificate)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            reader, writer = await dial(control, mixed)
            writer.write(hello(A) + encode(lookup(A, CONTROL)))
            await all_until_closed(reader)
            writer.close()
        assert not seen.envelopes
        assert (A, True) not in seen.peers

    against_control(filed(tmp_path / "ours"), attack)


def test_an_expired_certificate_gets_no_session(tmp_path: Path) -> None:
    folder = tmp_path
    long_ago = time.time() - 7200
    material = made()
    write(material, folder)
    ca = CertificateAuthority.read(material.ca_certificate, material.ca_key)
    certificate, key = ca.issue(NodeName(A), long_ago, 3600)
    (folder / "nodes" / A / "certificate.pem").write_bytes(certificate)
    (folder / "nodes" / A / "tls-key.pem").write_bytes(key)

    async def attack(control: NativeTransport, seen: Recorder, folder: Path) -> None:
        async with node(folder, A, {CONTROL: control.port}) as (_, at_anchor):
            await at_anchor.unreachable(CONTROL)
        assert (A, True) not in seen.peers

    against_control(folder, attack)


def test_a_node_cannot_introduce_itself_as_another(tmp_path: Path) -> None:
    async def attack(control: NativeTransport, seen: Recorder, folder: Path) -> None:
        reader, writer = await dial(control, tls_of(folder, A))
        writer.write(hello(C) + encode(lookup(C, CONTROL)))
        said = await all_until_closed(reader)
        assert b"the certificate is of anchor-a, not of anchor-c" in said
        assert not seen.envelopes
        writer.close()

    against_control(filed(tmp_path), attack)


def test_a_node_that_answers_for_another_is_not_spoken_to(tmp_path: Path) -> None:
    async def attack(control: NativeTransport, _seen: Recorder, folder: Path) -> None:
        # A is told that C is at CONTROL's address.
        async with node(folder, A, {C: control.port}) as (anchor, at_anchor):
            await at_anchor.unreachable(C)
            assert (C, True) not in at_anchor.peers
            assert "control answers where anchor-c should be" in anchor.statistics()[C].reason

    against_control(filed(tmp_path), attack)


def test_a_forged_sender_node_is_refused(tmp_path: Path) -> None:
    async def attack(control: NativeTransport, seen: Recorder, folder: Path) -> None:
        async with node(folder, A, {CONTROL: control.port}) as (anchor, at_anchor):
            await at_anchor.reachable(CONTROL)
            anchor.send(lookup(C, CONTROL))
            anchor.send(lookup(A, CONTROL))
            await seen.until(lambda me: bool(me.envelopes))
            assert seen.envelopes == [lookup(A, CONTROL)]
            assert control.statistics()[A].refused == 1

    against_control(filed(tmp_path), attack)


def test_a_role_that_is_not_in_the_registry_is_refused(tmp_path: Path) -> None:
    async def attack(control: NativeTransport, seen: Recorder, folder: Path) -> None:
        async with node(folder, A, {CONTROL: control.port}) as (anchor, at_anchor):
            await at_anchor.reachable(CONTROL)
            # An anchor that is no FE_IEC plays one.
            as_controller = Envelope(
                ReferencePointName.R_XC,
                EntityAddress(A, FunctionalEntity.FE_IEC),
                EntityAddress(CONTROL, FunctionalEntity.FE_MCTX),
                r_xc.ContextFound(mobile_node=MN, contexts=()),
            )
            anchor.send(as_controller)
            anchor.send(lookup(A, CONTROL))
            await seen.until(lambda me: bool(me.envelopes))
            assert seen.envelopes == [lookup(A, CONTROL)]

    against_control(filed(tmp_path), attack)


def test_a_certified_node_that_the_registry_does_not_know_gets_no_session(tmp_path: Path) -> None:
    folder = tmp_path
    material = made()
    write(material, folder)
    ca = CertificateAuthority.read(material.ca_certificate, material.ca_key)
    certificate, key = ca.issue(NodeName(NodeId("stranger")), time.time(), 3600)
    (folder / "nodes" / A / "certificate.pem").write_bytes(certificate)
    (folder / "nodes" / A / "tls-key.pem").write_bytes(key)

    async def attack(control: NativeTransport, _seen: Recorder, folder: Path) -> None:
        reader, writer = await dial(control, tls_of(folder, A))
        writer.write(hello(NodeId("stranger")))
        assert b"the registry knows no node stranger" in await all_until_closed(reader)
        writer.close()

    against_control(folder, attack)


@pytest.mark.parametrize(
    ("octets", "complaint"),
    [
        (b"\xff\xff\xff\xff", b"a frame of 4294967295 octets"),
        (b"\x00\x00\x00\x02\xc1\xc1", b"no frame"),
        (encode(KeepAlive()), b"KeepAlive before Hello"),
        (encode(lookup(A, CONTROL)), b"Envelope before Hello"),
    ],
)
def test_garbage_from_a_certified_node_ends_its_session_with_a_reason(
    tmp_path: Path, octets: bytes, complaint: bytes
) -> None:
    async def attack(control: NativeTransport, seen: Recorder, folder: Path) -> None:
        reader, writer = await dial(control, tls_of(folder, A))
        writer.write(octets)
        assert complaint in await all_until_closed(reader)
        assert (A, True) not in seen.peers
        writer.close()

    against_control(filed(tmp_path), attack)


def test_an_oversized_frame_ends_the_session_before_it_is_read(tmp_path: Path) -> None:
    async def attack(control: NativeTransport, seen: Recorder, folder: Path) -> None:
        reader, writer = await dial(control, tls_of(folder, A))
        writer.write(hello(A) + (1 << 21).to_bytes(4, "big"))
        assert b"a frame of 2097152 octets, more than 1048576" in await all_until_closed(reader)
        await seen.unreachable(A)
        writer.close()

    against_control(filed(tmp_path), attack)


def test_tls_1_2_is_refused(tmp_path: Path) -> None:
    async def attack(control: NativeTransport, _seen: Recorder, folder: Path) -> None:
        files = tls_of(folder, A)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(files.ca_certificate)
        context.load_cert_chain(files.certificate, files.key)
        context.set_alpn_protocols(list(PROTOCOLS))
        _, accepted = await asyncio.open_connection(
            LOOPBACK, control.port, ssl=context, server_hostname=""
        )
        accepted.close()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await asyncio.open_connection(LOOPBACK, control.port, ssl=context, server_hostname="")

    against_control(filed(tmp_path), attack)


def test_a_client_of_another_version_is_told_which_are_spoken(tmp_path: Path) -> None:
    async def attack(control: NativeTransport, seen: Recorder, folder: Path) -> None:
        context = client_context(tls_of(folder, A))
        context.set_alpn_protocols(["opendmm/99"])
        reader, writer = await asyncio.open_connection(
            LOOPBACK, control.port, ssl=context, server_hostname=""
        )
        writer.write(hello(A))
        assert b"no common version: this end speaks opendmm/1" in await all_until_closed(reader)
        assert (A, True) not in seen.peers
        writer.close()

    against_control(filed(tmp_path), attack)


def test_a_mobile_node_speaks_for_itself_alone_and_over_r_xu_alone(tmp_path: Path) -> None:
    async def story() -> None:
        folder = filed(tmp_path)
        async with (
            node(folder, A) as (anchor, at_anchor),
            mobile_node(folder, {A: anchor.port}) as (mobile, at_mobile),
        ):
            await at_mobile.reachable(A)
            mobile.send(attach(A, mobile_node="victim@example.org"))
            import_as_mctx = Envelope(
                ReferencePointName.R_XA,
                EntityAddress(NodeId(MN), FunctionalEntity.FE_MCTX),
                EntityAddress(A, FunctionalEntity.FE_MA_C),
                r_xa.ContextQuery(mobile_node=MN, home_anchor=A),
            )
            mobile.send(import_as_mctx)
            # Not over an access link: loopback is none.
            mobile.send(attach(A))
            await _until(lambda: anchor.statistics()[NodeId(MN)].refused == 3)
            assert not at_anchor.envelopes

    asyncio.run(story())


def test_connections_that_say_nothing_do_not_keep_others_out(tmp_path: Path) -> None:
    async def attack(control: NativeTransport, _seen: Recorder, folder: Path) -> None:
        silent = [socket.create_connection((LOOPBACK, control.port)) for _ in range(100)]
        try:
            async with node(folder, A, {CONTROL: control.port}) as (_, at_anchor):
                await at_anchor.reachable(CONTROL)
            assert control.connections < 80
        finally:
            for connection in silent:
                connection.close()

    against_control(filed(tmp_path), attack)


def test_a_handshake_that_is_never_finished_is_given_up(tmp_path: Path) -> None:
    async def attack(control: NativeTransport, _seen: Recorder, _folder: Path) -> None:
        reader, writer = await asyncio.open_connection(LOOPBACK, control.port)
        writer.write(b"\x16\x03\x01")
        began = time.monotonic()
        await all_until_closed(reader)
        assert time.monotonic() - began < 2 * QUICK.handshake
        writer.close()

    against_control(filed(tmp_path), attack)


def test_a_hello_in_single_octets_is_given_up(tmp_path: Path) -> None:
    async def attack(control: NativeTransport, _seen: Recorder, folder: Path) -> None:
        reader, writer = await dial(control, tls_of(folder, A))
        closed = asyncio.create_task(all_until_closed(reader))
        for octet in hello(A)[:-1]:
            if closed.done():
                break
            writer.write(bytes([octet]))
            await asyncio.sleep(0.1)
        assert closed.done()
        writer.close()

    against_control(filed(tmp_path), attack)


def test_a_slow_reader_delays_nobody_and_is_resynchronised(tmp_path: Path) -> None:
    folder = filed(tmp_path)
    few = Limits(
        queued_frames=1000,
        queued_octets=1 << 20,
        first_retry=0.01,
        last_retry=0.1,
        liveness=QUICK.liveness,
    )

    async def attack(control: NativeTransport, seen: Recorder, folder: Path) -> None:
        _, writer = await dial(control, tls_of(folder, A))
        # Introduces itself, then takes nothing but says that it is alive.
        writer.write(hello(A))
        await seen.reachable(A)
        # asyncio's own way to stop taking octets off a connection.
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        answer = Envelope(
            ReferencePointName.R_XC,
            EntityAddress(CONTROL, FunctionalEntity.FE_IEC),
            EntityAddress(A, FunctionalEntity.FE_MCTX),
            r_xc.ContextFound(mobile_node=MN, contexts=()),
        )
        slowest = 0.0
        while (A, False) not in seen.peers:
            for _ in range(500):
                control.send(answer)
            writer.write(encode(KeepAlive()))
            asked = time.monotonic()
            await asyncio.sleep(0)
            slowest = max(slowest, time.monotonic() - asked)
            statistics = control.statistics()[A]
            assert statistics.queued_octets <= few.queued_octets
        assert slowest < 0.3
        assert "too slow" in control.statistics()[A].reason
        writer.transport.abort()
        async with node(folder, A, {CONTROL: control.port}):
            await seen.reachable(A, times=2)

    against_control(folder, attack, limits=few)


def test_a_half_open_peer_is_noticed(tmp_path: Path) -> None:
    async def attack(control: NativeTransport, seen: Recorder, folder: Path) -> None:
        reader, writer = await dial(control, tls_of(folder, A))
        writer.write(hello(A))
        await seen.reachable(A)
        # From here on it says nothing, and its kernel would go on acknowledging for ever.
        began = time.monotonic()
        await seen.unreachable(A)
        assert time.monotonic() - began < 2 * QUICK.liveness.dead
        assert "nothing heard" in control.statistics()[A].reason
        writer.close()
        del reader

    against_control(filed(tmp_path), attack)


def test_a_restarted_peer_replaces_its_former_self_at_once(tmp_path: Path) -> None:
    async def attack(control: NativeTransport, seen: Recorder, folder: Path) -> None:
        _, first = await dial(control, tls_of(folder, A))
        first.write(hello(A, instance=1))
        await seen.reachable(A)
        _, second = await dial(control, tls_of(folder, A))
        second.write(hello(A, instance=2))
        await seen.reachable(A, times=2)
        assert [up for peer, up in seen.peers if peer == A] == [True, False, True]
        first.close()
        second.close()

    against_control(filed(tmp_path), attack)


def test_a_mobile_node_with_the_name_of_a_network_element_gets_no_session(
    tmp_path: Path,
) -> None:
    folder = filed(tmp_path, {**ROLES, NodeId(MN): Roles((FunctionalEntity.FE_MCTX,))})

    async def attack(control: NativeTransport, seen: Recorder, folder: Path) -> None:
        reader, writer = await dial(control, load_mobile_node(folder, MN, time.time()).tls)
        writer.write(hello(NodeId(MN)))
        assert b"has the name of a network element" in await all_until_closed(reader)
        assert (NodeId(MN), True) not in seen.peers
        writer.close()

    against_control(folder, attack)


def test_a_node_taken_out_of_the_registry_loses_its_session(tmp_path: Path) -> None:
    async def attack(control: NativeTransport, seen: Recorder, folder: Path) -> None:
        async with node(folder, A, {CONTROL: control.port}) as (_, at_anchor):
            await at_anchor.reachable(CONTROL)
            reduced = {name: role for name, role in ROLES.items() if name != A}
            other = filed(folder / "later", reduced)
            control.set_deployment(
                load_node(other, CONTROL, time.time()).authority.registry, {A: at(1)}
            )
            await seen.unreachable(A)

    against_control(filed(tmp_path), attack)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(3):
        while not condition():
            await asyncio.sleep(0.01)
