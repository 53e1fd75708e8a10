"""Who may say what, and which of two connections stays: pure decisions."""

from hypothesis import given
from hypothesis import strategies as st

from opendmm.bindings.native.admission import stays
from opendmm.model.identity import NodeId

NAMES = st.text(min_size=1, max_size=4).map(NodeId)


@given(NAMES, NAMES, st.booleans())
def test_both_ends_keep_the_same_one_of_two_connections(
    one: NodeId, other: NodeId, other_order: bool
) -> None:
    """`one` and `other` have dialled each other; each end may see the two in either order."""
    if one == other:
        return

    def kept(me: NodeId, peer: NodeId, mine_first: bool) -> NodeId:
        """Who dialled the connection that is left at `me`."""
        new_by_me = not mine_first
        second, first = (me, peer) if new_by_me else (peer, me)
        return second if stays(me, peer, new_by_me, not new_by_me) else first

    assert kept(one, other, mine_first=True) == kept(other, one, mine_first=other_order)
    assert kept(one, other, mine_first=False) == kept(other, one, mine_first=other_order)


def test_who_dials_again_has_given_the_former_connection_up() -> None:
    a, b = NodeId("a"), NodeId("b")
    assert stays(a, b, True, True)
    assert stays(a, b, False, False)
