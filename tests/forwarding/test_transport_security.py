"""ESP in transport mode: what follows from a shared key, and what the kernel is told of it."""

from ipaddress import IPv6Address

from opendmm.forwarding.kernel.transport_security import FIRST_SPI, direction

A, B = IPv6Address("fd00:d:1::1"), IPv6Address("fd00:d:2::1")
KEY = bytes(range(16))


def test_both_ends_come_to_the_same_association() -> None:
    assert direction(KEY, A, B) == direction(KEY, IPv6Address(str(A)), IPv6Address(str(B)))


def test_each_direction_has_keys_of_its_own() -> None:
    there, back = direction(KEY, A, B), direction(KEY, B, A)
    parts = {there.cipher_key, there.integrity_key, back.cipher_key, back.integrity_key}
    assert len(parts) == 4
    assert {len(part) for part in parts} == {32}
    assert there.spi != back.spi


def test_no_spi_is_a_reserved_one() -> None:
    spis = {direction(number.to_bytes(16, "big"), A, B).spi for number in range(500)}
    assert FIRST_SPI <= min(spis) <= max(spis) < 1 << 32
    assert len(spis) == 500
