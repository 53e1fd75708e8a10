"""Options one after another: lengths, alignment, padding, what must be last (RFC 6275 §6.2)."""

import struct
from collections.abc import Iterator, Sequence

from opendmm.wire.errors import WireError
from opendmm.wire.mobility.numbers import AuthenticationSubtype, OptionType
from opendmm.wire.mobility.options.base import MobilityOption, UnknownOption
from opendmm.wire.mobility.options.base_protocol import BindingAuthorizationDataOption
from opendmm.wire.mobility.options.fast_handover import FastBindingAuthorizationDataOption
from opendmm.wire.mobility.options.identification import MessageAuthenticationOption
from opendmm.wire.mobility.options.registry import OPTIONS

TYPE_AND_LENGTH = 2
LARGEST_LENGTH = 255
WORD = 4
PAD1 = int(OptionType.PAD1)
PADN = int(OptionType.PADN)
#: Options whose Length counts words.
IN_WORDS = frozenset(number for number, kind in OPTIONS.items() if kind.LENGTH_IN_WORDS)
#: A Mobility Header is a multiple of this many octets (RFC 6275 §6.1.1).
UNIT = 8
LAST = (BindingAuthorizationDataOption, FastBindingAuthorizationDataOption)


def parse_options(data: bytes, begin: int) -> tuple[MobilityOption, ...]:
    """The options from octet `begin` to the end, without padding. Raises WireError."""
    options: list[MobilityOption] = []
    starts: list[int] = []
    stop = begin
    if stop == len(data):
        return ()
    for start, stop in option_spans(data, begin):
        options.append(_parse_option(data, start, stop))
        starts.append(start)
    _refuse_misplaced(options, starts)
    if stop != len(data) and options and isinstance(options[-1], BindingAuthorizationDataOption):
        raise WireError("padding after the Binding Authorization Data", stop)
    return tuple(options)


def option_spans(data: bytes, begin: int) -> Iterator[tuple[int, int]]:
    """Where each option from octet `begin` to the end starts and stops, padding left out.

    Raises WireError at an option that runs past the end.
    """
    offset, end = begin, len(data)
    while offset < end:
        number = data[offset]
        if number == PAD1:
            offset += 1
            continue
        start, offset = offset, _end_of_option(data, offset)
        if number != PADN:
            yield start, offset


def append_options(data: bytearray, options: Sequence[MobilityOption]) -> None:
    """Write options behind what `data` holds, each where it may begin, and pad to the unit.

    Raises WireError for values without an encoding.
    """
    starts: list[int] = []
    for option in options:
        factor, remainder = option.alignment
        data += GAPS[(remainder - len(data)) % factor]
        starts.append(len(data))
        data += _encoded(option)
    _refuse_misplaced(options, starts)
    data += GAPS[-len(data) % UNIT]


def padding(count: int) -> bytes:
    """Octets that fill a gap: Pad1 for one, PadN for more."""
    if count < TYPE_AND_LENGTH:
        return bytes(count)
    return bytes((PADN, count - TYPE_AND_LENGTH)) + bytes(count - TYPE_AND_LENGTH)


#: What may be needed between two options.
GAPS = tuple(padding(count) for count in range(UNIT))


def _end_of_option(data: bytes, offset: int) -> int:
    length_at = offset + 1
    if length_at == len(data):
        raise WireError("an option ends before its length", offset)
    length = data[length_at]
    if data[offset] in IN_WORDS:
        length = WORD - TYPE_AND_LENGTH + WORD * length
    end = offset + TYPE_AND_LENGTH + length
    if end > len(data):
        raise WireError(f"an option of {length} octets runs past the end", length_at)
    return end


def _parse_option(data: bytes, offset: int, end: int) -> MobilityOption:
    kind = OPTIONS.get(data[offset])
    body = data[offset + TYPE_AND_LENGTH : end]
    if kind is None:
        return UnknownOption(data[offset], body, offset % UNIT)
    try:
        return kind.parse(body)
    except WireError as error:
        raise error.within(kind.__name__, offset + TYPE_AND_LENGTH) from None


def _encoded(option: MobilityOption) -> bytes:
    if isinstance(option, UnknownOption) and option.number in OPTIONS:
        raise WireError(f"option type {option.number} is not unknown")
    try:
        body = option.body()
    except struct.error as error:
        raise WireError(f"{type(option).__name__}: {error}") from None
    except WireError as error:
        raise error.within(type(option).__name__, 0) from None
    length = len(body)
    if option.LENGTH_IN_WORDS:
        length = (length - (WORD - TYPE_AND_LENGTH)) // WORD
    if length > LARGEST_LENGTH:
        raise WireError(f"{type(option).__name__}: {len(body)} octets are too long for an option")
    return bytes((option.number, length)) + body


def _refuse_misplaced(options: Sequence[MobilityOption], starts: Sequence[int]) -> None:
    """What stands behind an authenticator is not covered by it, and is not accepted.

    RFC 6275 §6.2.7, RFC 5568 §6.4.5, RFC 4285 §5.1 and §5.2. Another authenticator may follow that
    of RFC 4285, unless it is for the AAA server.
    """
    for option, after, start in zip(options, options[1:], starts[1:], strict=False):
        if isinstance(option, LAST):
            raise WireError("an option after the Binding Authorization Data", start)
        if isinstance(option, MessageAuthenticationOption) and (
            option.subtype == AuthenticationSubtype.MN_AAA
            or not isinstance(after, MessageAuthenticationOption)
        ):
            raise WireError("an option after the Mobility Message Authentication", start)
