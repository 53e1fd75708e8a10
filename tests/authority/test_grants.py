"""Grants, delegations and proofs: what is believed, and every way in which it is not."""

from collections.abc import Callable
from typing import Any

import cbor2
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from opendmm.authority.authority import LEEWAY, Authority, MobileNodeCredential
from opendmm.authority.grant import Grant, GrantClaims, Unauthorised
from opendmm.authority.registry import NodeRecord, Registry, open_registry, sign_registry
from opendmm.authority.signed import Kind, sign
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.order import MoveOrder

FE = FunctionalEntity
HOME, NEW, THIRD, CONTROL = NodeId("home"), NodeId("new"), NodeId("third"), NodeId("control")
MN, OTHER_MN = MobileNodeId("mn1@example.org"), MobileNodeId("mn2@example.org")
PREFIXES = (HomePrefix.parse("2001:db8:a:1::/64"), HomePrefix.parse("198.51.100.7/32"))
FOREIGN = (HomePrefix.parse("2001:db8:b:1::/64"),)
NOW = 1_900_000_000.0
ATTACHED_AT = 1_900_000_000_000_000
LIFETIME = 300.0


def seed(name: str) -> bytes:
    return name.encode().ljust(32, b"-")


def public(name: str) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed(name)).public_key().public_bytes_raw()


EGRESS = Egress(NEW, Locator.parse("fd00:d:2::1"))
REGISTRY = Registry(
    deployment="test",
    serial=1,
    expires_at=NOW + 3600,
    nodes={
        HOME: NodeRecord(
            public(HOME),
            (FE.FE_MA_C, FE.FE_MCTX),
            (HomePrefix.parse("2001:db8:a::/48"), HomePrefix.parse("198.51.100.0/24")),
        ),
        NEW: NodeRecord(
            public(NEW), (FE.FE_MA_C, FE.FE_MCTX), (HomePrefix.parse("2001:db8:b::/48"),), (EGRESS,)
        ),
        THIRD: NodeRecord(public(THIRD), (FE.FE_MA_C, FE.FE_MCTX)),
        CONTROL: NodeRecord(public(CONTROL), (FE.FE_IEC,)),
    },
    mobile_nodes={MN: public(MN), OTHER_MN: public(OTHER_MN)},
)
VERIFIER = Authority(THIRD, seed(THIRD), REGISTRY)
MOBILE_NODE = MobileNodeCredential(MN, seed(MN))


def authority(node: NodeId) -> Authority:
    return Authority(node, seed(node), REGISTRY)


def grant(issuer: NodeId = HOME, **changes: Any) -> bytes:
    """A valid grant of a move to NEW, but for the changes."""
    anchor = changes.pop("anchor", NEW)
    fields: dict[str, Any] = {
        "mobile_node": MN,
        "prefixes": PREFIXES,
        "anchor": anchor,
        "order": MoveOrder(2, ATTACHED_AT, anchor),
        "now": NOW,
        "lifetime": LIFETIME,
    }
    return authority(issuer).issue(**(fields | changes))


def delegation(**changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "mobile_node": MN,
        "prefixes": PREFIXES,
        "delegates": (CONTROL,),
        "now": NOW,
        "lifetime": LIFETIME,
        "not_before": ATTACHED_AT,
    }
    return authority(changes.pop("issuer", HOME)).delegate(**(fields | changes))


def delegated(**changes: Any) -> bytes:
    """A valid grant by CONTROL in HOME's place, but for the changes."""
    fields = {"delegation": delegation(), "proof": MOBILE_NODE.prove_attachment(NEW, ATTACHED_AT)}
    return grant(changes.pop("issuer", CONTROL), **(fields | changes))


def refused(token: bytes, why: str, now: float = NOW) -> None:
    with pytest.raises(Unauthorised, match=why):
        VERIFIER.verify(token, now)


def test_the_home_anchors_grant_is_believed_and_says_what_was_granted() -> None:
    assert VERIFIER.verify(grant(), NOW) == Grant(
        mobile_node=MN,
        prefixes=PREFIXES,
        anchor=NEW,
        order=MoveOrder(2, ATTACHED_AT, NEW),
        issuer=HOME,
        issued_at=NOW,
        expires_at=NOW + LIFETIME,
    )


def test_another_anchor_cannot_grant_prefixes_of_the_home_anchor() -> None:
    refused(grant(NEW), "is not at home at new")


