"""The header of encapsulated packets (RFC 9300 §5.3): what counts and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lisp_samples import HEADERS

from opendmm.wire.errors import WireError
from opendmm.wire.lisp.data_header import DataHeader, MapVersions


def read(text: str) -> DataHeader:
    return DataHeader.read(bytes.fromhex(text))


def test_with_n_and_v_there_is_a_nonce() -> None:
    """ "a decapsulating ETR MUST treat the 'Nonce/Map-Version' field as having a nonce value"."""
    assert read("90 005006 00000000") == DataHeader(nonce=0x005006)
    assert read("10 005006 00000000") == DataHeader(versions=MapVersions(5, 6))


def test_without_n_and_v_the_field_is_ignored() -> None:
    assert read("00 abcdef 00000000") == DataHeader()


def test_an_echo_is_asked_for_with_a_nonce_only() -> None:
    """The E bit "MUST be ignored and has no meaning when the N-bit is set to 0"."""
    assert read("a0 000001 00000000") == DataHeader(nonce=1, echo=True)
    assert read("20 000001 00000000") == DataHeader()
    assert read("30 001001 00000000") == DataHeader(versions=MapVersions(1, 1))


def test_without_l_there_are_no_status_bits() -> None:
    assert read("00 000000 ffffffff") == DataHeader()
    assert read("08 000000 123456ff") == DataHeader(instance=0x123456)
    assert read("40 000000 00000000") == DataHeader(status_bits=0)


def test_the_reserved_bit_is_ignored() -> None:
    assert read("04 000000 00000000") == DataHeader()
    assert read("07 000000 00000000") == DataHeader(key=3)


@pytest.mark.parametrize("length", range(8))
def test_what_is_too_short_is_refused(length: int) -> None:
    with pytest.raises(WireError, match=f"{length} octets where 8"):
        DataHeader.read(bytes(length))


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (DataHeader(nonce=1, versions=MapVersions(1, 1)), "in one header"),
        (DataHeader(echo=True), "no nonce"),
        (DataHeader(echo=True, versions=MapVersions(1, 1)), "no nonce"),
        (DataHeader(nonce=1 << 24), "nonce 16777216"),
        (DataHeader(nonce=-1), "nonce -1"),
        (DataHeader(versions=MapVersions(0x1000, 1)), "map version 4096"),
        (DataHeader(versions=MapVersions(1, -1)), "map version -1"),
        (DataHeader(instance=1 << 24), "Instance ID"),
        (DataHeader(instance=1, status_bits=256), "Locator-Status-Bits 256"),
        (DataHeader(status_bits=1 << 32), "Locator-Status-Bits"),
        (DataHeader(status_bits=-1), "Locator-Status-Bits -1"),
        (DataHeader(key=4), "key 4"),
    ],
)
def test_what_has_no_encoding_is_refused(header: DataHeader, why: str) -> None:
    with pytest.raises(WireError, match=why):
        header.packed()


@st.composite
def headers(draw: st.DrawFn) -> DataHeader:
    instance = draw(st.none() | st.integers(0, 0xFFFFFF))
    status_bits = st.integers(0, 0xFF if instance is not None else 0xFFFFFFFF)
    version = st.integers(0, 0xFFF)
    first = draw(
        st.fixed_dictionaries({"nonce": st.integers(0, 0xFFFFFF), "echo": st.booleans()})
        | st.fixed_dictionaries({"versions": st.builds(MapVersions, version, version)})
        | st.just({})
    )
    return DataHeader(
        instance=instance,
        status_bits=draw(st.none() | status_bits),
        key=draw(st.integers(0, 3)),
        **first,
    )


@given(headers())
def test_what_is_encoded_is_decoded_again(header: DataHeader) -> None:
    assert DataHeader.read(header.packed()) == header


@given(st.binary(min_size=8, max_size=16))
def test_any_eight_octets_are_a_header_with_an_encoding(data: bytes) -> None:
    header = DataHeader.read(data)
    assert DataHeader.read(header.packed()) == header


def test_the_samples_leave_no_field_out() -> None:
    for field in DataHeader.__struct_fields__:
        plain = getattr(DataHeader(), field)
        assert any(getattr(header, field) != plain for header in HEADERS.values())
