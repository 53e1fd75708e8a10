"""Route optimisation over a network that loses, repeats and reorders, with moves and restarts.

Whatever happens on the way, in the end the correspondent has the mobile node's care-of address,
or none where it is at home, and both data paths agree with that.
"""

from ipaddress import IPv6Address

from hypothesis import given, settings
from hypothesis import strategies as st
from route_optimisation_scene import CN, HERE, HOME, THERE, World, packet_of, registered_at

from opendmm.bindings.mipv6.outputs import End

QUIET = 1500.0
"""Seconds without loss at the end: the longest pause, and some more."""
AT_HOME = 60.0
"""Seconds in which it is gone at home: packets would go astray as long as it lasted."""
STEPS = st.lists(
    st.tuples(
        st.sampled_from([HERE, THERE, HOME, "lost", "restart", "talk", "ceased"]),
        st.sampled_from([0.0, 0.1, 1.0, 10.0, 100.0, 300.0]),
    ),
    max_size=12,
)


def happen(world: World, what: IPv6Address | str) -> None:
    match what:
        case IPv6Address():
            world.move(what)
        case "lost":
            world.at = None
            world.do(world.mobile_node.lost(world.now))
        case "restart":
            world.restart_correspondent()
        case "talk":
            world.talk()
        case _:
            world.do(world.mobile_node.ceased(CN, world.now))


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    loss=st.sampled_from([0.0, 0.1, 0.5]),
    delay=st.sampled_from([0.0, 0.05, 2.0]),
    steps=STEPS,
    last=st.sampled_from([HERE, THERE, HOME]),
)
def test_in_the_end_the_binding_is_true(
    seed: int,
    loss: float,
    delay: float,
    steps: list[tuple[IPv6Address | str, float]],
    last: IPv6Address,
) -> None:
    world = World(seed, loss, delay)
    for what, then in steps:
        happen(world, what)
        world.run(then)
    happen(world, last)
    world.loss, world.delay = 0.0, min(delay, 0.05)
    world.run(AT_HOME)
    assert last != HOME or world.cached is None
    world.converse(QUIET)
    expected = None if last == HOME else last
    assert world.cached == expected
    assert world.paths == dict.fromkeys(End, expected)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 1 << 32), order=st.permutations(range(40)))
def test_whatever_was_sent_may_come_again_in_any_order(seed: int, order: list[int]) -> None:
    world = registered_at(seed=seed)
    for at in (THERE, HERE, HOME, THERE, HERE):
        world.move(at)
        world.talk()
        world.run(2)
    old = list(world.sent)
    for index in order:
        world.arrive(packet_of(old[index % len(old)]))
    world.run(2)
    assert world.cached == HERE
    assert world.paths == dict.fromkeys(End, HERE)
