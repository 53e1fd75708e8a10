"""Which Proxy Binding Updates a local mobility anchor refuses, and with which status.

The checks of RFC 5213 §5.3.1, with those of RFC 5844 §3.1.2.1, in their order: the first that
fails gives the answer. Authentication (§4) comes before all of them, in `node`.
"""

from opendmm.bindings.mobility.fields import named
from opendmm.bindings.mobility.sequence import newer
from opendmm.bindings.pmipv6.cache import BindingCache
from opendmm.bindings.pmipv6.config import PmipConfig, PolicyProfile
from opendmm.bindings.pmipv6.fields import ticks_of
from opendmm.bindings.pmipv6.prefixes import prefixes_in
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.wire.mobility.binding import BindingUpdate
from opendmm.wire.mobility.numbers import BindingStatus, BindingUpdateFlags
from opendmm.wire.mobility.options.ipv4 import Ipv4HomeAddressRequestOption
from opendmm.wire.mobility.options.proxy import (
    FRACTIONS,
    AccessTechnologyTypeOption,
    HandoffIndicatorOption,
    HomeNetworkPrefixOption,
)


class Admission:
    """The checks of one anchor, against its configuration and its Binding Cache."""

    def __init__(self, config: PmipConfig, cache: BindingCache) -> None:
        self.config = config
        self._cache = cache

    def objection(
        self, gateway: NodeId, message: BindingUpdate, now: float
    ) -> BindingStatus | None:
        """With which status a PBU is refused; None when it is not."""
        if not message.flags & BindingUpdateFlags.P:
            return BindingStatus.HOME_REGISTRATION_NOT_SUPPORTED
        mobile_node = named(message)
        if not mobile_node:
            return BindingStatus.MISSING_MN_IDENTIFIER_OPTION  # item 4
        if gateway not in self.config.gateways:
            return BindingStatus.MAG_NOT_AUTHORIZED_FOR_PROXY_REG  # items 5 and 6
        profile = self.config.profiles.get(mobile_node)
        if profile is None:
            return BindingStatus.NOT_LMA_FOR_THIS_MOBILE_NODE  # item 7
        if not profile.proxied:
            return BindingStatus.PROXY_REG_NOT_ENABLED  # item 8
        return (
            self._out_of_order(message, mobile_node, now)  # item 9
            or _missing(message)  # items 10 to 12
            or _not_enabled(message, profile)  # RFC 5844 §3.1.2.1
            or self._not_its_own(message, mobile_node, profile)  # item 13
        )

    def timely(self, message: BindingUpdate, mobile_node: MobileNodeId, now: float) -> bool:
        """Whether the timestamp of a PBU is valid (RFC 5213 §5.5, item 6)."""
        ticks = ticks_of(message)
        if ticks is None:
            return False
        window = self.config.timestamp_validity_window
        close = abs(ticks / FRACTIONS - now) <= window
        return close and ticks > self._latest(mobile_node)

    def _out_of_order(
        self, message: BindingUpdate, mobile_node: MobileNodeId, now: float
    ) -> BindingStatus | None:
        """RFC 5213 §5.5: by timestamp where there is one, else by sequence number.

        An equal timestamp is not "greater" (item 6), nor "lower" (item 8). It gets the answer
        after which the gateway tries again at once: of two attached at one instant, one may be
        the right one, and nobody's clock is wrong.
        """
        ticks = ticks_of(message)
        if ticks is None:
            return self._out_of_sequence(message, mobile_node)
        if ticks <= self._latest(mobile_node):
            return BindingStatus.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED  # item 8
        if not self.timely(message, mobile_node, now):
            return BindingStatus.TIMESTAMP_MISMATCH  # item 9
        return None

    def _out_of_sequence(
        self, message: BindingUpdate, mobile_node: MobileNodeId
    ) -> BindingStatus | None:
        last = self.last_sequence(mobile_node)
        if last is None or newer(message.sequence, last):
            return None
        return BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW

    def last_sequence(self, mobile_node: MobileNodeId) -> int | None:
        """The last sequence number accepted of a mobile node."""
        claim = self._cache.claims.get(mobile_node)
        if claim is not None:
            return claim.request.sequence
        held = self._cache.entries.get(mobile_node)
        return held.sequence if held is not None else None

    def _latest(self, mobile_node: MobileNodeId) -> int:
        """The latest timestamp accepted, or waiting to be."""
        held = self._cache.entries.get(mobile_node)
        claim = self._cache.claims.get(mobile_node)
        return max(
            (held.ticks or 0) if held is not None else 0,
            (claim.ticks or 0) if claim is not None else 0,
        )

    def _not_its_own(
        self, message: BindingUpdate, mobile_node: MobileNodeId, profile: PolicyProfile
    ) -> BindingStatus | None:
        """RFC 5213 §5.3.2 and §5.4.1.1, RFC 5844 §3.1.2.2 and §3.1.2.7: what is asked for must be
        the mobile node's, and all it has where it has something already."""
        asked = set(prefixes_in(message))
        held = self._cache.entries.get(mobile_node)
        known = set(held.prefixes) if held is not None else set()
        for prefix in asked - known:
            if prefix not in profile.prefixes:
                return (
                    BindingStatus.NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX
                    if prefix.is_ipv6
                    else BindingStatus.NOT_AUTHORIZED_FOR_IPV4_HOME_ADDRESS
                )
        ipv6 = {prefix for prefix in asked if prefix.is_ipv6}
        if ipv6 and known and ipv6 != {prefix for prefix in known if prefix.is_ipv6}:
            return BindingStatus.BCE_PBU_PREFIX_SET_DO_NOT_MATCH
        return None


def _missing(message: BindingUpdate) -> BindingStatus | None:
    """An IPv4 home address request may stand for a prefix (RFC 5844 §3.1.2.1)."""
    if not (message.first(HomeNetworkPrefixOption) or message.first(Ipv4HomeAddressRequestOption)):
        return BindingStatus.MISSING_HOME_NETWORK_PREFIX_OPTION
    if message.first(HandoffIndicatorOption) is None:
        return BindingStatus.MISSING_HANDOFF_INDICATOR_OPTION
    if message.first(AccessTechnologyTypeOption) is None:
        return BindingStatus.MISSING_ACCESS_TECH_TYPE_OPTION
    return None


def _not_enabled(message: BindingUpdate, profile: PolicyProfile) -> BindingStatus | None:
    ipv4 = message.every(Ipv4HomeAddressRequestOption)
    if message.first(HomeNetworkPrefixOption) and not profile.may_use_ipv6:
        return BindingStatus.NOT_AUTHORIZED_FOR_IPV6_MOBILITY_SERVICE
    if ipv4 and not profile.may_use_ipv4:
        return BindingStatus.NOT_AUTHORIZED_FOR_IPV4_MOBILITY_SERVICE
    if len(ipv4) > 1:
        return BindingStatus.MULTIPLE_IPV4_HOME_ADDRESS_ASSIGNMENT_NOT_SUPPORTED
    return None
