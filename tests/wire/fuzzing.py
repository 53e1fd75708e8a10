"""What the coverage-guided fuzzers of codecs have in common: libFuzzer, by way of atheris."""

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed; it has wheels for Linux on x86-64 only")


def instrumented() -> contextlib.AbstractContextManager[object]:
    """To import the codec in. Coverage is counted in the child only."""
    if "--corpus" in sys.argv:
        within: contextlib.AbstractContextManager[object] = atheris.instrument_imports(
            include=["opendmm.wire"]
        )
        return within
    return contextlib.nullcontext()


def main(
    script: str,
    description: str,
    try_octets: Callable[[bytes], None],
    corpus: Callable[[], Iterable[bytes]],
    longest: int,
) -> int:
    """As the command line has it; the exit code. Inputs have up to `longest` octets."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs to try")
    parser.add_argument("--corpus", help="folder of inputs to begin with and to add to")
    arguments = parser.parse_args()
    if arguments.corpus is None:
        return _fuzz_in_child(script, arguments.runs, corpus())
    _fuzz(script, arguments.runs, arguments.corpus, try_octets, longest)
    return 0


def _fuzz(
    script: str, runs: int, corpus: str, try_octets: Callable[[bytes], None], longest: int
) -> None:
    """In this process, which libFuzzer ends."""
    options = (
        f"-runs={runs}",
        f"-max_len={longest}",
        f"-artifact_prefix={tempfile.gettempdir()}/{Path(script).stem}-",
        "-print_final_stats=1",
    )
    atheris.Setup([sys.argv[0], *options, corpus], try_octets)
    atheris.Fuzz()


def _fuzz_in_child(script: str, runs: int, inputs: Iterable[bytes]) -> int:
    """In another process, which leaves nothing behind; its exit code."""
    with tempfile.TemporaryDirectory() as corpus:
        for number, octets in enumerate(inputs):
            Path(corpus, f"{number:03}").write_bytes(octets)
        child = [sys.executable, script, "--runs", str(runs), "--corpus", corpus]
        run = subprocess.run(child, capture_output=True, text=True, check=False)
    lines = (run.stdout + run.stderr).splitlines()
    telling = [line for line in lines if line.startswith(("Done ", "stat::"))]
    print("\n".join(telling if run.returncode == 0 else lines))
    return run.returncode
