"""Coverage-guided fuzzing of the LISP codec: `--runs` inputs, or until interrupted.

    .venv/bin/python tests/wire/lisp_fuzzer.py --runs 1000000

libFuzzer (by way of atheris) keeps the inputs that reach code no other did and mutates them, from
one message of every type. Whatever the octets, the codec must return a value or raise WireError,
and what it returned must survive being encoded and decoded again. The first input that breaks
this is kept in a file, shown with its traceback, and ends the run with another exit code than 0.
"""

import contextlib
import sys
from collections.abc import Iterator

from fuzzing import instrumented, main

with instrumented():
    from lisp_samples import MESSAGES

    from opendmm.wire.errors import WireError
    from opendmm.wire.lisp import decode, is_authentic
    from opendmm.wire.lisp.data_header import DataHeader
    from opendmm.wire.lisp.encapsulated import EncapsulatedControl
    from opendmm.wire.lisp.messages import MapReply, Registration
    from opendmm.wire.lisp.security import ReplySecurity, RequestSecurity

KEY = bytes(16)
LONGEST_INPUT = 512


def try_octets(data: bytes) -> None:
    """One input. Raises whatever the codec should not."""
    with contextlib.suppress(WireError):
        DataHeader.read(data)
    try:
        message = decode(data)
    except WireError:
        return
    with contextlib.suppress(WireError):
        match message:
            case Registration():
                is_authentic(message, data, KEY)
            case MapReply(security=security) if security:
                ReplySecurity.parse(security).eids.is_authentic(KEY)
            case EncapsulatedControl(security=security) if security:
                RequestSecurity.parse(security)
    again = message.packed()
    if decode(again).packed() != again:
        raise AssertionError(f"{message} became another in {again.hex()}")


def corpus() -> Iterator[bytes]:
    return (message.packed() for message in MESSAGES.values())


if __name__ == "__main__":
    sys.exit(main(__file__, __doc__, try_octets, corpus, LONGEST_INPUT))