def test_an_fe_iec_alone_cannot_grant() -> None:
    refused(grant(CONTROL), "control is no anchor")


def test_a_grant_is_refused_when_one_of_its_prefixes_is_foreign() -> None:
    refused(grant(prefixes=PREFIXES + FOREIGN), "is not at home at home")


def test_a_grant_of_no_prefixes_is_refused() -> None:
    refused(grant(prefixes=()), "no prefixes")


def test_a_grant_to_a_node_that_is_no_anchor_is_refused() -> None:
    refused(grant(anchor=CONTROL), "control is no anchor")


def test_a_grant_whose_order_names_another_anchor_is_refused() -> None:
    refused(grant(order=MoveOrder(2, ATTACHED_AT, THIRD)), "grants new a move to third")


def test_a_grant_expires_also_when_it_was_believed_before() -> None:
    token = grant()
    VERIFIER.verify(token, NOW)
    VERIFIER.verify(token, NOW + LIFETIME + LEEWAY)
    refused(token, "expired", NOW + LIFETIME + LEEWAY + 0.1)


def test_a_grant_of_the_future_is_refused_beyond_the_leeway() -> None:
    VERIFIER.verify(grant(), NOW - LEEWAY)
    refused(grant(), "of the future", NOW - LEEWAY - 0.1)


@pytest.mark.parametrize("lifetime", [float("nan"), float("inf")])
def test_a_grant_that_never_expires_is_refused(lifetime: float) -> None:
    refused(grant(lifetime=lifetime), r"\$\.expires_at")


def test_a_release_is_granted_to_the_home_anchor_alone() -> None:
    order = MoveOrder(3, ATTACHED_AT, HOME)
    assert VERIFIER.verify(grant(anchor=HOME, order=order, released=True), NOW).released
    refused(grant(released=True), "home anchor alone")


def test_a_node_outside_the_registry_grants_nothing() -> None:
    stranger = Authority(NodeId("stranger"), seed("stranger"), REGISTRY)
    token = stranger.issue(
        mobile_node=MN,
        prefixes=PREFIXES,
        anchor=NEW,
        order=MoveOrder(9, ATTACHED_AT, NEW),
        now=NOW,
        lifetime=LIFETIME,
    )
    refused(token, "stranger is no node")


def test_a_grant_in_anothers_name_is_refused() -> None:
    forger = Authority(HOME, seed(NEW), REGISTRY)
    token = forger.issue(
        mobile_node=MN,
        prefixes=PREFIXES,
        anchor=NEW,
        order=MoveOrder(9, ATTACHED_AT, NEW),
        now=NOW,
        lifetime=LIFETIME,
    )
    refused(token, "not signed by home")


def test_a_grant_signed_by_one_node_and_naming_another_as_issuer_is_refused() -> None:
    claims = GrantClaims(
        mobile_node=MN,
        prefixes=PREFIXES,
        anchor=NEW,
        order=MoveOrder(9, ATTACHED_AT, NEW),
        issuer=HOME,
        issued_at=NOW,
        expires_at=NOW + LIFETIME,
    )
    refused(sign(Kind.GRANT, claims, NEW, seed(NEW)), "new signs in the name of home")


def test_any_changed_octet_of_a_grant_makes_it_worthless() -> None:
    token = grant()
    for index in range(len(token)):
        changed = token[:index] + bytes([token[index] ^ 1]) + token[index + 1 :]
        with pytest.raises(Unauthorised):
            VERIFIER.verify(changed, NOW)


def test_something_added_outside_the_signature_is_refused() -> None:
    message = cbor2.loads(grant())
    message.value[1][99] = "unprotected"
    refused(cbor2.dumps(message), "unprotected header")


# In the home anchor's place


