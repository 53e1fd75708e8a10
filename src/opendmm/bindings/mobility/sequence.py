"""Sequence numbers of Binding Updates: 16 bits that run free (RFC 6275 §9.5.1)."""

ALL = 1 << 16
BEHIND = 1 << 15
"""How many numbers before the last one count as old."""


def newer(sequence: int, last: int) -> bool:
    """Whether a number is greater than the last one that was accepted.

    >>> [newer(sequence, 15) for sequence in (16, 32782, 32783, 65535, 0, 15)]
    [True, True, False, False, False, False]
    """
    return (last - sequence) % ALL > BEHIND


def following(sequence: int) -> int:
    """The next number."""
    return (sequence + 1) % ALL
