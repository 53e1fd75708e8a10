"""Binding Updates of a mobile node to a correspondent, and what is asked of the answers
(RFC 6275 §11.7.2, §11.7.3)."""

from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.mipv6.packet import Packet
from opendmm.wire.errors import WireError
from opendmm.wire.mobility.authentication import (
    binding_authorization_holds,
    with_binding_authorization,
)
from opendmm.wire.mobility.binding import BindingUpdate
from opendmm.wire.mobility.codec import encode
from opendmm.wire.mobility.keygen import binding_management_key
from opendmm.wire.mobility.numbers import BindingUpdateFlags
from opendmm.wire.mobility.options.base_protocol import NonceIndicesOption


class Token(msgspec.Struct, frozen=True):
    """A keygen token, with the index of its nonce; of no use from `until` on (§5.2.7)."""

    value: bytes
    nonce_index: int
    until: float


NO_TOKEN = Token(b"", 0, 0.0)
"""In place of a care-of keygen token where a binding is to be deleted (§5.2.5, §11.7.2)."""


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """A Binding Update that was sent: what its acknowledgement is checked against.

    `at` is where the mobile node was, and what it registered; its home address at home. `lifetime`
    is in units of four seconds, and zero where the binding is to be deleted.
    """

    correspondent: IPv6Address
    home_address: IPv6Address
    at: IPv6Address
    sequence: int
    lifetime: int
    kbm: bytes
    sent: float

    @classmethod
    def by_tokens(
        cls,
        home: Token,
        care_of: Token,
        *,
        correspondent: IPv6Address,
        home_address: IPv6Address,
        at: IPv6Address,
        sequence: int,
        lifetime: int,
        now: float,
    ) -> tuple["Update", Packet]:
        """The update, and its packet; to delete a binding, `care_of` is NO_TOKEN."""
        update = cls(
            correspondent=correspondent,
            home_address=home_address,
            at=at,
            sequence=sequence,
            lifetime=lifetime,
            kbm=binding_management_key(home.value, care_of.value),
            sent=now,
        )
        return update, update.packet(NonceIndicesOption(home.nonce_index, care_of.nonce_index))

    @property
    def authenticated_address(self) -> IPv6Address:
        """The care-of address of the authenticator's formula (§6.2.7)."""
        return self.at if self.lifetime else self.home_address

    def packet(self, indices: NonceIndicesOption) -> Packet:
        """With a Home Address option, unless it is sent from home."""
        message = BindingUpdate(
            sequence=self.sequence,
            flags=BindingUpdateFlags.A,
            lifetime=self.lifetime,
            options=(indices,),
        )
        signed = with_binding_authorization(
            message, self.kbm, self.authenticated_address, self.correspondent
        )
        return Packet(
            source=self.at,
            destination=self.correspondent,
            data=encode(signed, self.home_address, self.correspondent),
            home_address=self.home_address if self.at != self.home_address else None,
        )

    def answered_at(self, packet: Packet) -> bool:
        """Whether a packet comes to where the answer goes: the update's source, by a type 2 routing
        header from there to the home address where these are not the same (§9.5.4)."""
        routed_to = self.home_address if self.at != self.home_address else None
        return packet.destination == self.at and packet.routed_to == routed_to

    def authorises(self, packet: Packet) -> bool:
        """Whether the Binding Authorization Data of an answer are there, and right (§5.2.6)."""
        address = self.authenticated_address
        try:
            return binding_authorization_holds(packet.data, self.kbm, address, self.correspondent)
        except WireError:
            return False
