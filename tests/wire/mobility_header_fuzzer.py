"""Coverage-guided fuzzing of the Mobility Header codec: `--runs` inputs, or until interrupted.

    .venv/bin/python tests/wire/mobility_header_fuzzer.py --runs 1000000

libFuzzer (by way of atheris) keeps the inputs that reach code no other did and mutates them, from
one message and one option of every type. Each input is tried as it is and in a frame of the right
length. Whatever the octets, the codec must return a value or raise WireError, and what it
returned must survive being encoded and decoded again. The first input that breaks this is kept in
a file, shown with its traceback, and ends the run with another exit code than 0.
"""

import contextlib
import sys
from collections.abc import Iterator
from ipaddress import IPv6Address

from fuzzing import instrumented, main

with instrumented():
    from wire_messages import MESSAGES, OPTIONS, VARIANTS, carrying

    from opendmm.wire.errors import WireError
    from opendmm.wire.mobility.authentication import (
        binding_authorization_holds,
        message_authentication_holds,
    )
    from opendmm.wire.mobility.codec import (
        LONGEST,
        decode_without_checksum,
        encode_without_checksum,
    )
    from opendmm.wire.mobility.home_address import decode_home_address
    from opendmm.wire.mobility.options.sequence import UNIT
    from opendmm.wire.mobility.routing_header import decode_routing_header

ADDRESS = IPv6Address("2001:db8::1")
KEY = bytes(16)
NO_NEXT_HEADER = 59
#: Far from the longest header: aligning what came unaligned takes room.
LONGEST_INPUT = 512


def try_octets(data: bytes) -> None:
    """One input. Raises whatever the codec should not."""
    try_message(data)
    try_message(framed(data))
    with contextlib.suppress(WireError):
        decode_home_address(data)
    with contextlib.suppress(WireError):
        decode_routing_header(data)


def try_message(data: bytes) -> None:
    try:
        message = decode_without_checksum(data)
    except WireError:
        return
    for holds in (message_authentication_holds, binding_authorization_holds):
        with contextlib.suppress(WireError):
            holds(data, KEY, ADDRESS, ADDRESS)
    again = encode_without_checksum(message)
    if decode_without_checksum(again) != message:
        raise AssertionError(f"{message} became another in {again.hex()}")


def framed(data: bytes) -> bytes:
    """The same octets as a header with the right Payload Proto and Header Len."""
    whole = data[:LONGEST] + bytes(-len(data[:LONGEST]) % UNIT) or bytes(UNIT)
    return bytes((NO_NEXT_HEADER, len(whole) // UNIT - 1)) + whole[2:]


def corpus() -> Iterator[bytes]:
    messages = (*MESSAGES, *map(carrying, (*OPTIONS, *VARIANTS)))
    return map(encode_without_checksum, messages)


if __name__ == "__main__":
    sys.exit(main(__file__, __doc__, try_octets, corpus, LONGEST_INPUT))
