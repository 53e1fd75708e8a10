"""The deterministic runtime: time, network, sessions, crashes, packets."""

from toys import CN, FE, HNP, MN, A, B, R, ToyHosts, toy_deployment

from opendmm.model.addressing import Egress
from opendmm.model.rules import Redirect, RuleKey, Table
from opendmm.report.trace import TraceKind
from opendmm.simulation.dataplane import Fate, Packet
from opendmm.simulation.network import Impairments
from opendmm.simulation.scheduler import Scheduler
from opendmm.simulation.world import EPOCH, PROCESSING, Trail, World

ASK_AT = 0.5
ONE_WAY = 0.002


def world(hosts: ToyHosts, *, seed: int = 1) -> World:
    return World(toy_deployment(), hosts, seed=seed)


def trail(built: World) -> Trail:
    address = built.destination_in(built.mobile_nodes[MN], ipv6=True)
    assert address is not None
    return built.trail(CN, Packet(built.data_plane.address_of(CN, ipv6=True), address))


def redirect_to_b(built: World) -> Redirect:
    return Redirect(Egress(B, built.deployment.nodes[B].locator))


def test_events_happen_in_order_of_time_and_then_of_making_and_can_be_cancelled() -> None:
    clock, seen = Scheduler(0.0), list[str]()
    clock.at(2.0, lambda: seen.append("late"))
    clock.at(1.0, lambda: seen.append("first"))
    clock.at(1.0, lambda: seen.append("second"))
    clock.at(1.5, lambda: seen.append("never")).cancel()
    clock.run(3.0)
    assert seen == ["first", "second", "late"]
    assert clock.now == 3.0


def test_a_message_takes_the_delay_of_the_routed_path_and_the_processing_time() -> None:
    hosts = ToyHosts()
    built = world(hosts)
    built.start()
    built.run(2.0)
    answered = hosts.built[B].answered_at
    assert answered is not None
    expected = EPOCH + ASK_AT + 2 * (ONE_WAY + PROCESSING)
    assert abs(answered - expected) < 1e-6


def test_the_same_seed_gives_the_same_trace_and_loss_is_overcome_by_repetition() -> None:
    traces = []
    for _ in range(2):
        hosts = ToyHosts()
        built = world(hosts, seed=7)
        built.network.impairments = Impairments(loss=0.5, duplication=0.3, jitter=0.01)
        built.start()
        built.run(10.0)
        assert hosts.built[B].answered_at is not None
        traces.append(built.trace)
    assert traces[0] == traces[1]


def test_peers_hear_of_a_crash_and_of_the_return_and_facts_and_rules_survive() -> None:
    hosts = ToyHosts()
    built = world(hosts)
    built.start()
    built.mobile_nodes[MN].attach(A)
    built.run(1.0)
    rules = dict(built.nodes[A].kernel)
    built.nodes[A].crash()
    built.run(1.0)
    assert built.nodes[A].kernel == rules
    built.nodes[A].start()
    built.run(1.0)
    about_a = [reachable for _, node, reachable in hosts.built[B].peers if node == A]
    assert about_a == [True, False, True]
    assert hosts.built[A].restored == {"asked": b"1"}


def test_an_armed_crash_strikes_between_the_facts_and_the_envelopes_of_one_drain() -> None:
    hosts = ToyHosts()
    built = world(hosts)
    built.start()
    built.run(0.3)
    crashed = list[float]()
    built.nodes[A].arm(1, lambda: crashed.append(built.scheduler.now))
    built.run(0.3)
    assert len(crashed) == 1
    assert built.nodes[A].facts[FE.FE_MCTX] == {"asked": b"1"}
    assert hosts.built[B].answered_at is None


def test_a_cut_longer_than_the_peer_timeout_breaks_the_session_and_mending_restores_it() -> None:
    hosts = ToyHosts()
    built = world(hosts)
    built.start()
    built.run(1.0)
    built.network.cut(A, B)
    built.run(2.0)
    built.network.mend(A, B)
    built.run(1.0)
    about_a = [reachable for _, node, reachable in hosts.built[B].peers if node == A]
    assert about_a == [True, False, True]


def test_a_short_cut_loses_messages_but_not_the_session() -> None:
    hosts = ToyHosts()
    built = world(hosts)
    built.start()
    built.run(0.4)
    built.network.cut(A, B)
    built.run(0.3)
    built.network.mend(A, B)
    built.run(1.0)
    assert [reachable for _, node, reachable in hosts.built[B].peers if node == A] == [True]
    assert hosts.built[B].answered_at is not None


def test_a_paused_node_answers_when_it_goes_on() -> None:
    hosts = ToyHosts()
    built = world(hosts)
    built.start()
    built.run(0.3)
    built.nodes[A].pause()
    built.run(1.0)
    assert hosts.built[B].answered_at is None
    built.nodes[A].resume()
    built.run(0.1)
    assert hosts.built[B].answered_at is not None


def test_packets_go_home_until_a_rule_redirects_them_and_the_egress_delivers() -> None:
    built = world(ToyHosts())
    built.start()
    mobile = built.mobile_nodes[MN]
    mobile.attach(A)
    built.run(0.1)
    assert trail(built).nodes == (CN, R, A)
    mobile.attach(B)
    built.nodes[R].kernel[RuleKey(Table.DOWNLINK, HNP)] = redirect_to_b(built)
    built.rules_changed(R, ())
    moved = trail(built)
    assert (moved.nodes, moved.fate, moved.ingress) == ((CN, R, B), Fate.DELIVERED, R)


def test_a_packet_out_of_a_tunnel_that_no_rule_expects_is_dropped_not_sent_home() -> None:
    built = world(ToyHosts())
    built.nodes[R].kernel[RuleKey(Table.DOWNLINK, HNP)] = redirect_to_b(built)
    lost = trail(built)
    assert (lost.nodes, lost.fate) == ((CN, R, B), Fate.DROPPED)


def test_two_egresses_that_redirect_to_each_other_are_found_to_loop() -> None:
    built = world(ToyHosts())
    built.nodes[R].kernel[RuleKey(Table.DOWNLINK, HNP)] = redirect_to_b(built)
    to_a = Redirect(Egress(A, built.deployment.nodes[A].locator))
    built.nodes[B].kernel[RuleKey(Table.EGRESS, HNP)] = to_a
    built.nodes[A].kernel[RuleKey(Table.EGRESS, HNP)] = redirect_to_b(built)
    assert trail(built).looped


def test_the_trace_shows_a_message_leaving_and_arriving_and_the_rules() -> None:
    built = world(ToyHosts())
    built.start()
    built.mobile_nodes[MN].attach(A)
    built.run(1.0)
    kinds = [r.kind for r in built.trace if r.message == "ContextRequest"]
    assert kinds == [TraceKind.MESSAGE_SENT, TraceKind.MESSAGE_RECEIVED]
    assert sum(r.kind is TraceKind.RULE_APPLIED for r in built.trace) == 2
