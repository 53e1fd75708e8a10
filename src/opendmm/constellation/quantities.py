"""The file's texts with units as numbers: durations, rates, shares."""

import re

_DURATION = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_RATE = {"kbit": 1e3, "Mbit": 1e6, "Gbit": 1e9}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z%]+)")


def _value(text: str, units: dict[str, float], what: str) -> float:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match[2] not in units:
        raise ValueError(f"{text!r} is no {what}: write a number with one of {', '.join(units)}")
    return float(match[1]) * units[match[2]]


def seconds(duration: str) -> float:
    """A duration such as "20ms" in seconds. Raises ValueError."""
    return _value(duration, _DURATION, "duration")


def bits_per_second(rate: str) -> float:
    """A rate such as "100Mbit" in bit/s. Raises ValueError."""
    return _value(rate, _RATE, "rate")


def share(percentage: str) -> float:
    """A percentage such as "1.5%" as a share of one. Raises ValueError."""
    return _value(percentage, {"%": 0.01}, "percentage")
