"""Which home registrations a home agent refuses, and with which status.

The checks of RFC 6275 §9.5.1, §10.3.1 and §10.3.2. Whose key a Binding Update was made with, and
when, has been checked before, in `node`; that the key is that of the home address (§10.3.1) comes
first of all here, for the other checks look at what is held of that address.
"""

from opendmm.bindings.mipv6.addresses import routable
from opendmm.bindings.mipv6.cache import BindingCache, Stage
from opendmm.bindings.mipv6.config import MipConfig
from opendmm.bindings.mipv6.extension import Moved
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mipv6.sealing import care_of_in, made_in
from opendmm.bindings.mobility.sequence import newer
from opendmm.bindings.mobility.vendor import addition
from opendmm.model.identity import MobileNodeId
from opendmm.wire.mobility.binding import BindingUpdate
from opendmm.wire.mobility.numbers import BindingStatus
from opendmm.wire.mobility.options.base_protocol import NonceIndicesOption


class Admission:
    """The checks of one home agent, against its configuration and its Binding Cache."""

    def __init__(self, config: MipConfig, cache: BindingCache) -> None:
        self.config = config
        self._cache = cache
        profiles = config.profiles.values()
        self._home_addresses = frozenset(a for one in profiles for a in one.home_addresses)

    def unanswerable(self, packet: Packet, update: BindingUpdate) -> str:
        """Why a Binding Update is discarded without an answer (§9.5.1); empty when it is not."""
        if not (routable(packet.sender) and routable(packet.source)):
            return f"{packet.sender} at {packet.source} is not unicast routable"
        if update.first(NonceIndicesOption) is not None:
            return "a home registration has no nonce indices"
        return ""

    def objection(
        self, packet: Packet, update: BindingUpdate, mobile_node: MobileNodeId
    ) -> BindingStatus | None:
        """With which status a Binding Update is refused; None when it is not."""
        profile = self.config.profiles[mobile_node]
        if packet.sender not in profile.home_addresses:
            return BindingStatus.ADMINISTRATIVELY_PROHIBITED
        return (
            self._out_of_order(packet, update)
            or self._not_served(mobile_node)
            or (self._not_to_register(packet, update) if update.lifetime else None)
            or (self._not_to_end(packet, update) if not update.lifetime else None)
        )

    def last_sequence(self, packet: Packet) -> int | None:
        """The sequence number of the last valid Binding Update of a home address."""
        held = self._cache.get(packet.sender)
        return held.request.update.sequence if held is not None and held.request else None

    def _out_of_order(self, packet: Packet, update: BindingUpdate) -> BindingStatus | None:
        """By sequence number (§9.5.1), then by time (RFC 4285 §6).

        Times are compared per home address, not per mobile node: the Binding Updates for two of
        them may overtake each other.
        """
        held = self._cache.get(packet.sender)
        if held is None or held.request is None:
            return None
        last = held.request.update
        if not newer(update.sequence, last.sequence):
            return BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
        if made_in(update) <= made_in(last):
            return BindingStatus.MIPV6_ID_MISMATCH
        return None

    def _not_served(self, mobile_node: MobileNodeId) -> BindingStatus | None:
        """§10.3.1: not on a link of ours, and no DMM extension makes up for that."""
        if self.config.node in self.config.profiles[mobile_node].agents:
            return None
        return BindingStatus.NOT_HOME_SUBNET

    def _not_to_register(self, packet: Packet, update: BindingUpdate) -> BindingStatus | None:
        """§10.3.1 wants a Home Address option. A care-of address that is a home address of
        somebody leads back to a home agent."""
        if packet.home_address is None:
            return BindingStatus.REASON_UNSPECIFIED
        care_of = care_of_in(packet, update)
        if not routable(care_of) or care_of in self._home_addresses:
            return BindingStatus.INVALID_CARE_OF_ADDRESS
        return None

    def _not_to_end(self, packet: Packet, update: BindingUpdate) -> BindingStatus | None:
        """§10.3.2: there must be something to end. Not so for a mobile node with the extension:
        it has none on its home link, where it says all the same that it is there, and a home
        agent that has restarted does not know of any."""
        said = addition(update, Moved)
        if said.attached_at or said.detached_at:
            return None
        held = self._cache.get(packet.sender)
        if held is None or held.stage is Stage.ASKED:
            return BindingStatus.NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE
        return None
