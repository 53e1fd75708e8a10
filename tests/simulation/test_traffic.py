"""Traffic in virtual time: probes and streams through the installed rules."""

from random import Random

from toys import CN, HNP, MN, A, B, R, ToyHosts, toy_deployment

from opendmm.constellation.file import TrafficDirection
from opendmm.model.addressing import Egress
from opendmm.model.rules import Access, Redirect, RuleKey, Table
from opendmm.report.probes import stream
from opendmm.simulation.conveyor import Conveyor
from opendmm.simulation.traffic import PathLog, ProbeTrain, ReliableStream, Sender, Way
from opendmm.simulation.world import World

ACCESS_DELAY = 0.001
ONE_WAY = 0.001 + 0.002 + ACCESS_DELAY


class Running:
    """A mobile node at home, a sender, and time."""

    def __init__(self) -> None:
        self.world = World(toy_deployment(access_delay=ACCESS_DELAY), ToyHosts(), seed=1)
        self.world.start()
        self.mobile = self.world.mobile_nodes[MN]
        self.mobile.attach(A)
        self.world.run(0.1)
        self.sender = Sender(self.world, Conveyor(self.world, Random(1)))
        self.began = self.world.scheduler.now

    def way(self, direction: TrafficDirection) -> Way:
        return Way(mobile=self.mobile, correspondent=CN, direction=direction, ipv6=True)

    def probes(self, direction: TrafficDirection, seconds: float) -> ProbeTrain:
        end = self.world.scheduler.now + seconds - 0.005
        train = ProbeTrain(self.world, self.sender, self.way(direction), 0.01, end)
        train.start()
        return train

    def stream(self, seconds: float) -> ReliableStream:
        end = self.world.scheduler.now + seconds - 0.005
        flow = ReliableStream(self.world, self.sender, self.way(TrafficDirection.DOWN), 0.01, end)
        flow.start()
        return flow

    def move_by_hand(self) -> None:
        """What the entities of a real constellation do to the rules."""
        self.mobile.detach(A)
        self.mobile.attach(B)
        egress = Egress(B, self.world.deployment.nodes[B].locator)
        self.world.nodes[B].kernel[RuleKey(Table.EGRESS, HNP)] = Access("mn1", b"")
        self.world.nodes[R].kernel[RuleKey(Table.DOWNLINK, HNP)] = Redirect(egress)
        for node in (B, R):
            self.world.rules_changed(node, ())


def test_probes_take_the_delays_of_links_and_access_both_ways() -> None:
    running = Running()
    trains = [running.probes(way, 0.2) for way in (TrafficDirection.DOWN, TrafficDirection.UP)]
    running.world.run(0.5)
    for train in trains:
        transits = [at - train.log.sent[probe] for probe, at in train.log.arrivals]
        assert len(transits) == len(train.log.sent) == 20
        assert all(abs(transit - ONE_WAY) < 1e-6 for transit in transits)


def test_packets_are_lost_while_no_link_is_up_and_the_path_is_remembered() -> None:
    running = Running()
    train = running.probes(TrafficDirection.DOWN, 1.0)
    running.world.run(0.3)
    running.mobile.detach(A)
    running.world.run(0.2)
    running.move_by_hand()
    running.world.run(1.0)
    seen = stream(train.log, running.began, running.began + 1.0, running.began + 0.5)
    assert 19 <= seen.lost <= 21
    paths = running.sender.paths["mn1"]
    assert paths.last(running.began, running.began + 0.3) == (CN, R, A, "mn1")
    assert paths.last(running.began + 0.5, running.began + 1.0) == (CN, R, B, "mn1")


def test_a_packet_on_an_access_link_that_goes_down_is_lost() -> None:
    running = Running()
    train = running.probes(TrafficDirection.DOWN, 0.005)
    running.world.run(ONE_WAY - ACCESS_DELAY / 2)
    running.mobile.detach(A)
    running.world.run(0.1)
    assert train.log.arrivals == []


def test_a_cut_link_loses_packets() -> None:
    running = Running()
    running.world.network.cut(R, A)
    train = running.probes(TrafficDirection.DOWN, 0.1)
    running.world.run(0.2)
    assert train.log.arrivals == []


def test_a_stream_stalls_while_the_way_is_broken_and_then_delivers_everything() -> None:
    running = Running()
    flow = running.stream(3.0)
    running.world.run(1.0)
    running.mobile.detach(A)
    running.world.run(0.5)
    running.move_by_hand()
    running.world.run(4.0)
    assert flow.received == flow.written == 300
    assert 0.5 < flow.longest_stall < 1.0
    assert flow.open_stall(running.world.scheduler.now) == 0.0


def test_a_stream_whose_way_never_comes_back_is_seen_to_wait() -> None:
    running = Running()
    flow = running.stream(2.0)
    running.world.run(1.0)
    running.mobile.detach(A)
    running.world.run(2.0)
    assert flow.open_stall(running.world.scheduler.now) > 1.9


def test_no_path_is_reported_for_a_time_in_which_nothing_was_heard() -> None:
    log = PathLog()
    log.saw(1.0, ("cn", "mn1"))
    assert log.last(0.0, 2.0) == ("cn", "mn1")
    assert log.last(1.5, 2.0) == ()