def test_a_delegate_grants_with_the_delegation_and_the_mobile_nodes_proof() -> None:
    believed = VERIFIER.verify(delegated(), NOW)
    assert (believed.issuer, believed.anchor) == (CONTROL, NEW)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: delegated(proof=b""), "not signed by mn1"),
        (
            lambda: delegated(proof=MOBILE_NODE.prove_attachment(THIRD, ATTACHED_AT)),
            "of another attachment",
        ),
        (
            lambda: delegated(proof=MOBILE_NODE.prove_attachment(NEW, ATTACHED_AT + 1)),
            "of another attachment",
        ),
        (
            lambda: delegated(proof=MOBILE_NODE.prove_release(PREFIXES, ATTACHED_AT)),
            "where application/opendmm-attachment",
        ),
        (
            lambda: delegated(
                proof=MobileNodeCredential(MN, seed("guess")).prove_attachment(NEW, ATTACHED_AT)
            ),
            "not signed by mn1",
        ),
        (
            lambda: delegated(
                proof=MobileNodeCredential(OTHER_MN, seed(OTHER_MN)).prove_attachment(
                    NEW, ATTACHED_AT
                )
            ),
            "not signed by mn1",
        ),
        (lambda: delegated(delegation=b""), "control is no anchor"),
        (lambda: delegated(delegation=b"forged"), "not a signed token"),
        (lambda: delegated(delegation=grant()), "where application/opendmm-delegation"),
        (lambda: delegated(delegation=delegation(issuer=NEW)), "is not at home at new"),
        (lambda: delegated(delegation=delegation(delegates=(HOME,))), "not delegated to control"),
        (lambda: delegated(delegation=delegation(mobile_node=OTHER_MN)), "is for mn2"),
        (lambda: delegated(delegation=delegation(prefixes=PREFIXES[:1])), "for other prefixes"),
        (
            lambda: delegated(delegation=delegation(not_before=ATTACHED_AT + 1)),
            "older than the delegation",
        ),
        (lambda: delegated(released=True, anchor=HOME), "home anchor alone"),
        (
            lambda: delegated(issuer=NEW, delegation=delegation(delegates=(NEW,))),
            "new is no FE_IEC",
        ),
    ],
)
def test_a_delegate_cannot_stretch_what_it_was_given(make: Callable[[], bytes], why: str) -> None:
    refused(make(), why)


def test_a_delegate_cannot_release() -> None:
    claims = GrantClaims(
        mobile_node=MN,
        prefixes=PREFIXES,
        anchor=CONTROL,
        order=MoveOrder(9, ATTACHED_AT, CONTROL),
        issuer=CONTROL,
        issued_at=NOW,
        expires_at=NOW + LIFETIME,
        released=True,
        delegation=delegation(),
        proof=MOBILE_NODE.prove_attachment(CONTROL, ATTACHED_AT),
    )
    refused(sign(Kind.GRANT, claims, CONTROL, seed(CONTROL)), "may not release")


def test_a_delegated_grant_ends_with_the_delegation_also_when_it_was_believed_before() -> None:
    token = delegated(delegation=delegation(lifetime=10.0))
    VERIFIER.verify(token, NOW)
    refused(token, "delegation has expired", NOW + 10 + LEEWAY + 0.1)


# Domains


def test_nothing_signed_for_one_purpose_serves_another() -> None:
    tokens = {
        Kind.GRANT: grant(),
        Kind.DELEGATION: delegation(),
        Kind.ATTACHMENT: MOBILE_NODE.prove_attachment(NEW, ATTACHED_AT),
        Kind.RELEASE: MOBILE_NODE.prove_release(PREFIXES, ATTACHED_AT),
        Kind.REGISTRY: sign_registry(REGISTRY, seed(HOME)),
    }
    for kind, token in tokens.items():
        if kind is not Kind.GRANT:
            with pytest.raises(Unauthorised):
                VERIFIER.verify(token, NOW)
        if kind is not Kind.ATTACHMENT:
            with pytest.raises(Unauthorised):
                VERIFIER.verify_proof(token, mobile_node=MN, anchor=NEW, attached_at=ATTACHED_AT)
        if kind is not Kind.RELEASE:
            with pytest.raises(Unauthorised):
                VERIFIER.verify_release(
                    token, mobile_node=MN, prefixes=PREFIXES, requested_at=ATTACHED_AT
                )
        if kind is not Kind.REGISTRY:
            with pytest.raises(Unauthorised):
                open_registry(token, public(HOME), NOW)


def test_a_mobile_nodes_word_is_for_exactly_what_it_said() -> None:
    release = MOBILE_NODE.prove_release(PREFIXES[:1], 7)
    VERIFIER.verify_release(release, mobile_node=MN, prefixes=PREFIXES[:1], requested_at=7)
    for prefixes, requested_at in ((PREFIXES, 7), ((), 7), (PREFIXES[:1], 8)):
        with pytest.raises(Unauthorised, match="another release"):
            VERIFIER.verify_release(
                release, mobile_node=MN, prefixes=prefixes, requested_at=requested_at
            )
    with pytest.raises(Unauthorised, match="no key"):
        VERIFIER.verify_release(
            release, mobile_node=MobileNodeId("nobody"), prefixes=PREFIXES[:1], requested_at=7
        )


