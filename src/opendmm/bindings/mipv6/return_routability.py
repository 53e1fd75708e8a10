"""The mobile node's side of route optimisation (RFC 6275 §5.2, §11.6, §11.7.2).

For each correspondent it communicates with, a mobile node away from home shows that it is
reached at its home address and at its care-of address: a HoTI goes by the home agent, a CoTI
directly, and of the tokens in the answers comes the key Kbm of a Binding Update. Until that is
acknowledged, and whenever something fails, packets go through the home agent. Pure: time comes in.
"""

from ipaddress import IPv6Address

from opendmm.bindings.mipv6.addresses import routable
from opendmm.bindings.mipv6.constants import MAX_RO_FAILURE, MAX_RR_BINDING_LIFETIME
from opendmm.bindings.mipv6.correspondent_entry import Binding, CorrespondentEntry
from opendmm.bindings.mipv6.correspondent_registration import NO_TOKEN, Update
from opendmm.bindings.mipv6.nonces import INDEX_LENGTH, Random
from opendmm.bindings.mipv6.outputs import End, Optimise, Output, Restore
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mobility.agenda import Agenda
from opendmm.bindings.mobility.backoff import MAX_BINDACK_TIMEOUT
from opendmm.bindings.mobility.outputs import STRANGER, Complain
from opendmm.bindings.mobility.sequence import following, newer
from opendmm.model.quantities import Seconds
from opendmm.wire.mobility.binding import (
    BindingAcknowledgement,
    BindingError,
    BindingRefreshRequest,
)
from opendmm.wire.mobility.codec import encode
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.numbers import (
    LIFETIME_UNIT,
    BindingErrorStatus,
    BindingStatus,
)
from opendmm.wire.mobility.return_routability import (
    OPAQUE_LENGTH,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
)

MOST_CORRESPONDENTS = 256
"""Others are reached through the home agent: strangers shall not make us ask at many doors."""
LONGEST = MAX_RR_BINDING_LIFETIME // LIFETIME_UNIT
REFUSED_FOR: Seconds = 600.0
"""No other Binding Update goes to who refused one (§11.7.3), or cannot read it (§11.3.6)."""
OVERTAKEN: Seconds = MAX_BINDACK_TIMEOUT
"""A binding is no older when it is called unknown, or to be refreshed: no hurry to do it again.
Forgers may say so as often as they like."""
EXPIRED = frozenset(
    {
        BindingStatus.EXPIRED_HOME_NONCE_INDEX,
        BindingStatus.EXPIRED_CARE_OF_NONCE_INDEX,
        BindingStatus.EXPIRED_NONCES,
    }
)


