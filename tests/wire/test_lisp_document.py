"""docs/lisp-messages.md tells what the codec knows."""

import re
from pathlib import Path

import pytest

from opendmm.wire.lisp.codec import MESSAGES
from opendmm.wire.lisp.lcaf.registry import KNOWN

PAGE = Path(__file__).parents[2] / "docs" / "lisp-messages.md"
ROW = re.compile(r"^\| (\d+) \| [^|]+ \| `(\w+)\.(\w+)` \|", re.MULTILINE)
SECTIONS = dict(
    part.split("\n", 1) for part in PAGE.read_text().split("\n## ") if not part.startswith("#")
)


@pytest.mark.parametrize(("section", "registry"), [("Messages", MESSAGES), ("Addresses", KNOWN)])
def test_the_page_is_in_step_with_the_registry(section: str, registry: dict[int, type]) -> None:
    told = {(int(number), module, name) for number, module, name in ROW.findall(SECTIONS[section])}
    assert told == {
        (number, kind.__module__.rpartition(".")[2], kind.__name__)
        for number, kind in registry.items()
    }
