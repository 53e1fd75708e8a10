"""Statuses as people read them."""

import pytest

from opendmm.reference_points.message import Status, status_name


@pytest.mark.parametrize(
    ("status", "name"),
    [(Status.NOT_AUTHORISED, "not authorised (130)"), (Status.STALE, "stale (131)")],
)
def test_a_status_is_named(status: int, name: str) -> None:
    assert status_name(status) == name


def test_an_unknown_status_is_a_number() -> None:
    assert status_name(250) == "status 250"
