"""Whole messages of reference points in LISP's: in a Vendor-Specific address (RFC 9306) that a
locator of priority 255 has, so that nobody sends packets there. Move order, grant, identities have
no other place.
"""

from ipaddress import IPv4Address, IPv6Address
from typing import Any

import msgspec

from opendmm.bindings.lisp.carriage import NAMES, mapping_of
from opendmm.model.addressing import Egress, HomePrefix
from opendmm.reference_points.message import Message
from opendmm.wire.lisp.lcaf.others import VendorSpecific
from opendmm.wire.lisp.numbers import NEVER_USED, Action
from opendmm.wire.lisp.reading import Tolerance
from opendmm.wire.lisp.records import EidRecord, Locator

ORGANISATION = 0x02444D
"""A locally administered identifier: the project has none of its own."""
TOLERANCE = Tolerance(organisations=frozenset({ORGANISATION}))
"""What nodes of ours read of each other; whoever else gets it is to drop it (RFC 9306 §4)."""


def records_of(message: Message, ttl: int) -> tuple[EidRecord, ...]:
    """A record of each prefix that a message is about, and the message: in the first one that says
    where they are, else in a record about nothing."""
    prefixes, egress = mapping_of(message)
    fields = msgspec.to_builtins(message, builtin_types=(bytes,))
    extension = VendorSpecific(ORGANISATION, msgspec.msgpack.encode(fields))
    enclosing = Locator(address=extension, priority=NEVER_USED, weight=0)
    if egress is None:
        about = tuple(_record(prefix, 0, ()) for prefix in prefixes)
        return (*about, EidRecord(eid=None, mask_length=0, ttl=ttl, locators=(enclosing,)))
    locators = (_locator(egress),)
    first, *others = prefixes
    return (
        _record(first, ttl, (*locators, enclosing)),
        *(_record(prefix, ttl, locators) for prefix in others),
    )


def negative(message: Message) -> tuple[EidRecord, ...]:
    """The same of a message that its prefixes are nowhere (RFC 9301 §5.4), for a minute."""
    *about, enclosing = records_of(message, 1)
    forward = {"ttl": 1, "action": Action.NATIVELY_FORWARD}
    return (*(msgspec.structs.replace(one, **forward) for one in about), enclosing)


def message_in(records: tuple[EidRecord, ...]) -> Message | None:
    """The message that one of us enclosed; None when nobody has. Raises ValueError."""
    for record in records:
        for locator in record.locators:
            address = locator.address
            if isinstance(address, VendorSpecific) and address.organisation == ORGANISATION:
                return _message(address.data)
    return None


def _message(data: bytes) -> Message:
    try:
        fields: dict[str, Any] = msgspec.msgpack.decode(data, type=dict[str, Any])
        kind = NAMES.get(str(fields.get("type")))
        if kind is None:
            raise ValueError(f"no message {fields.get('type')} is carried by LISP")
        return msgspec.convert(fields, kind, builtin_types=(bytes,))
    except (msgspec.MsgspecError, RecursionError) as problem:
        raise ValueError(f"the extension is unreadable: {problem}") from problem


def _record(prefix: HomePrefix, ttl: int, locators: tuple[Locator, ...]) -> EidRecord:
    return EidRecord(
        eid=_address(prefix),
        mask_length=prefix.length,
        ttl=ttl,
        locators=locators,
        authoritative=True,
    )


def _locator(egress: Egress) -> Locator:
    return Locator(address=IPv6Address(egress.locator.address))


def _address(prefix: HomePrefix) -> IPv4Address | IPv6Address:
    return IPv6Address(prefix.network) if prefix.is_ipv6 else IPv4Address(prefix.network)
