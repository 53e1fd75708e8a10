"""`dmm show` says what is announced, and what mobility costs routers that are not ours."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from standing import needs_namespaces

from opendmm.cli.main import run
from opendmm.constellation.reading import load_deployment
from opendmm.lab import by_hand
from opendmm.lab.namespaces import Namespaces

EXAMPLE = Path(__file__).parents[2] / "examples" / "ibgp.yaml"
ROUTERS = {"edge", "core", "agg-a", "agg-b"}
NAME = "t-ibgproutes"
Show = Callable[[str], list[dict[str, Any]]]

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120), needs_namespaces]


@pytest.fixture
def show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Show]:
    """A laboratory with a mobile node at home, and a look at one of its tables."""
    path = tmp_path / "file.yaml"
    text = yaml.safe_load(EXAMPLE.read_text()) | {"constellation": NAME}
    path.write_text(yaml.safe_dump(text, sort_keys=False))
    by_hand.up(load_deployment(path), path, lambda _line: None)
    namespaces = Namespaces(NAME)

    def look(table: str) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert run(["show", table, "-o", "json", "--run-dir", str(namespaces.folder)]) == 0
        rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return rows

    try:
        yield look
    finally:
        namespaces.remove()


def followed(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {row["node"]: row["followed"] for row in rows if "followed" in row}


def test_routes_are_counted_in_every_router_and_announcements_at_the_anchor(show: Show) -> None:
    assert followed(show("routes")) == dict.fromkeys(ROUTERS, 0)
    assert show("announcements") == []
    by_hand.move(NAME, "mn1", "anchor-b")
    time.sleep(2.0)
    rows = show("routes")
    assert followed(rows) == dict.fromkeys(ROUTERS, 2)
    announced = {row["node"]: row["announced"] for row in rows if row["by"] == "opendmm"}
    assert announced == {"anchor-a": 0, "anchor-b": 2}
    (row,) = show("announcements")
    assert (row["node"], row["move"], row["told"]) == ("anchor-b", 2, "all routers")
    assert set(row["prefixes"]) == {"10.10.0.100/32", "2001:db8:a::100/128"}
    by_hand.move(NAME, "mn1", "anchor-a")
    time.sleep(4.0)
    assert followed(show("routes")) == dict.fromkeys(ROUTERS, 0)
    assert show("announcements") == []
