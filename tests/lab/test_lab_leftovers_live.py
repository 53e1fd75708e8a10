"""Whatever of ours is in a kernel without need is found there."""

import pytest
from small_laboratory import ADDRESSES, A, SmallLaboratory, small_laboratory
from standing import needs_namespaces

from opendmm.lab.leftovers import Kernels, read_kernels
from opendmm.report.leftovers import Place, leftovers

pytestmark = [pytest.mark.lab, needs_namespaces]


def read(laboratory: SmallLaboratory) -> Kernels:
    return read_kernels(laboratory.deployment, laboratory.namespaces)


def test_a_fresh_laboratory_has_nothing_of_ours() -> None:
    with small_laboratory() as laboratory:
        kernels = read(laboratory)
        assert not any(kernels.rules.values())
        assert kernels.unused == ()


def test_a_delivery_is_needed_where_the_mobile_node_is_and_left_over_elsewhere() -> None:
    with small_laboratory() as laboratory:
        laboratory.configure(
            "anchor-a", f"route add {ADDRESSES[0]} via fe80::2 dev mn1 proto 173 metric 173"
        )
        rules = {node: found.items() for node, found in read(laboratory).rules.items()}
        subscriber = laboratory.links.subscriber
        at_home, abroad = Place(subscriber, A), Place(subscriber, None)
        assert leftovers(laboratory.deployment, [at_home], rules) == ()
        (found,) = leftovers(laboratory.deployment, [abroad], rules)
        assert found.startswith("anchor-a:")
        assert ADDRESSES[0] in found


def test_next_hops_and_neighbours_that_no_route_uses_are_left_over() -> None:
    with small_laboratory() as laboratory:
        laboratory.configure(
            "anchor-a",
            "nexthop add id 77 dev router proto 173",
            "neigh add fe80::2 lladdr 02:00:00:00:00:01 dev mn1 nud permanent protocol 173",
        )
        unused = read(laboratory).unused
        assert "anchor-a: next hop 77 that no route uses" in unused
        assert "anchor-a: neighbour fe80::2 that no route uses" in unused
