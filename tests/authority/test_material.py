"""Material on disk: who may read it, and what is said when something is amiss."""

import stat
import time
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from opendmm.authority.material import (
    MaterialError,
    Roles,
    file_name,
    generate,
    load_mobile_node,
    load_node,
    load_session_keys,
    write,
)
from opendmm.authority.names import MobileNodeName, NodeName, holder_of
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.order import MoveOrder

ANCHOR = NodeId("anchor-a")
MN = MobileNodeId("mn1@example.org")
PREFIX = HomePrefix.parse("2001:db8:a:1::/64")
ROLES = {ANCHOR: Roles((FunctionalEntity.FE_MA_C,), (HomePrefix.parse("2001:db8:a::/48"),))}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(generate("test", ROLES, [MN], now=time.time()), tmp_path / "material")
    return tmp_path / "material"


def test_what_was_written_loads_and_works(folder: Path) -> None:
    now = time.time()
    own = load_node(folder, ANCHOR, now)
    order = MoveOrder(1, 1, ANCHOR)
    token = own.authority.issue(
        mobile_node=MN, prefixes=(PREFIX,), anchor=ANCHOR, order=order, now=now, lifetime=60
    )
    assert own.authority.verify(token, now).order == order
    mobile = load_mobile_node(folder, MN, now)
    proof = mobile.credential.prove_attachment(ANCHOR, 5)
    own.authority.verify_proof(proof, mobile_node=MN, anchor=ANCHOR, attached_at=5)


def test_only_the_owner_may_read_any_of_it(folder: Path) -> None:
    for path in folder.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_a_key_that_others_can_read_is_refused(folder: Path) -> None:
    (folder / "nodes" / ANCHOR / "signing-key.pem").chmod(0o640)
    with pytest.raises(MaterialError, match="chmod 600"):
        load_node(folder, ANCHOR, time.time())


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "nodes" / ANCHOR / "certificate.pem").unlink()
    with pytest.raises(MaterialError, match=r"cannot read .*certificate"):
        load_node(folder, ANCHOR, time.time())


def test_a_node_the_registry_does_not_know_is_refused(folder: Path) -> None:
    with pytest.raises(MaterialError, match="knows no node anchor-z"):
        load_node(folder, NodeId("anchor-z"), time.time())


def test_keys_of_another_making_are_refused(folder: Path, tmp_path: Path) -> None:
    write(generate("test", ROLES, [MN], now=time.time()), tmp_path / "again")
    key = folder / "nodes" / ANCHOR / "signing-key.pem"
    key.write_bytes((tmp_path / "again" / "nodes" / ANCHOR / "signing-key.pem").read_bytes())
    with pytest.raises(MaterialError, match="not the key the registry has"):
        load_node(folder, ANCHOR, time.time())


def test_a_registry_of_another_ca_is_refused(folder: Path, tmp_path: Path) -> None:
    write(generate("test", ROLES, [MN], now=time.time()), tmp_path / "again")
    (folder / "registry.cwt").write_bytes((tmp_path / "again" / "registry.cwt").read_bytes())
    with pytest.raises(MaterialError, match="not signed"):
        load_node(folder, ANCHOR, time.time())


def test_material_past_its_time_is_refused(folder: Path) -> None:
    with pytest.raises(MaterialError, match="expired"):
        load_node(folder, ANCHOR, time.time() + 400 * 86400)


def test_a_certificate_names_its_holder_by_uri_and_signs_nothing(folder: Path) -> None:
    pem = (folder / "nodes" / ANCHOR / "certificate.pem").read_bytes()
    certificate = x509.load_pem_x509_certificate(pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [
        "urn:opendmm:node:anchor-a"
    ]
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not constraints.ca


@given(st.text(min_size=1, max_size=40))
def test_any_name_survives_its_uri_and_makes_one_folder_name(name: str) -> None:
    assert holder_of(NodeName(NodeId(name)).uri) == NodeName(NodeId(name))
    assert holder_of(MobileNodeName(MobileNodeId(name)).uri) == MobileNodeName(MobileNodeId(name))
    assert "/" not in file_name(name)
    assert file_name(name) not in (".", "..", "")


def test_a_uri_that_is_none_of_ours_names_nobody() -> None:
    for uri in ("urn:opendmm:node:", "https://example.org/", "", "urn:opendmm:other:x"):
        assert holder_of(uri) is None


def test_bgp_neighbours_share_a_key_of_their_own(tmp_path: Path) -> None:
    one, other = NodeId("router"), ANCHOR
    made = generate(
        "test",
        ROLES | {one: Roles()},
        now=time.time(),
        associations=[(other, one)],
        sessions=[(other, one)],
    )
    write(made, tmp_path)
    keys = load_session_keys(tmp_path, one)
    assert keys == {other: load_session_keys(tmp_path, other)[one]}
    assert keys != load_node(tmp_path, one, time.time()).shared_keys
    (tmp_path / "nodes" / one / "bgp-keys.json").chmod(0o644)
    with pytest.raises(MaterialError, match="chmod 600"):
        load_session_keys(tmp_path, one)
