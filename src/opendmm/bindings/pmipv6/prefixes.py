"""Home prefixes as options: IPv6 prefixes (RFC 5213 §8.3) and IPv4 home addresses (RFC 5844)."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Network

from opendmm.model.addressing import HomePrefix
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import BindingStatus, Ipv4AddressStatus
from opendmm.wire.mobility.options.base import MobilityOption
from opendmm.wire.mobility.options.ipv4 import (
    Ipv4HomeAddressOption,
    Ipv4HomeAddressReplyOption,
    Ipv4HomeAddressRequestOption,
)
from opendmm.wire.mobility.options.proxy import HomeNetworkPrefixOption

ALL_ZERO = HomeNetworkPrefixOption(IPv6Network("::/0"))
"""Asks the anchor to assign a prefix (RFC 5213 §8.3)."""
NO_ADDRESS = IPv4Address(0)


def home_network_prefixes(prefixes: Iterable[HomePrefix]) -> tuple[HomeNetworkPrefixOption, ...]:
    """The IPv6 ones of some home prefixes."""
    return tuple(HomeNetworkPrefixOption(_network(p)) for p in prefixes if p.is_ipv6)


def requested(
    prefixes: Iterable[HomePrefix], *, ipv4: bool = True, ipv6: bool = True
) -> tuple[MobilityOption, ...]:
    """For a PBU: these prefixes, or whatever the anchor has for the mobile node.

    At most one IPv4 home address may be asked for (RFC 5844 §3.1.2.1).
    """
    known = tuple(prefixes)
    addresses = tuple(
        Ipv4HomeAddressRequestOption(IPv4Address(p.network), p.length)
        for p in known
        if not p.is_ipv6
    )
    asked: tuple[MobilityOption, ...] = ()
    if ipv6:
        asked += home_network_prefixes(known) or (ALL_ZERO,)
    if ipv4:
        asked += addresses[:1] or (Ipv4HomeAddressRequestOption(NO_ADDRESS),)
    return asked


def assigned(prefixes: Iterable[HomePrefix]) -> tuple[MobilityOption, ...]:
    """For a PBA that accepts: the mobile node's prefixes."""
    known = tuple(prefixes)
    ipv4 = tuple(
        Ipv4HomeAddressReplyOption(Ipv4AddressStatus.SUCCESS, IPv4Address(p.network), p.length)
        for p in known
        if not p.is_ipv6
    )
    return home_network_prefixes(known) + ipv4 or (ALL_ZERO,)


IPV4_DENIALS = {
    BindingStatus.NOT_AUTHORIZED_FOR_IPV4_HOME_ADDRESS: (
        Ipv4AddressStatus.ADMINISTRATIVELY_PROHIBITED
    ),
    BindingStatus.INSUFFICIENT_RESOURCES: Ipv4AddressStatus.REASON_UNSPECIFIED,
}
"""RFC 5844 §3.1.2.2: which refusals say something of the IPv4 home address."""


def denied_ipv4(
    request: MobilityMessage, status: BindingStatus
) -> tuple[Ipv4HomeAddressReplyOption, ...]:
    """For a PBA that rejects: what became of the IPv4 home address asked for."""
    denial = IPV4_DENIALS.get(status)
    if denial is None:
        return ()
    return tuple(
        Ipv4HomeAddressReplyOption(denial, asked.address, asked.prefix_length)
        for asked in request.every(Ipv4HomeAddressRequestOption)
    )


def transferred(prefixes: Iterable[HomePrefix]) -> tuple[MobilityOption, ...]:
    """For a HI or HAck (RFC 5949 §6.2): the prefixes in their order."""
    return tuple(
        HomeNetworkPrefixOption(_network(p))
        if p.is_ipv6
        else Ipv4HomeAddressOption(IPv4Address(p.network), p.length)
        for p in prefixes
    )


def prefixes_in(message: MobilityMessage) -> tuple[HomePrefix, ...]:
    """The home prefixes a message names, requests for any left out."""
    found = [_prefix_of(option) for option in message.options]
    return tuple(prefix for prefix in found if prefix is not None)


def _prefix_of(option: MobilityOption) -> HomePrefix | None:
    match option:
        case HomeNetworkPrefixOption(prefix=network) if option != ALL_ZERO:
            return HomePrefix(network.network_address.packed, network.prefixlen)
        case (
            Ipv4HomeAddressOption(address=address, prefix_length=length)
            | Ipv4HomeAddressRequestOption(address=address, prefix_length=length)
        ) if address != NO_ADDRESS:
            return HomePrefix(address.packed, length)
        case Ipv4HomeAddressReplyOption(status=Ipv4AddressStatus.SUCCESS):
            return HomePrefix(option.address.packed, option.prefix_length)
        case _:
            return None


def _network(prefix: HomePrefix) -> IPv6Network:
    return IPv6Network((prefix.network, prefix.length))
