"""docs/mobility-headers.md tells what the codec knows."""

import re
from pathlib import Path

import pytest

from opendmm.wire.mobility.options.registry import OPTIONS
from opendmm.wire.mobility.registry import MESSAGES

PAGE = Path(__file__).parents[2] / "docs" / "mobility-headers.md"
ROW = re.compile(r"^\| (\d+) \| [^|]+ \| `(\w+)\.(\w+)` \|", re.MULTILINE)
TOLD = {(int(number), module, name) for number, module, name in ROW.findall(PAGE.read_text())}


@pytest.mark.parametrize("registry", [MESSAGES, OPTIONS], ids=["messages", "options"])
def test_the_page_is_in_step_with_the_registry(registry: dict[int, type]) -> None:
    for number, kind in registry.items():
        kinds = kind.__subclasses__() if kind.__name__ == "BindingRevocation" else [kind]
        for known in kinds:
            assert (number, known.__module__.rpartition(".")[2], known.__name__) in TOLD


def test_the_page_tells_of_nothing_the_registry_has_not() -> None:
    numbers = {number for number, _, _ in TOLD}
    assert numbers == set(MESSAGES) | set(OPTIONS)
