"""The correspondent node (RFC 6275 §9): whom mobile nodes prove their addresses to.

A HoTI is answered with a HoT and a CoTI with a CoT, of nearly the same size and without a trace
left here. A Binding Update that proves, by both tokens, that its sender gets what is sent to the
home address and to the care-of address becomes a binding, and the data path takes the short way.
Pure: octets and time in; packets, changes of the data path and complaints out.
"""

from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.mipv6.addresses import routable
from opendmm.bindings.mipv6.binding_errors import BindingErrors
from opendmm.bindings.mipv6.constants import MAX_RR_BINDING_LIFETIME
from opendmm.bindings.mipv6.correspondent_cache import Authority, CachedBinding, Key
from opendmm.bindings.mipv6.nonces import Nonces, Random
from opendmm.bindings.mipv6.outputs import End, Optimise, Output, Restore
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mipv6.token_bucket import TokenBucket
from opendmm.bindings.mobility.agenda import Agenda
from opendmm.bindings.mobility.association import MessageRefused
from opendmm.bindings.mobility.outputs import STRANGER, Complain
from opendmm.bindings.mobility.sequence import newer
from opendmm.wire.mobility.authentication import (
    binding_authorization_holds,
    with_binding_authorization,
)
from opendmm.wire.mobility.binding import (
    BindingAcknowledgement,
    BindingRefreshRequest,
    BindingUpdate,
)
from opendmm.wire.mobility.codec import encode
from opendmm.wire.mobility.keygen import binding_management_key
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    LIFETIME_UNIT,
    BindingAcknowledgementFlags,
    BindingStatus,
    BindingUpdateFlags,
)
from opendmm.wire.mobility.options.base_protocol import (
    AlternateCareOfAddressOption,
    BindingAuthorizationDataOption,
    NonceIndicesOption,
)
from opendmm.wire.mobility.return_routability import (
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
)

LONGEST = MAX_RR_BINDING_LIFETIME // LIFETIME_UNIT
MOST_BINDINGS = 100_000
ANSWERED_ALWAYS = frozenset(
    {
        BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW,
        BindingStatus.EXPIRED_HOME_NONCE_INDEX,
        BindingStatus.EXPIRED_CARE_OF_NONCE_INDEX,
        BindingStatus.EXPIRED_NONCES,
        BindingStatus.INSUFFICIENT_RESOURCES,
    }
)
"""Asked for or not (§9.5.4)."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A Binding Update with all that it must have (§9.5.1), not yet believed."""

    packet: Packet
    message: BindingUpdate
    care_of: IPv6Address
    indices: NonceIndicesOption

    @property
    def home_address(self) -> IPv6Address:
        return self.packet.sender

    @property
    def correspondent(self) -> IPv6Address:
        return self.packet.receiver

    @property
    def key(self) -> Key:
        return self.correspondent, self.home_address

    @property
    def deletes(self) -> bool:
        return self.message.lifetime == 0

    @property
    def authority(self) -> Authority:
        indices = self.indices
        return Authority(self.care_of, indices.home_nonce_index, indices.care_of_nonce_index)

    @property
    def authenticated_address(self) -> IPv6Address:
        """The care-of address of the authenticator's formula (§6.2.7)."""
        return self.home_address if self.deletes else self.care_of


class Proof(msgspec.Struct, frozen=True):
    """Kbm of a Binding Update, and until when the nonces behind it are accepted."""

    kbm: bytes
    until: float


