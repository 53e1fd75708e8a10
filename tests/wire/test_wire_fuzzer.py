"""A short run of each coverage-guided fuzzer; `make fuzz` has the long ones."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

FUZZERS = ("mobility_header_fuzzer.py", "lisp_fuzzer.py")


@pytest.mark.parametrize("fuzzer", FUZZERS)
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris has wheels for Linux on x86-64 only",
)
def test_the_fuzzer_finds_nothing_in_ten_thousand_inputs(fuzzer: str) -> None:
    run = subprocess.run(
        [sys.executable, str(Path(__file__).parent / fuzzer), "--runs", "10000"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    assert "Done 10000 runs" in run.stdout
