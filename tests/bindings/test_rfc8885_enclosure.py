"""Messages as options and back: every message that is carried, and octets that are none."""

from ipaddress import IPv6Network

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_strategies import values
from rfc8885_scene import ADDRESSES, A, B, context, egress

from opendmm.bindings.mobility.vendor import VENDOR, wrapped
from opendmm.bindings.rfc8885.carriage import HEADERS, NAMES, POINTS, Options, ends, header_of
from opendmm.bindings.rfc8885.enclosure import enclosed, opened
from opendmm.constellation.rfc8885 import CARRIED
from opendmm.model.addressing import HomePrefix
from opendmm.reference_points import r_xx
from opendmm.reference_points.catalogue import CATALOGUE
from opendmm.reference_points.message import Message, Status
from opendmm.wire.errors import WireError
from opendmm.wire.mobility.binding import BindingUpdate
from opendmm.wire.mobility.codec import decode, encode
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import BindingUpdateFlags
from opendmm.wire.mobility.options.identification import (
    MobileNodeIdentifierOption,
    VendorSpecificOption,
)
from opendmm.wire.mobility.options.proxy import HomeNetworkPrefixOption

HERE, THERE = ADDRESSES[A], ADDRESSES[B]
MESSAGES = st.sampled_from(sorted(HEADERS, key=str)).flatmap(values)


def over_the_wire(options: Options) -> MobilityMessage:
    """As a PBU that was sent and received."""
    update = BindingUpdate(1, BindingUpdateFlags.D, 75, options=options)
    return decode(encode(update, HERE, THERE), HERE, THERE)


def test_every_message_of_the_carried_reference_points_has_a_mobility_header() -> None:
    assert set(HEADERS) == {kind for name in CARRIED for kind in CATALOGUE[name].messages}


@given(MESSAGES)
def test_every_message_arrives_as_it_was_sent(message: Message) -> None:
    try:
        carried = over_the_wire(enclosed([message], ADDRESSES))
    except WireError:
        return  # too long, which the node says
    held = opened(carried, ADDRESSES)
    assert held is not None
    assert held.messages == (message,)


@given(MESSAGES)
def test_every_message_goes_between_the_entities_of_its_reference_point(message: Message) -> None:
    envelope = ends(message, A, B)
    point = CATALOGUE[POINTS[type(message)]]
    assert point.allows(envelope.sender.entity, envelope.message)
    assert header_of(message) is not None


@given(st.lists(st.binary(max_size=240), min_size=1, max_size=3), st.integers(1, 2))
def test_octets_that_are_no_message_raise_nothing_but_value_errors(
    chunks: list[bytes], last: int
) -> None:
    subtypes = [2] * (len(chunks) - 1) + [last]
    options = tuple(
        VendorSpecificOption(VENDOR, subtype, chunk)
        for subtype, chunk in zip(subtypes, chunks, strict=True)
    )
    try:
        assert opened(over_the_wire(options), ADDRESSES) is None or last == 1
    except ValueError:
        return


PLAIN = (
    st.none() | st.booleans() | st.integers(-5, 300) | st.text(max_size=5) | st.binary(max_size=9)
)
NAMED = (
    "type mobile_node home_anchor context contexts policy policies results prefixes order status"
)
FIELDS = st.sampled_from(NAMED.split())
NESTED = st.recursive(
    PLAIN | st.sampled_from(sorted(NAMES)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=20,
)
MAPS = st.dictionaries(FIELDS, NESTED, max_size=6)


@given(st.lists(MAPS, max_size=3), st.sampled_from(sorted(NAMES)), st.booleans())
def test_maps_that_are_no_message_raise_nothing_but_value_errors(
    maps: list[dict[str, object]], kind: str, named: bool
) -> None:
    for fields in maps[:1]:
        fields["type"] = kind
    payload = msgspec.msgpack.encode([maps, "maar-a", "maar-b"])
    identity = (MobileNodeIdentifierOption.from_nai("mn1@example.org"),) if named else ()
    prefix = (HomeNetworkPrefixOption(IPv6Network("2001:db8::/64")),)
    carried = over_the_wire((*identity, *prefix, *wrapped(payload)))
    try:
        opened(carried, ADDRESSES)
    except ValueError:
        return


@pytest.mark.parametrize("depth", [50, 100, 230])
def test_deep_nesting_is_an_error_like_others(depth: int) -> None:
    options = (VendorSpecificOption(VENDOR, 1, b"\x91" * depth + b"\xc0"),)
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the parser says of it
        opened(over_the_wire(options), ADDRESSES)


def test_the_options_say_the_prefix_and_nothing_else_does() -> None:
    """RFC 5213 §8.3: who changes the option changes the message."""
    changed = r_xx.AnchorChanged(context=context(A), egress=egress(B))
    options = enclosed([changed], ADDRESSES)
    other = HomePrefix.parse("2001:db8:c:9::/64")
    swapped = tuple(
        HomeNetworkPrefixOption(IPv6Network(str(other)))
        if isinstance(o, HomeNetworkPrefixOption)
        else o
        for o in options
    )
    held = opened(over_the_wire(swapped), ADDRESSES)
    assert held is not None
    (message,) = held.messages
    assert isinstance(message, r_xx.AnchorChanged)
    assert message.context.prefixes == (other,)


def test_prefixes_of_two_previous_maars_are_not_mixed_up() -> None:
    """RFC 8885 §4.5: each Previous MAAR option names its anchor."""
    answers = [
        r_xx.ContextResponse(
            mobile_node=held.mobile_node,
            home_anchor=held.home_anchor,
            attached_at=1,
            status=Status.ACCEPTED,
            context=held,
        )
        for held in (context(A), context(B))
    ]
    held = opened(over_the_wire(enclosed(answers, ADDRESSES, previous=True)), ADDRESSES)
    assert held is not None
    assert list(held.messages) == answers