class Correspondent:
    """Of one node, whatever addresses it has.

    `random` gives octets that nobody can guess (`secrets.token_bytes`). `most_bindings` bounds
    the cache, with what is remembered of bindings that are gone.
    """

    def __init__(self, random: Random, most_bindings: int = MOST_BINDINGS) -> None:
        self.bindings: dict[Key, CachedBinding] = {}
        self.errors = BindingErrors()
        self._most_bindings = most_bindings
        self.nonces = Nonces(random)
        self._agenda: Agenda[Key] = Agenda()
        self._unproved = TokenBucket()

    # From the network

    def receive(self, packet: Packet, message: MobilityMessage, now: float) -> list[Output]:
        """A message that `packet` was decoded to: HoTI, CoTI or BU, others are ignored."""
        match message:
            case HomeTestInit() | CareOfTestInit():
                return self._tested(packet, message, now)
            case BindingUpdate():
                return self._updated(packet, message, now)
            case _:
                return []

    def _tested(
        self, packet: Packet, message: HomeTestInit | CareOfTestInit, now: float
    ) -> list[Output]:
        """§9.4: to the address it came from, by ordinary routing."""
        if packet.home_address is not None or not routable(packet.source):
            return []
        nonce = self.nonces.current(now)
        answer: HomeTest | CareOfTest
        if isinstance(message, HomeTestInit):
            token = self.nonces.home_token(packet.source, nonce)
            answer = HomeTest(nonce_index=nonce.index, cookie=message.cookie, keygen_token=token)
        else:
            token = self.nonces.care_of_token(packet.source, nonce)
            answer = CareOfTest(nonce_index=nonce.index, cookie=message.cookie, keygen_token=token)
        data = encode(answer, packet.receiver, packet.source)
        return [Packet(source=packet.receiver, destination=packet.source, data=data)]

    def _updated(self, packet: Packet, message: BindingUpdate, now: float) -> list[Output]:
        """§9.5.1: what is not believed gets no answer but for nonces that are not known."""
        try:
            request = _request(packet, message)
            proof = self._proof(request, now)
            if isinstance(proof, BindingStatus):
                return self._expired(request, proof, now)
            _verify(request, proof.kbm)
        except MessageRefused as problem:
            why = f"{packet.sender} at {packet.source}: {problem}"
            return [Complain("message-refused", STRANGER, {"why": why})]
        entry = self.bindings.get(request.key)
        status = self._objection(request, entry)
        if status is not None:
            last = entry.sequence if entry is not None else message.sequence
            out_of_window = status is BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
            sequence = last if out_of_window else message.sequence
            return self._answer(request, status, sequence, 0, proof.kbm)
        lifetime = min(message.lifetime, LONGEST)
        changes = self._accept(request, entry, proof, lifetime, now)
        answer = self._answer(
            request, BindingStatus.ACCEPTED, message.sequence, lifetime, proof.kbm
        )
        return [*changes, *answer]

    def _proof(self, request: Request, now: float) -> Proof | BindingStatus:
        """Kbm (§5.2.5), made anew, or with which status the nonces are not accepted."""
        home = self.nonces.find(request.indices.home_nonce_index, now)
        care_of = self.nonces.find(request.indices.care_of_nonce_index, now)
        if home is None:
            both = care_of is None and not request.deletes
            status = BindingStatus
            return status.EXPIRED_NONCES if both else status.EXPIRED_HOME_NONCE_INDEX
        home_token = self.nonces.home_token(request.home_address, home)
        if request.deletes:
            return Proof(binding_management_key(home_token), home.until)
        if care_of is None:
            return BindingStatus.EXPIRED_CARE_OF_NONCE_INDEX
        entry = self.bindings.get(request.key)
        if entry is not None and request.authority in entry.spent:
            return BindingStatus.EXPIRED_NONCES  # §9.5.3
        care_of_token = self.nonces.care_of_token(request.care_of, care_of)
        kbm = binding_management_key(home_token, care_of_token)
        return Proof(kbm, min(home.until, care_of.until))

    def _objection(self, request: Request, entry: CachedBinding | None) -> BindingStatus | None:
        """Why an authentic request is refused."""
        if entry is not None and not newer(request.message.sequence, entry.sequence):
            return BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
        if not request.deletes and request.care_of == request.home_address:
            return BindingStatus.INVALID_CARE_OF_ADDRESS  # packets would come back here
        if entry is None and len(self.bindings) >= self._most_bindings:
            return BindingStatus.INSUFFICIENT_RESOURCES
        return None

    def _accept(
        self,
        request: Request,
        entry: CachedBinding | None,
        proof: Proof,
        lifetime: int,
        now: float,
    ) -> list[Output]:
        """§9.5.2, §9.5.3. A deletion is remembered even where there was nothing to delete: the
        registration before it may be still under way."""
        if entry is None:
            entry = CachedBinding(
                correspondent=request.correspondent,
                home_address=request.home_address,
                sequence=request.message.sequence,
                replayable_until=proof.until,
            )
            self.bindings[entry.key] = entry
        entry.sequence = request.message.sequence
        entry.replayable_until = max(entry.replayable_until, proof.until)
        before = entry.care_of
        if request.deletes:
            entry.delete()
            self.nonces.retire()
        else:
            entry.bind(request.authority, lifetime * LIFETIME_UNIT, now)
        self._agenda.put(entry.key, entry.due)
        return _change(entry, before)

    # From the data path

    def unbound(
        self,
        source: IPv6Address,
        correspondent: IPv6Address,
        home_address: IPv6Address,
        now: float,
    ) -> list[Output]:
        """A payload packet with a Home Address option was dropped, as no rule allows it (§9.3.1).

        `source` and `correspondent` are the addresses of its IPv6 header. Nothing is said where
        the binding has come up since.
        """
        entry = self.bindings.get((correspondent, home_address))
        if entry is not None and entry.care_of == source:
            return []
        return [*self.errors.unknown_binding(source, correspondent, home_address, now)]

    def used(self, correspondent: IPv6Address, home_address: IPv6Address) -> None:
        """A binding has been used for a packet to the mobile node."""
        entry = self.bindings.get((correspondent, home_address))
        if entry is not None and not entry.used:
            entry.used = True
            self._agenda.put(entry.key, entry.due)

    # Time

    def next_timer(self) -> float:
        """When `fire` is due; infinite when nothing is."""
        return self._agenda.next_timer()

    def fire(self, now: float) -> list[Output]:
        """Bindings end that nobody renewed; of those in use, mobile nodes are asked before."""
        outputs: list[Output] = []
        for key in self._agenda.take(now):
            entry = self.bindings[key]
            before = entry.care_of
            if entry.until <= now:
                entry.end()
            if entry.care_of is None and entry.replayable_until <= now:
                del self.bindings[key]
            else:
                outputs += self._asked(entry, now)
                self._agenda.put(key, entry.due)
            outputs += _change(entry, before)
        return outputs

    def _asked(self, entry: CachedBinding, now: float) -> list[Packet]:
        """A Binding Refresh Request, always to the home address (§9.5.5): the home agent knows
        where the mobile node is, even if the binding does not."""
        if not entry.asks_now(now):
            return []
        data = encode(BindingRefreshRequest(), entry.correspondent, entry.home_address)
        return [Packet(source=entry.correspondent, destination=entry.home_address, data=data)]

    # Answers

    def _expired(self, request: Request, status: BindingStatus, now: float) -> list[Output]:
        """The one answer that needs no proof, and has none (§9.5.4)."""
        if not self._unproved.take(now):
            return []
        return self._answer(request, status, request.message.sequence, 0, None)

    def _answer(
        self,
        request: Request,
        status: BindingStatus,
        sequence: int,
        lifetime: int,
        kbm: bytes | None,
    ) -> list[Output]:
        """A Binding Acknowledgement, to where the update came from (§9.5.4)."""
        asked = request.message.flags & BindingUpdateFlags.A
        if not asked and status not in ANSWERED_ALWAYS:
            return []
        here, home_address = request.correspondent, request.home_address
        answer = BindingAcknowledgement(
            status=status,
            flags=BindingAcknowledgementFlags(0),
            sequence=sequence,
            lifetime=lifetime,
        )
        if kbm is not None:
            address = request.authenticated_address
            answer = with_binding_authorization(answer, kbm, address, here)
        packet = Packet(
            source=here,
            destination=request.packet.source,
            data=encode(answer, here, home_address),
            routed_to=home_address if request.packet.home_address is not None else None,
        )
        return [packet]


