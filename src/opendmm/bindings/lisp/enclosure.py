"""Whole messages of reference points in LISP's: in a Vendor-Specific address (RFC 9306) that a
locator of priority 255 has, so that nobody sends packets there and who does not know it passes
over it. Move order, grant, identities have no other place.
"""

from ipaddress import IPv4Address, IPv6Address
from typing import Any

import msgspec

from opendmm.bindings.lisp.carriage import NAMES, mapping_of
from opendmm.model.addressing import Egress, HomePrefix
from opendmm.reference_points.message import Message
from opendmm.wire.lisp.addresses import Address
from opendmm.wire.lisp.lcaf import VendorSpecific
from opendmm.wire.lisp.numbers import NEVER_USED, Action
from opendmm.wire.lisp.records import EidRecord, Locator

ORGANISATION = 0x02444D
"""A locally administered identifier: the project has none of its own."""


def records_of(
    message: Message, ttl: int, action: Action = Action.NO_ACTION
) -> tuple[EidRecord, ...]:
    """A record of each prefix that a message is about (or one about none), the first with all."""
    prefixes, egress = mapping_of(message)
    locators = (_locator(egress),) if egress is not None else ()
    fields = msgspec.to_builtins(message, builtin_types=(bytes,))
    extension = VendorSpecific(ORGANISATION, msgspec.msgpack.encode(fields))
    enclosing = Locator(address=extension, priority=NEVER_USED, weight=0)
    about: list[tuple[Address, int]] = [(_address(one), one.length) for one in prefixes]
    about = about or [(None, 0)]
    return tuple(
        EidRecord(
            eid=eid,
            mask_length=length,
            ttl=ttl if egress is not None or not prefixes else 0,
            locators=(*locators, enclosing) if first else locators,
            action=action,
            authoritative=True,
        )
        for first, (eid, length) in zip((True, *[False] * len(about)), about, strict=False)
    )


def message_in(records: tuple[EidRecord, ...]) -> Message | None:
    """The message that one of us enclosed; None when nobody has. Raises ValueError."""
    for record in records:
        for locator in record.locators:
            address = locator.address
            if isinstance(address, VendorSpecific) and address.organisation == ORGANISATION:
                return _message(address.data)
    return None


def prefix_of(eid: object, length: int) -> HomePrefix | None:
    """An EID-prefix as the framework has it; None where it is none of IPv4 or IPv6."""
    if not isinstance(eid, IPv4Address | IPv6Address):
        return None
    return HomePrefix.parse(f"{eid}/{length}")


def _message(data: bytes) -> Message:
    try:
        fields: dict[str, Any] = msgspec.msgpack.decode(data, type=dict[str, Any])
        kind = NAMES.get(str(fields.get("type")))
        if kind is None:
            raise ValueError(f"no message {fields.get('type')} is carried by LISP")
        return msgspec.convert(fields, kind, builtin_types=(bytes,))
    except (msgspec.MsgspecError, RecursionError) as problem:
        raise ValueError(f"the extension is unreadable: {problem}") from problem


def _locator(egress: Egress) -> Locator:
    return Locator(address=IPv6Address(egress.locator.address))


def _address(prefix: HomePrefix) -> IPv4Address | IPv6Address:
    return IPv6Address(prefix.network) if prefix.is_ipv6 else IPv4Address(prefix.network)