class RouteOptimisation:
    """Of one home address. `random` gives octets that nobody can guess (`secrets.token_bytes`)."""

    def __init__(
        self,
        home_address: IPv6Address,
        random: Random,
        most_correspondents: int = MOST_CORRESPONDENTS,
    ) -> None:
        self.home_address = home_address
        self.correspondents: dict[IPv6Address, CorrespondentEntry] = {}
        self._random = random
        self._most_correspondents = most_correspondents
        self._agenda: Agenda[IPv6Address] = Agenda()
        self._at: IPv6Address | None = None
        self._registered_until = 0.0

    # From the registration with the home agent

    def moved(self, care_of: IPv6Address | None, now: float) -> list[Output]:
        """The mobile node has another care-of address, None at home.

        Its home agent does not know yet. What may be done before it does is done: care-of tests.
        """
        at = care_of or self.home_address
        if at == self._at:
            return []
        return self._elsewhere(at, now)

    def registered(self, until: float, now: float) -> list[Output]:
        """The home agent has accepted the last care-of address until then, or knows that the mobile
        node is at home (infinite)."""
        self._registered_until = until
        return self._each(now)

    def lost(self, now: float) -> list[Output]:
        """It is attached nowhere, or its home agent does not serve it any more."""
        return self._elsewhere(None, now)

    def _elsewhere(self, at: IPv6Address | None, now: float) -> list[Output]:
        self._at = at
        self._registered_until = now
        outputs: list[Output] = []
        for entry in self.correspondents.values():
            entry.stop()
            entry.rest = now
            entry.pause = 0.0
            entry.rejected = 0
            outputs += self._unbind(entry)
        return [*outputs, *self._each(now)]

    # From the data path

    def communicates(self, correspondent: IPv6Address, now: float) -> list[Output]:
        """Packets go from or to a correspondent, through the home agent or directly.

        The first time starts the procedure, as §11.7.2 allows for packets out of the tunnel. To be
        told again at least every REPORTED_EVERY seconds while that goes on.
        """
        entry = self.correspondents.get(correspondent)
        if entry is None:
            full = len(self.correspondents) >= self._most_correspondents
            if full or not self._away or not routable(correspondent):
                return []
            first = int.from_bytes(self._random(INDEX_LENGTH), "big")
            entry = CorrespondentEntry(correspondent=correspondent, sequence=first, used=now)
            self.correspondents[correspondent] = entry
        entry.used = now
        entry.ceased = False
        return self._advance(entry, now)

    def ceased(self, correspondent: IPv6Address, now: float) -> list[Output]:
        """The correspondent is not to have a binding any more: it is asked to delete it."""
        entry = self.correspondents.get(correspondent)
        if entry is None or entry.ceased:
            return []
        entry.stop()
        entry.ceased = True
        return [*self._unbind(entry), *self._advance(entry, now)]

    # From the network

    def receive(self, packet: Packet, message: MobilityMessage, now: float) -> list[Output]:
        """A message that `packet` was decoded to: HoT, CoT, BA, BRR or BE of a correspondent.

        Whatever is not expected is ignored without a word, as the RFC has it: anyone can send it.
        A HoT must come out of the tunnel from the home agent (§11.6.2), which is for whoever hands
        it over to see to.
        """
        entry = self.correspondents.get(packet.source)
        if entry is None or packet.home_address is not None:
            return []  # a Home Address option would let anyone speak for a correspondent
        if packet.receiver not in (self.home_address, self._at):
            return []
        match message:
            case HomeTest():
                return self._home_tested(entry, packet, message, now)
            case CareOfTest():
                return self._care_of_tested(entry, packet, message, now)
            case BindingAcknowledgement():
                return self._acknowledged(entry, packet, message, now)
            case BindingRefreshRequest():
                return self._asked(entry, now)
            case BindingError():
                return self._error(entry, packet, message, now)
            case _:
                return []

    def _home_tested(
        self, entry: CorrespondentEntry, packet: Packet, message: HomeTest, now: float
    ) -> list[Output]:
        test = entry.home_test
        if packet.routed_to is not None or packet.destination != self.home_address:
            return []
        if not test.pending or message.cookie != test.cookie:
            return []
        test.stop()
        entry.home_token = test.token(message.keygen_token, message.nonce_index)
        return self._advance(entry, now)

    def _care_of_tested(
        self, entry: CorrespondentEntry, packet: Packet, message: CareOfTest, now: float
    ) -> list[Output]:
        test = entry.care_of_test
        if packet.routed_to is not None or packet.destination != self._at:
            return []
        if not test.pending or message.cookie != test.cookie:
            return []
        test.stop()
        token = test.token(message.keygen_token, message.nonce_index)
        entry.keep_care_of_token(packet.destination, token, now)
        return self._advance(entry, now)

    def _acknowledged(
        self, entry: CorrespondentEntry, packet: Packet, message: BindingAcknowledgement, now: float
    ) -> list[Output]:
        """§11.7.3. Of expired nonces the correspondent cannot tell authentically (§9.5.4): that
        costs a forger who guesses the sequence number one more procedure of ours."""
        update = entry.update
        if update is None or not update.answered_at(packet):
            return []
        if message.status in EXPIRED:
            ours = message.sequence == update.sequence
            return self._expired(entry, message.status, now) if ours else []
        if not update.authorises(packet):
            return []
        if message.status == BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW:
            return self._out_of_window(entry, update, message, now)
        if message.sequence != update.sequence:
            return []
        entry.pause = 0.0
        entry.rejected = 0
        granted = min(message.lifetime, update.lifetime)
        if not message.status.accepted or granted < min(update.lifetime, 1):
            return self._refused(entry, message.status.name, now)
        return self._accepted(entry, update, granted * LIFETIME_UNIT, now)

    def _accepted(
        self, entry: CorrespondentEntry, update: Update, lifetime: Seconds, now: float
    ) -> list[Output]:
        entry.stop()
        entry.believed_until = now + lifetime
        if update.lifetime == 0:
            entry.forget_tokens()  # their nonces are not accepted again (§9.5.3)
            return self._advance(entry, now)
        before = entry.binding
        entry.binding = Binding.granted(update, lifetime)
        outputs = self._advance(entry, now)
        if before is not None and before.care_of == entry.binding.care_of:
            return outputs
        optimise = Optimise(
            end=End.MOBILE_NODE,
            home_address=self.home_address,
            correspondent=entry.correspondent,
            care_of=entry.binding.care_of,
        )
        return [optimise, *outputs]

    def _out_of_window(
        self,
        entry: CorrespondentEntry,
        update: Update,
        message: BindingAcknowledgement,
        now: float,
    ) -> list[Output]:
        """The correspondent remembers a later number: of a copy of this update, or of a life before
        this one, and then we go on from there."""
        if newer(update.sequence, message.sequence):
            return []
        entry.sequence = message.sequence
        entry.updating.hasten(now)
        return self._advance(entry, now)

    def _expired(
        self, entry: CorrespondentEntry, status: BindingStatus, now: float
    ) -> list[Output]:
        """§5.2.7: the procedure once more, as far as it must be; but not for ever."""
        entry.stop()
        entry.rejected += 1
        if status != BindingStatus.EXPIRED_CARE_OF_NONCE_INDEX:
            entry.home_token = None
        if status != BindingStatus.EXPIRED_HOME_NONCE_INDEX:
            entry.care_of_tokens = {}
        if entry.rejected > MAX_RO_FAILURE:
            return self._fail(entry, now)
        return self._advance(entry, now)

    def _refused(self, entry: CorrespondentEntry, why: str, now: float) -> list[Output]:
        entry.stop()
        entry.refused_until = now + REFUSED_FOR
        fields = {"correspondent": str(entry.correspondent), "why": why}
        refused = Complain("route-optimisation-refused", STRANGER, fields)
        return [refused, *self._unbind(entry), *self._advance(entry, now)]

    def _asked(self, entry: CorrespondentEntry, now: float) -> list[Output]:
        """A Binding Refresh Request (§11.7.4)."""
        binding = entry.binding
        if binding is None or now < binding.registered + OVERTAKEN:
            return []
        binding.refresh = min(binding.refresh, now)
        return self._advance(entry, now)

    def _error(
        self, entry: CorrespondentEntry, packet: Packet, message: BindingError, now: float
    ) -> list[Output]:
        """§11.3.6. An error about a packet from another care-of address than the registered one is
        about a packet that was under way while we moved."""
        if message.status == BindingErrorStatus.UNRECOGNIZED_MH_TYPE:
            waiting = entry.home_test.pending or entry.care_of_test.pending
            if not waiting and not entry.updating.pending:
                return []
            return self._refused(entry, message.status.name, now)
        binding = entry.binding
        unknown = message.status == BindingErrorStatus.UNKNOWN_BINDING
        if not unknown or binding is None or message.home_address != self.home_address:
            return []
        if packet.destination != binding.care_of:
            return []
        entry.stop()
        entry.forget_tokens()
        entry.rest = max(now, binding.registered + OVERTAKEN)
        return [*self._unbind(entry), *self._advance(entry, now)]

    # Time

    def next_timer(self) -> float:
        """When `fire` is due; infinite when nothing is."""
        return self._agenda.next_timer()

    def fire(self, now: float) -> list[Output]:
        """Repeat what was not answered, renew bindings in use, give up what is in vain."""
        outputs: list[Output] = []
        for correspondent in self._agenda.take(now):
            entry = self.correspondents[correspondent]
            if entry.binding is not None and entry.binding.until <= now:
                outputs += self._unbind(entry)
            if entry.failed(now):
                outputs += self._fail(entry, now)
            else:
                outputs += self._advance(entry, now)
        return outputs

    def _fail(self, entry: CorrespondentEntry, now: float) -> list[Output]:
        """Back to the home agent (§5.2.9), and on at the slowest rate (§11.8), or slower still:
        most nodes of the Internet will never answer. After updates in vain the tokens are of no
        use: the correspondent may have another node key by now."""
        if entry.updating.pending:
            entry.forget_tokens()
        entry.stop()
        entry.rejected = 0
        outputs = self._unbind(entry)
        if not entry.pause:
            fields = {"correspondent": str(entry.correspondent)}
            outputs.append(Complain("route-optimisation-failed", STRANGER, fields))
        longer = 0.0 if self._deletes(entry) else 2 * entry.pause
        entry.pause = min(max(longer, MAX_BINDACK_TIMEOUT), REFUSED_FOR)
        entry.rest = now + entry.pause
        return [*outputs, *self._advance(entry, now)]

    # What is to be done next

    @property
    def _away(self) -> bool:
        return self._at is not None and self._at != self.home_address

    def _deletes(self, entry: CorrespondentEntry) -> bool:
        return entry.ceased or self._at == self.home_address

    def _registered(self, now: float) -> bool:
        """Whether the home agent serves where we are, for long enough to be worth a binding."""
        return self._at is not None and self._registered_until >= now + LIFETIME_UNIT

    def _wanted(self, entry: CorrespondentEntry, now: float) -> bool:
        """Whether the correspondent has another binding than it should, or will soon."""
        if self._at is None or now < max(entry.rest, entry.refused_until):
            return False
        if self._deletes(entry):
            return now < entry.believed_until
        if entry.binding is None:
            return entry.in_use(now) or now < entry.believed_until
        return entry.in_use(now) and now >= entry.binding.refresh

    def _each(self, now: float) -> list[Output]:
        entries = list(self.correspondents.values())
        return [output for entry in entries for output in self._advance(entry, now)]

    def _advance(self, entry: CorrespondentEntry, now: float) -> list[Output]:
        """Begin what lacks, send what is due, and forget a correspondent that needs nothing."""
        outputs: list[Output] = []
        if self._wanted(entry, now):
            self._begin(entry, now)
            outputs += self._sent(entry, now)
        else:
            entry.stop()
        if entry.binding is None and not self._needed(entry, now):
            del self.correspondents[entry.correspondent]
            self._agenda.drop(entry.correspondent)
            return []
        self._agenda.put(entry.correspondent, entry.due(now))
        return outputs

    def _needed(self, entry: CorrespondentEntry, now: float) -> bool:
        kept = max(entry.believed_until, entry.refused_until)
        return now < kept or (not self._deletes(entry) and entry.in_use(now))

    def _begin(self, entry: CorrespondentEntry, now: float) -> None:
        """§11.6.1: tests of the addresses there is no token of, or the update with both."""
        if self._at is None:
            return
        home = entry.home_token_at(now)
        care_of = entry.care_of_token_at(self._at, now)
        proved = home is not None and (care_of is not None or self._deletes(entry))
        registered = self._registered(now)
        if entry.updating.pending and not (proved and registered):
            entry.updating.stop()
        if home is None and not entry.home_test.pending and registered:
            entry.home_test.begin(now)
        untested = care_of is None and not self._deletes(entry)
        if untested and not entry.care_of_test.pending:
            entry.care_of_test.begin(now)
        if proved and not entry.updating.pending and registered:
            entry.updating.begin(now)

    def _sent(self, entry: CorrespondentEntry, now: float) -> list[Output]:
        packets: list[Output] = []
        if self._at is None:
            return packets
        if entry.home_test.due <= now:
            cookie = entry.home_test.cookie = self._random(OPAQUE_LENGTH)
            init = HomeTestInit(cookie=cookie)
            packets.append(self._plain(entry, init, self.home_address))
            entry.home_test.transmitted(now)
        if entry.care_of_test.due <= now:
            cookie = entry.care_of_test.cookie = self._random(OPAQUE_LENGTH)
            packets.append(self._plain(entry, CareOfTestInit(cookie=cookie), self._at))
            entry.care_of_test.transmitted(now)
        if entry.updating.due <= now:
            packets.append(self._update(entry, self._at, now))
            entry.updating.transmitted(now)
        return packets

    def _plain(
        self, entry: CorrespondentEntry, message: MobilityMessage, source: IPv6Address
    ) -> Packet:
        to = entry.correspondent
        return Packet(source=source, destination=to, data=encode(message, source, to))

    def _update(self, entry: CorrespondentEntry, at: IPv6Address, now: float) -> Packet:
        """A Binding Update (§11.7.2), from where we are; with a Home Address option, unless that
        is home."""
        deletes = self._deletes(entry)
        home = entry.home_token or NO_TOKEN
        care_of = NO_TOKEN if deletes else entry.care_of_tokens[at]
        remaining = (self._registered_until - now) // LIFETIME_UNIT
        entry.sequence = following(entry.sequence)
        entry.update, packet = Update.by_tokens(
            home,
            care_of,
            correspondent=entry.correspondent,
            home_address=self.home_address,
            at=at,
            sequence=entry.sequence,
            lifetime=0 if deletes else int(min(LONGEST, remaining)),
            now=now,
        )
        lasts = entry.update.lifetime * LIFETIME_UNIT
        entry.believed_until = max(entry.believed_until, now + lasts)
        return packet

    def _unbind(self, entry: CorrespondentEntry) -> list[Output]:
        """Packets go through the home agent again, if they did not."""
        if entry.binding is None:
            return []
        entry.binding = None
        correspondent = entry.correspondent
        return [
            Restore(
                end=End.MOBILE_NODE,
                home_address=self.home_address,
                correspondent=correspondent,
            )
        ]