def _request(packet: Packet, message: BindingUpdate) -> Request:
    """What must be there is there. Raises MessageRefused."""
    if message.flags & BindingUpdateFlags.H:
        raise MessageRefused("a home registration, and this node knows of no such mobile node")
    indices = message.first(NonceIndicesOption)
    if indices is None:
        raise MessageRefused("no Nonce Indices option")
    if message.first(BindingAuthorizationDataOption) is None:
        raise MessageRefused("no Binding Authorization Data option")
    alternate = message.first(AlternateCareOfAddressOption)
    care_of = alternate.address if alternate is not None else packet.source
    for address in (packet.source, packet.sender, care_of):
        if not routable(address):
            raise MessageRefused(f"{address} is not a unicast routable address")
    return Request(packet=packet, message=message, care_of=care_of, indices=indices)


def _verify(request: Request, kbm: bytes) -> None:
    """§6.2.7. Raises MessageRefused."""
    data, address = request.packet.data, request.authenticated_address
    if not binding_authorization_holds(data, kbm, address, request.correspondent):
        raise MessageRefused("wrong Binding Authorization Data")


def _change(entry: CachedBinding, before: IPv6Address | None) -> list[Output]:
    """What the data path is to do, now that the care-of address is another."""
    if entry.care_of == before:
        return []
    here, home_address = entry.correspondent, entry.home_address
    if entry.care_of is None:
        return [Restore(end=End.CORRESPONDENT, home_address=home_address, correspondent=here)]
    return [
        Optimise(
            end=End.CORRESPONDENT,
            home_address=home_address,
            correspondent=here,
            care_of=entry.care_of,
        )
    ]
