"""Messages as options of a Mobility Header, and back.

What an option can say stands in it and nowhere else: the mobile node (RFC 4283), its prefixes
as Home Network Prefix or, with their anchor, as Previous MAAR (RFC 5213 §8.3, RFC 8885 §4.5), its
link-layer identifier. The rest, above all order and grant, is in the vendor extension. Home
addresses of IPv4, for which these options have no room, are in the extension, too.
"""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv6Address, IPv6Network
from typing import Any

import msgspec

from opendmm.bindings.mobility.vendor import payload_in, wrapped
from opendmm.bindings.pmipv6.prefixes import home_network_prefixes, prefixes_in
from opendmm.bindings.rfc8885.carriage import NAMES, Options
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.reference_points import r_xx
from opendmm.reference_points.message import Message
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.options.base import MobilityOption
from opendmm.wire.mobility.options.distributed import PreviousMaarOption
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption
from opendmm.wire.mobility.options.proxy import LinkLayerIdentifierOption

Fields = dict[str, Any]
Addresses = dict[NodeId, IPv6Address]
UNNAMED = NodeId("")
PARTS = ("context", "policy")
LISTS = ("contexts", "policies", "results")
"""The fields of messages that speak of a mobile node in their own turn."""


class Enclosure(msgspec.Struct, array_like=True, omit_defaults=True):
    """What the extension holds. `sender` and `receiver` are named where they are not the
    packet's own ends. `serial` is the sequence number of the serving MAAR's own PBU, for a
    previous MAAR to answer it (RFC 8885 §3.3); `partial` says that more will follow (§3.2).
    """

    messages: tuple[Fields, ...]
    sender: NodeId = UNNAMED
    receiver: NodeId = UNNAMED
    serial: int = 0
    partial: bool = False


class Opened(msgspec.Struct, frozen=True):
    """What was in a Mobility Header."""

    messages: tuple[Message, ...]
    sender: NodeId
    receiver: NodeId
    serial: int
    partial: bool


def enclosed(
    messages: Sequence[Message],
    addresses: Addresses,
    *,
    sender: NodeId = UNNAMED,
    receiver: NodeId = UNNAMED,
    serial: int = 0,
    partial: bool = False,
    previous: bool = False,
) -> Options:
    """Options for messages about one mobile node, or about none.

    With `previous` the prefixes of contexts are those of previous MAARs.
    """
    fields = [msgspec.to_builtins(message, builtin_types=(bytes,)) for message in messages]
    options: list[MobilityOption] = []
    subjects = list(_subjects(fields, "mobile_node"))
    named = {subject["mobile_node"] for subject in subjects}
    if len(named) == 1:
        options.append(MobileNodeIdentifierOption.from_nai(named.pop()))
        for subject in subjects:
            del subject["mobile_node"]
    if previous:
        options += _previous_maars(messages, fields, addresses)
    else:
        options += _home_prefixes(fields)
    enclosure = Enclosure(tuple(fields), sender, receiver, serial, partial)
    return (*options, *wrapped(msgspec.msgpack.encode(enclosure)))


def opened(carried: MobilityMessage, addresses: Addresses) -> Opened | None:
    """The messages in a Mobility Header; None when it has no extension. Raises ValueError."""
    payload = payload_in(carried)
    if payload is None:
        return None
    try:
        held = msgspec.msgpack.decode(payload, type=Enclosure)
        messages = tuple(_message(carried, fields, addresses) for fields in held.messages)
    except (msgspec.MsgspecError, RecursionError) as problem:
        raise ValueError(f"the extension is unreadable: {problem}") from problem
    return Opened(messages, held.sender, held.receiver, held.serial, held.partial)


def _home_prefixes(fields: Iterable[Fields]) -> Iterator[MobilityOption]:
    """Of the one context or policy that there is."""
    holders = list(_subjects(fields, "prefixes", deep=True))
    if len(holders) != 1 or not holders[0]["prefixes"]:
        return
    holder = holders[0]
    prefixes = msgspec.convert(holder["prefixes"], tuple[HomePrefix, ...], builtin_types=(bytes,))
    if all(_sayable(prefix) for prefix in prefixes):
        yield from home_network_prefixes(prefixes)
        del holder["prefixes"]
    identifier = holder.get("link_layer_id")
    if identifier:
        yield LinkLayerIdentifierOption(holder.pop("link_layer_id"))


def _previous_maars(
    messages: Sequence[Message], fields: Sequence[Fields], addresses: Addresses
) -> Iterator[MobilityOption]:
    for message, said in zip(messages, fields, strict=True):
        if not isinstance(message, r_xx.ContextResponse) or message.context is None:
            continue
        prefixes = message.context.prefixes
        yield from previous_maars(message.home_anchor, prefixes, addresses)
        if all(_sayable(prefix) for prefix in prefixes):
            del said["context"]["prefixes"]


def previous_maars(
    node: NodeId, prefixes: Iterable[HomePrefix], addresses: Addresses
) -> Iterator[PreviousMaarOption]:
    """Which prefixes a previous MAAR anchors (RFC 8885 §4.5)."""
    for prefix in prefixes:
        if prefix.is_ipv6:
            network = IPv6Network((prefix.network, prefix.length))
            yield PreviousMaarOption(addresses[node], network)


def _message(carried: MobilityMessage, fields: Fields, addresses: Addresses) -> Message:
    kind = NAMES.get(str(fields.get("type")))
    if kind is None:
        raise ValueError(f"no message {fields.get('type')} is carried by RFC 8885")
    identifier = carried.first(MobileNodeIdentifierOption)
    if identifier is not None:
        if "mobile_node" in kind.__struct_fields__:
            fields.setdefault("mobile_node", identifier.nai)
        for part in _parts(fields):
            part.setdefault("mobile_node", identifier.nai)
    for holder in _parts(fields):
        if "home_anchor" in holder:
            _complete(carried, holder, addresses)
    return msgspec.convert(fields, kind, builtin_types=(bytes,))


def _complete(carried: MobilityMessage, holder: Fields, addresses: Addresses) -> None:
    """Give a context or policy the prefixes and the identifier that options say."""
    if "prefixes" not in holder:
        anchored = carried.every(PreviousMaarOption)
        prefixes = (
            tuple(
                HomePrefix(
                    o.home_network_prefix.network_address.packed, o.home_network_prefix.prefixlen
                )
                for o in anchored
                if o.previous_maar == addresses.get(NodeId(str(holder["home_anchor"])))
            )
            if anchored
            else prefixes_in(carried)
        )
        holder["prefixes"] = msgspec.to_builtins(prefixes, builtin_types=(bytes,))
    identifier = carried.first(LinkLayerIdentifierOption)
    if identifier is not None:
        holder.setdefault("link_layer_id", identifier.address)


def _sayable(prefix: HomePrefix) -> bool:
    """Whether an option can say it: IPv6, and not the ALL_ZERO that asks for one."""
    return prefix.is_ipv6 and prefix.length > 0


def _subjects(fields: Iterable[Fields], name: str, *, deep: bool = False) -> Iterator[Fields]:
    """The maps, in messages and in their parts (only there: `deep`), that have a field."""
    for message in fields:
        candidates = [*_parts(message)] if deep else [message, *_parts(message)]
        yield from (candidate for candidate in candidates if name in candidate)


def _parts(message: Fields) -> Iterator[Fields]:
    for name in PARTS:
        if isinstance(message.get(name), dict):
            yield message[name]
    for name in LISTS:
        several = message.get(name)
        if isinstance(several, list | tuple):
            yield from (part for part in several if isinstance(part, dict))
