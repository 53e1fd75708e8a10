"""Paths are put together from sightings by time, whatever order they were noted in."""

from opendmm.lab.path import Sighting, last_whole_path, paths

ONE, OTHER = 1, 2


def test_sightings_of_a_probe_in_order_of_time_are_its_path() -> None:
    seen = [
        Sighting(1.003, "mn1", ONE, 0),
        Sighting(1.000, "cn", ONE, 0),
        Sighting(1.002, "router", ONE, 0),  # leaving
        Sighting(1.001, "router", ONE, 0),  # arriving
        Sighting(1.0005, "cn", OTHER, 0),
    ]
    assert paths(seen, ONE) == [(1.000, ("cn", "router", "mn1"))]


def test_a_node_passed_twice_is_twice_in_the_path() -> None:
    way = ("router", "anchor-a", "router", "anchor-b", "mn1")
    seen = [Sighting(float(number), node, ONE, 7) for number, node in enumerate(way)]
    assert paths(seen, ONE) == [(0.0, way)]


def test_the_last_path_that_reached_its_end_in_the_window_counts() -> None:
    found = [
        (1.0, ("cn", "anchor-a", "mn1")),
        (2.0, ("cn", "anchor-b", "mn1")),
        (3.0, ("cn", "anchor-b")),  # lost
        (4.0, ("cn", "anchor-a", "mn1")),  # too late
    ]
    assert last_whole_path(found, 0.0, 4.0, "mn1") == ("cn", "anchor-b", "mn1")
    assert last_whole_path(found, 2.5, 3.5, "mn1") == ()
