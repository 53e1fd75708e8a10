"""Coverage-guided fuzzing of the LISP codec: `--runs` inputs, or until interrupted.

    .venv/bin/python tests/wire/lisp_fuzzer.py --runs 1000000

libFuzzer (by way of atheris) keeps the inputs that reach code no other did and mutates them, from
messages of every type, canonical addresses and data headers. Each input is tried as it is, and as
an encapsulated message with the right checksums. Whatever the octets, the codec must return a
value or raise WireError, and what it returned must survive being encoded and decoded again. The
first input that breaks this is kept in a file, shown with its traceback, and ends the run with
another exit code than 0.
"""

import contextlib
import sys
from collections.abc import Iterator

from fuzzing import instrumented, main

with instrumented():
    from lisp_samples import ADDRESSES, EID, HEADERS, ITR, MESSAGES, TOLERANCE

    from opendmm.wire.errors import WireError
    from opendmm.wire.lisp.addresses import pack_address, plain_addresses, prefix_of, read_address
    from opendmm.wire.lisp.authentication import LIBERAL, holds
    from opendmm.wire.lisp.codec import Received, decode, encode, receive, receive_inner
    from opendmm.wire.lisp.data_header import DataHeader
    from opendmm.wire.lisp.encapsulated import EncapsulatedControl
    from opendmm.wire.lisp.lcaf.registry import DEEPEST
    from opendmm.wire.lisp.messages import MapReply, MapRequest
    from opendmm.wire.lisp.one_time_keys import unwrapped
    from opendmm.wire.lisp.protection import authorised_records, eids_hold, reply_holds
    from opendmm.wire.lisp.reading import Reader

KEY = bytes(16)
LONGEST_INPUT = 512


def try_octets(data: bytes) -> None:
    """One input. Raises whatever the codec should not."""
    try_message(data)
    try_inner(data)
    try_address(data)
    with contextlib.suppress(WireError):
        header = DataHeader.read(data)
        require_same(DataHeader.read(header.packed()), header)


def try_message(data: bytes) -> None:
    try:
        received = receive(data, TOLERANCE)
    except WireError:
        return
    try_checks(received)
    message = received.message
    if isinstance(message, MapRequest) and len(message.questions) > 1:
        return  # which may be read, and not written
    again = encode(message)
    require_same(encode(decode(again, TOLERANCE)), again)


def try_inner(data: bytes) -> None:
    """As the message within an encapsulated one, and as the datagram."""
    outer = EncapsulatedControl(source=ITR, destination=EID, source_port=1, message=data)
    require_same(decode(encode(outer)), outer)
    with contextlib.suppress(WireError):
        try_checks(receive_inner(outer, TOLERANCE))


def try_checks(received: Received) -> None:
    """Of whatever message: who it is from."""
    holds(received, KEY, LIBERAL)
    reply_holds(received, KEY)
    with contextlib.suppress(WireError):
        authorised_records(received, KEY)
    match received.message:
        case MapReply(security=security) if security is not None:
            eids_hold(security.eids, KEY)
        case EncapsulatedControl(security=security) if security is not None:
            eids_hold(security.eids, KEY)
            with contextlib.suppress(WireError):
                unwrapped(security.wrapped, KEY, 0, security.wrapping)


def try_address(data: bytes) -> None:
    try:
        address = read_address(Reader(data, TOLERANCE))
    except WireError:
        return
    plain_addresses(address)
    prefix_of(address, 0)
    require_same(read_address(Reader(pack_address(address), TOLERANCE)), address)


def require_same(found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError(f"{expected!r} became {found!r}")


def corpus() -> Iterator[bytes]:
    yield from map(encode, MESSAGES.values())
    yield from map(pack_address, ADDRESSES.values())
    yield from (header.packed() for header in HEADERS.values())
    yield nested(DEEPEST)


def nested(depth: int) -> bytes:
    """Instances in instances, with room behind each for one more."""
    if not depth:
        return bytes(2)
    body = bytes(4) + nested(depth - 1) + bytes(8)
    return bytes.fromhex(f"400300000200{len(body):04x}") + body


if __name__ == "__main__":
    sys.exit(main(__file__, __doc__, try_octets, corpus, LONGEST_INPUT))
