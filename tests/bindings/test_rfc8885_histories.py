"""Random histories: messages lost, repeated and overtaken, nodes that restart; in virtual time."""

from hypothesis import given
from hypothesis import strategies as st
from rfc8885_scene import ATTACHED, CMD, A, B, C, Domain, context, egress, lookup, request

from opendmm.bindings.mobility.backoff import MAX_BINDACK_TIMEOUT
from opendmm.bindings.rfc8885.config import MAX_UPDATE_RATE
from opendmm.constellation.file import DatabaseMode
from opendmm.reference_points import r_xx
from opendmm.reference_points.message import Status
from opendmm.wire.mobility.binding import BindingUpdate

MODES = st.sampled_from(DatabaseMode)
FATES = st.lists(st.lists(st.floats(0.001, 0.4), max_size=2), max_size=60)
"""Of the first messages: no copy arrives, one, or two, each after its own delay."""
LONG = 2 * MAX_BINDACK_TIMEOUT


def troubled(mode: DatabaseMode, fates: list[list[float]]) -> Domain:
    domain = Domain(mode)
    coming = iter(fates)
    domain.fate = lambda _one, _other: next(coming, [0.01])
    return domain


@given(MODES, FATES)
def test_whatever_happens_to_messages_every_context_comes(
    mode: DatabaseMode, fates: list[list[float]]
) -> None:
    domain = troubled(mode, fates)
    domain.records.extend([context(A), context(C)])
    for _ in range(5):  # an FE_MCTX repeats what is not answered
        heard = domain.entities[B].messages(r_xx.ContextResponse)
        for home in {A, C} - {answer.home_anchor for answer in heard}:
            domain.say(B, home, request(home))
        domain.say(B, CMD, lookup())
        domain.run(LONG)
    heard = domain.entities[B].messages(r_xx.ContextResponse)
    assert {answer.home_anchor for answer in heard} == {A, C}
    assert {answer.status for answer in heard} == {Status.ACCEPTED}
    assert {answer.attached_at for answer in heard} == {ATTACHED}


@given(MODES, FATES)
def test_whatever_happens_to_messages_an_anchor_hears_what_the_other_says(
    mode: DatabaseMode, fates: list[list[float]]
) -> None:
    domain = troubled(mode, fates)
    changed = r_xx.AnchorChanged(context=context(A, B, 2), egress=egress(B))
    for _ in range(5):
        domain.say(B, A, changed)
        domain.run(LONG)
    heard = domain.entities[A].messages(r_xx.AnchorChanged)
    assert heard
    assert set(map(str, heard)) == {str(changed)}


@given(MODES, FATES, st.integers(1, 30))
def test_nobody_sends_more_than_max_update_rate_about_one_thing(
    mode: DatabaseMode, fates: list[list[float]], times: int
) -> None:
    """RFC 6275 §12; of one attachment of one mobile node, to one node."""
    domain = troubled(mode, fates)
    domain.records.append(context(A))
    for number in range(times):
        domain.say(B, A, request(A, attached_at=ATTACHED + number))
        domain.run(0.02)
    domain.run(LONG)
    sent = [at for at, one, _, m in domain.log if one == B and isinstance(m, BindingUpdate)]
    for first, beyond in zip(sent, sent[MAX_UPDATE_RATE:], strict=False):
        assert beyond - first > 0.99


@given(MODES, FATES)
def test_in_the_end_nothing_is_repeated_any_more(
    mode: DatabaseMode, fates: list[list[float]]
) -> None:
    domain = troubled(mode, fates)
    domain.records.append(context(A))
    domain.say(B, A, request(A))
    domain.run(5 * LONG)
    assert all(len(node.role.updates) == 0 for node in domain.nodes.values())
