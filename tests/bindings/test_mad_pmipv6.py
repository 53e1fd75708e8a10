"""A controller of 2016: what it sends is read without loss, and redirects nothing."""

import contextlib
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rfc8885_scene import ADDRESSES, CMD, A, B, config

from opendmm.bindings.mobility.outputs import STRANGER, Complain, Wanted
from opendmm.bindings.rfc8885.mad_pmipv6 import acknowledgement
from opendmm.bindings.rfc8885.node import DistributedMobilityNode
from opendmm.constellation.file import Compatibility
from opendmm.model.identity import NodeId
from opendmm.wire.errors import WireError

CAPTURED = bytes.fromhex(
    "3b090600997700420007000a16120040000000000000000000000000000000000809026d6e37406578616d"
    "01001b0800006b03beaaf15b170200011802000401001a100000000000000000000000000000000001020000"
)
"""A Proxy Binding Acknowledgement, as it was captured."""
NOW = 1_900_000_000.0


def maar(compatibility: Compatibility) -> DistributedMobilityNode:
    told = msgspec.structs.replace(config(A), compatibility=compatibility)
    return DistributedMobilityNode(told)


def events(wanted: list[Wanted]) -> list[tuple[str, NodeId]]:
    return [(one.event, one.peer) for one in wanted if isinstance(one, Complain)]


def test_the_captured_acknowledgement_is_read_without_loss() -> None:
    found = acknowledgement(CAPTURED)
    assert (found.status, found.flags, found.sequence, found.lifetime) == (0, 0x42, 7, 10)
    assert (found.checksum, found.past_the_end) == (0x9977, 7)
    assert found.mobile_node == "mn7@exam"
    assert found.prefixes == ("::/64",)
    assert [number for number, _ in found.options] == [22, 8, 27, 23, 24, 26]
    octets = sum(2 + len(body) for _, body in found.options)
    assert 12 + octets + 2 + 2 + 4 == len(CAPTURED)  # with three PadN
    (link_local,) = found.every(26)
    assert link_local == CAPTURED[67:83]


def test_options_that_it_numbers_itself_are_told_apart() -> None:
    own = b"".join(bytes((number, 2, number, number)) for number in (28, 29, 30))
    assert acknowledgement(CAPTURED[:12] + own).private == {28: "1c1c", 29: "1d1d", 30: "1e1e"}


def test_a_link_layer_address_for_a_name_is_shown_as_such() -> None:
    option = bytes((8, 7, 2)) + bytes.fromhex("020000000042")
    assert acknowledgement(CAPTURED[:12] + option).mobile_node == "02:00:00:00:00:42"


def test_with_the_option_it_is_logged_and_counted_and_nothing_else() -> None:
    node = maar(Compatibility.MAD_PMIPV6)
    wanted = node.receive(CAPTURED, ADDRESSES[CMD], NOW)
    assert events(wanted) == [("acknowledgement-without-grant", CMD)]
    assert len(wanted) == 1
    (said,) = wanted
    assert isinstance(said, Complain)
    assert said.fields["mobile_node"] == "mn7@exam"
    assert "nothing is redirected" in str(said.fields["why"])


@pytest.mark.parametrize(
    ("node", "source"),
    [
        (lambda: maar(Compatibility.NONE), CMD),
        (lambda: maar(Compatibility.MAD_PMIPV6), B),  # not the controller
    ],
    ids=["without the option", "from another"],
)
def test_else_it_is_refused(node: Callable[[], DistributedMobilityNode], source: NodeId) -> None:
    ((event, peer),) = events(node().receive(CAPTURED, ADDRESSES[source], NOW))
    assert event in ("message-malformed", "message-refused")
    assert peer in (source, STRANGER)


@given(st.binary(max_size=120))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(WireError):
        acknowledgement(data)