# Any octets


@given(st.binary(max_size=600))
def test_random_octets_are_refused_and_nothing_else_happens(octets: bytes) -> None:
    for check in (
        lambda: VERIFIER.verify(octets, NOW),
        lambda: VERIFIER.verify_proof(octets, mobile_node=MN, anchor=NEW, attached_at=1),
        lambda: VERIFIER.verify_release(octets, mobile_node=MN, prefixes=(), requested_at=1),
        lambda: open_registry(octets, public(HOME), NOW),
    ):
        with pytest.raises(Unauthorised):
            check()


CBOR = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.integers() | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(header=CBOR, unprotected=CBOR, payload=CBOR, signature=CBOR)
def test_any_cose_structure_that_was_not_signed_is_refused(
    header: Any, unprotected: Any, payload: Any, signature: Any
) -> None:
    for protected in (header, cbor2.dumps(header), cbor2.dumps({1: -8, 4: b"home"})):
        token = cbor2.dumps(cbor2.CBORTag(18, [protected, unprotected, payload, signature]))
        with pytest.raises(Unauthorised):
            VERIFIER.verify(token, NOW)


class Anything(msgspec.Struct):
    """Claims with the labels of a grant and no respect for their types."""

    issuer: Any
    mobile_node: Any
    prefixes: Any
    anchor: Any
    order: Any
    issued_at: Any
    expires_at: Any


@given(st.lists(CBOR, min_size=7, max_size=7))
def test_claims_of_any_type_are_refused_even_from_the_home_anchor(values: list[Any]) -> None:
    with pytest.raises(Unauthorised):
        VERIFIER.verify(sign(Kind.GRANT, Anything(*values), HOME, seed(HOME)), NOW)


def test_a_token_that_is_too_long_is_refused_unread() -> None:
    refused(b"\x00" * 20_000, "20000 octets")


# The registry


def test_a_signed_registry_opens_as_it_was() -> None:
    assert open_registry(sign_registry(REGISTRY, seed("ca")), public("ca"), NOW) == REGISTRY


def test_a_registry_of_another_ca_or_past_its_time_is_refused() -> None:
    token = sign_registry(REGISTRY, seed("ca"))
    with pytest.raises(Unauthorised, match="not signed"):
        open_registry(token, public("another"), NOW)
    with pytest.raises(Unauthorised, match="expired"):
        open_registry(token, public("ca"), NOW + 3601)


def test_the_longest_pool_says_where_a_prefix_is_at_home() -> None:
    nodes = {
        HOME: NodeRecord(public(HOME), (), (HomePrefix.parse("2001:db8::/32"),)),
        NEW: NodeRecord(public(NEW), (), (HomePrefix.parse("2001:db8:b::/48"),)),
    }
    registry = Registry("test", 1, NOW, nodes, {})
    assert registry.home_of(HomePrefix.parse("2001:db8:b:1::/64")) == NEW
    assert registry.home_of(HomePrefix.parse("2001:db8:c:1::/64")) == HOME
    assert registry.home_of(HomePrefix.parse("2001:db8::/31")) is None
    assert registry.home_of(HomePrefix.parse("2001:db9::/64")) is None
    assert registry.home_of(HomePrefix.parse("192.0.2.1/32")) is None


def test_no_two_nodes_have_the_same_home_pool() -> None:
    pool = (HomePrefix.parse("2001:db8::/32"),)
    nodes = {
        HOME: NodeRecord(public(HOME), (), pool),
        NEW: NodeRecord(public(NEW), (), pool),
    }
    with pytest.raises(ValueError, match="home pool of both"):
        Registry("test", 1, NOW, nodes, {})


def test_an_anchor_may_name_its_own_egresses_alone() -> None:
    assert REGISTRY.may_use_egress(NEW, EGRESS)
    assert not REGISTRY.may_use_egress(HOME, EGRESS)
    assert not REGISTRY.may_use_egress(NodeId("nobody"), EGRESS)


def test_a_node_may_host_what_the_registry_gives_it() -> None:
    assert REGISTRY.may_host(CONTROL, FE.FE_IEC)
    assert not REGISTRY.may_host(CONTROL, FE.FE_I)
    assert not REGISTRY.may_host(NodeId("nobody"), FE.FE_I)
