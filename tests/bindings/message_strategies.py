"""Hypothesis strategies for every message of every reference point, from its declaration."""

import types
import typing
from enum import Enum
from typing import Any

import msgspec
from hypothesis import strategies as st

from opendmm.model.addressing import BITS, HomePrefix, Locator
from opendmm.model.flow import (
    FAMILIES,
    LAST_PORT,
    LAST_PROTOCOL,
    WITH_PORTS,
    FlowRule,
    PortRange,
)
from opendmm.model.identity import EntityAddress, FunctionalEntity, NodeId
from opendmm.reference_points.catalogue import CATALOGUE, Envelope, ReferencePoint

TEXT = st.text(max_size=8)


@st.composite
def home_prefixes(draw: st.DrawFn) -> HomePrefix:
    octets = draw(st.sampled_from(sorted(BITS)))
    length = draw(st.integers(0, BITS[octets]))
    shift = BITS[octets] - length
    leading = draw(st.integers(0, (1 << length) - 1))
    return HomePrefix((leading << shift).to_bytes(octets, "big"), length)


@st.composite
def port_ranges(draw: st.DrawFn) -> PortRange:
    return PortRange(*sorted(draw(st.tuples(*[st.integers(0, LAST_PORT)] * 2))))


@st.composite
def flow_rules(draw: st.DrawFn) -> FlowRule:
    sources = home_prefixes().filter(lambda prefix: prefix.length > 0)
    source = draw(st.none() | sources)
    if draw(st.booleans()):
        protocol = draw(st.sampled_from(sorted(WITH_PORTS)))
        return FlowRule(protocol, source, draw(port_ranges()), draw(port_ranges()))
    protocol = draw(st.integers(0, LAST_PROTOCOL).filter(lambda number: number not in FAMILIES))
    return FlowRule(protocol, source)


PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    bytes: st.binary(max_size=16),
    int: st.integers(-(2**63), 2**64 - 1),
    bool: st.booleans(),
    type(None): st.none(),
    FlowRule: flow_rules(),
    HomePrefix: home_prefixes(),
    Locator: (st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16)).map(Locator),
}


def values(of: Any) -> st.SearchStrategy[Any]:
    """Values of an annotation as the declarations of messages use them."""
    if of in PLAIN:
        return PLAIN[of]
    if isinstance(of, typing.NewType):
        return values(of.__supertype__)
    origin, arguments = typing.get_origin(of), typing.get_args(of)
    if origin is typing.Annotated:
        return bounded(*arguments)
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin in (types.UnionType, typing.Union):
        return st.one_of([values(argument) for argument in arguments])
    if issubclass(of, Enum):
        return st.sampled_from(list(of))
    hints = typing.get_type_hints(of, include_extras=True)
    fields = {field.name: values(hints[field.name]) for field in msgspec.structs.fields(of)}
    return st.builds(of, **fields)


def bounded(of: type, bounds: msgspec.Meta) -> st.SearchStrategy[Any]:
    """Numbers as an annotation allows them."""
    assert bounds.ge is not None
    assert bounds.le is not None
    if of is float:
        return st.floats(bounds.ge, bounds.le, allow_nan=False)
    return st.integers(int(bounds.ge), int(bounds.le))


@st.composite
def envelopes(draw: st.DrawFn, point: ReferencePoint | None = None) -> Envelope:
    """An envelope with any message of a reference point."""
    over = point or draw(st.sampled_from(list(CATALOGUE.values())))
    message = draw(st.sampled_from(over.messages).flatmap(values))
    entity = st.sampled_from(list(FunctionalEntity))
    ends = [EntityAddress(NodeId(draw(TEXT)), draw(entity)) for _ in range(2)]
    return Envelope(over.name, ends[0], ends[1], message)
