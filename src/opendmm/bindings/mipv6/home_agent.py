"""The home agent (RFC 6275 §10): Binding Updates in, R_XU to the FE_MCTX.

A valid Binding Update becomes an AttachNotification, the FE_MCTX's AttachAcknowledgement its
answer; what RFC 6275 refuses is refused here with its status, before any entity hears of it. That
the home address belongs to another home agent's link is not refused where the profile names this
one, too: whether the mobile node may be served here is then for the FE_MCTX to find out (the DMM
extension).

No Duplicate Address Detection (§10.3.1): a home link is point-to-point to one mobile node, so
nobody else can have configured its home address there.

The cache is not persisted, the FE_MCTX's attachments and the kernel's forwarding are. So a home
agent that has restarted accepts any sequence number (§9.5.1), and the FE_MCTX finds nothing new in
a Binding Update that says since when its attachment lasts. When the FE_MCTX speaks of a mobile
node that the cache does not know, that is asked with Binding Refresh Requests to register again,
and taken to be gone if it does not. Pure.
"""

import math
from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.mipv6.acknowledging import acceptance, answering, refusal
from opendmm.bindings.mipv6.admission import Admission
from opendmm.bindings.mipv6.cache import (
    MAX_DELETE_BCE_TIMEOUT,
    BindingCache,
    Entry,
    Request,
    Stage,
)
from opendmm.bindings.mipv6.config import HomeProfile, MipConfig
from opendmm.bindings.mipv6.extension import Granted, Moved
from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mipv6.sealing import Output, Unsealed, care_of_in, made_in
from opendmm.bindings.mobility.association import FRACTIONS, NTP_EPOCH
from opendmm.bindings.mobility.backoff import Backoff
from opendmm.bindings.mobility.fields import MICROSECONDS
from opendmm.bindings.mobility.outputs import Complain, Deliver
from opendmm.bindings.mobility.vendor import added, addition
from opendmm.model.addressing import HomePrefix, Locator
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.message import Message, Status, accepted
from opendmm.wire.mobility.binding import (
    BindingAcknowledgement,
    BindingRefreshRequest,
    BindingUpdate,
)
from opendmm.wire.mobility.codec import encode
from opendmm.wire.mobility.numbers import LIFETIME_UNIT, BindingStatus

STATUS = {
    Status.UNKNOWN_MOBILE_NODE: BindingStatus.NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE,
    Status.NOT_AUTHORISED: BindingStatus.ADMINISTRATIVELY_PROHIBITED,
    Status.FORWARDING_FAILED: BindingStatus.FORWARDING_SETUP_FAILED,
    Status.NOT_RESPONSIBLE: BindingStatus.NOT_HOME_SUBNET,
    Status.UNAVAILABLE: BindingStatus.INSUFFICIENT_RESOURCES,
    Status.STALE: BindingStatus.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED,
}
"""What the FE_MCTX refuses with, in the words of RFC 6275 §6.1.8 (RFC 3963 §4.2, RFC 5213 §8.9)."""
REQUESTS = 5
"""Binding Refresh Requests to a mobile node that was forgotten, before it is taken to be gone."""
WHOLE = 128
"""Bits of a home address."""


class HomeAgent:
    """The home agent of one node."""

    def __init__(self, config: MipConfig) -> None:
        self.config = config
        self.address = config.agents[config.node]
        self.cache = BindingCache()
        self.refused: dict[BindingStatus, int] = {}
        self._admission = Admission(config, self.cache)

    # From a mobile node

    def updated(
        self, packet: Packet, update: BindingUpdate, mobile_node: MobileNodeId, now: float
    ) -> list[Output]:
        """A Binding Update with the H flag, authentic and timely."""
        entry = self.cache.get(packet.sender)
        if entry is not None and entry.request is not None and entry.request.update == update:
            return self._repeated(entry.request, entry)
        why = self._admission.unanswerable(packet, update)
        if why:
            return [Complain("message-refused", NodeId(mobile_node), {"why": why})]
        status = self._admission.objection(packet, update, mobile_node)
        if status is not None:
            return self.refuse(packet, update, mobile_node, status, now)
        said = addition(update, Moved)
        request = Request(
            packet=msgspec.structs.replace(packet, data=b""),
            update=update,
            care_of=care_of_in(packet, update),
            attached_at=_beginning(entry, packet, update, said),
        )
        entry = entry or Entry(
            home_address=packet.sender, mobile_node=mobile_node, attached_at=request.attached_at
        )
        entry.request, entry.answer, entry.asked = request, None, None
        if update.lifetime or self._at_home(request, mobile_node, said):
            return self._attached(entry, request, said, now)
        return self._ended(entry, request, said, now)

    def _repeated(self, request: Request, entry: Entry) -> list[Output]:
        """The network brought a Binding Update twice. Its answer may have been lost and goes
        once more, by the way of the first; where there is none yet, one will come."""
        return [self._answer(entry, request, entry.answer)] if entry.answer is not None else []

    def _at_home(self, request: Request, mobile_node: MobileNodeId, said: Moved) -> bool:
        """Whether a de-registration says that the mobile node is on its home link, which is here
        (§11.5.5), and not that it has no care-of address any more (§10.3.2)."""
        packet = request.packet
        here = mobile_node in self.config.home_links
        return here and packet.source == packet.sender and not said.detached_at

    def _attached(self, entry: Entry, request: Request, said: Moved, now: float) -> list[Output]:
        """To be registered, or at home: the FE_MCTX decides."""
        away = request.update.lifetime > 0
        if entry.stage not in (Stage.ACTIVE, Stage.HOME):
            entry.stage = Stage.AWAITED
            entry.until = now + (self._lifetime(request) * LIFETIME_UNIT or self.config.lifetime)
        self.cache.put(entry)
        notification = r_xu.AttachNotification(
            mobile_node=entry.mobile_node,
            attached_at=request.attached_at,
            interface="" if away else self.config.home_links[entry.mobile_node],
            link_layer_id=said.link_layer_id,
            access_technology=said.access_technology,
            home_anchor=said.home_anchor,
            previous_anchor=said.previous_anchor,
            proof=said.proof,
            care_of=Locator(request.care_of.packed) if away else None,
        )
        return [self._deliver(entry.mobile_node, notification)]

    def _ended(self, entry: Entry, request: Request, said: Moved, now: float) -> list[Output]:
        """§10.3.2: answered at once, for the FE_MCTX has no say in it."""
        entry.answer = acceptance(request.update, 0)
        return [
            self._answer(entry, request, entry.answer),
            *self._over(entry, now, said.detached_at),
        ]

    # From the FE_MCTX

    def send(self, envelope: Envelope, now: float) -> list[Output]:
        """Carry a message of R_XU to a mobile node."""
        message = envelope.message
        match message:
            case r_xu.AttachAcknowledgement():
                return self._acknowledge(message, now)
            case r_xu.DetachAcknowledgement():
                return []  # the Binding Acknowledgement has gone already
            case _:
                fields = {"message": type(message).__name__}
                return [Complain("message-not-carried", envelope.receiver.node, fields)]

    def _acknowledge(self, message: r_xu.AttachAcknowledgement, now: float) -> list[Output]:
        """The word of the FE_MCTX on a mobile node, for each of its home addresses."""
        profile = self.config.profiles.get(message.mobile_node)
        if profile is None:
            return []
        held = {address: self.cache.get(address) for address in profile.home_addresses}
        forgotten = not any(held.values())
        outputs: list[Output] = []
        for home_address, entry in held.items():
            if forgotten:
                outputs += self._forgotten(home_address, message, now)
            elif entry is None or entry.request is None:
                continue
            elif entry.request.attached_at == message.attached_at:
                outputs += self._decided(entry, entry.request, message, now)
        return outputs

    def _decided(
        self, entry: Entry, request: Request, message: r_xu.AttachAcknowledgement, now: float
    ) -> list[Output]:
        """Later words on the same Binding Update are told when they differ: a mobile node that
        was refused repeats it for a while, and takes what becomes of it for the answer."""
        registered = entry.answer is not None and entry.answer.status.accepted
        if not accepted(message.status):
            if registered:
                return [self._refresh_request(entry.home_address)] if entry.served else []
            status = STATUS.get(message.status, BindingStatus.REASON_UNSPECIFIED)
            if entry.answer is not None and entry.answer.status is status:
                return []
            entry.answer = refusal(request.update, status, None, now)
            return [self._answer(entry, request, entry.answer), self._counted(entry, status)]
        if registered or not _covers(message, entry.home_address):
            return []
        lifetime = self._lifetime(request)
        granted = Granted(
            order=message.order,
            home_anchor=message.home_anchor,
            prefixes=message.prefixes,
            deprecated=message.deprecated,
        )
        entry.stage = Stage.ACTIVE if lifetime else Stage.HOME
        entry.care_of = request.care_of if lifetime else None
        entry.attached_at = request.attached_at
        entry.until = now + lifetime * LIFETIME_UNIT if lifetime else math.inf
        entry.answer = acceptance(request.update, lifetime, added(granted))
        self.cache.put(entry)
        return [self._answer(entry, request, entry.answer)]

    def _forgotten(
        self, home_address: IPv6Address, message: r_xu.AttachAcknowledgement, now: float
    ) -> list[Output]:
        """The FE_MCTX knows of a mobile node that the cache has lost in a restart."""
        if not accepted(message.status) or not _covers(message, home_address):
            return []
        entry = Entry(
            home_address=home_address,
            mobile_node=message.mobile_node,
            attached_at=message.attached_at,
            stage=Stage.ASKED,
            asked=Backoff.begin(now, self.config.initial_timeout),
        )
        self.cache.put(entry)
        return [self._refresh_request(home_address)]

    # Time

    def next_timer(self) -> float:
        """When `fire` is due; infinite when nothing is."""
        return self.cache.next_timer()

    def fire(self, now: float) -> list[Output]:
        """Bindings end that nobody renewed; those who were asked and say nothing are gone."""
        outputs: list[Output] = []
        for entry in self.cache.due(now):
            if entry.stage is Stage.DELETED:
                self.cache.drop(entry)
            elif entry.stage is Stage.ACTIVE and entry.answer is None and entry.request:
                entry.stage = Stage.AWAITED  # a later registration waits for the FE_MCTX's word
                entry.care_of = None
                entry.until = now + self._lifetime(entry.request) * LIFETIME_UNIT
                self.cache.put(entry)
            elif entry.asked is not None and entry.requests < REQUESTS:
                entry.asked.repeat(now)
                entry.requests += 1
                self.cache.put(entry)
                outputs.append(self._refresh_request(entry.home_address))
            else:
                outputs += self._over(entry, now)
        return outputs

    def _over(self, entry: Entry, now: float, said: int = 0) -> list[Output]:
        """A binding is over, or the time on the home link. The mobile node has left when the last
        of its home addresses has."""
        entry.stage = Stage.DELETED
        entry.care_of, entry.asked = None, None
        entry.until = now + MAX_DELETE_BCE_TIMEOUT
        self.cache.put(entry)
        others = (self.cache.get(a) for a in self._profile(entry).home_addresses)
        if any(other is not None and other.served for other in others):
            return []
        begun = entry.request.attached_at if entry.request is not None else entry.attached_at
        detached = r_xu.DetachNotification(
            mobile_node=entry.mobile_node,
            detached_at=max(said or int(now * MICROSECONDS), entry.attached_at, begun),
        )
        return [self._deliver(entry.mobile_node, detached)]

    def serves(self, mobile_node: MobileNodeId) -> bool:
        """Whether a mobile node is registered here, or at home here."""
        profile = self.config.profiles.get(mobile_node)
        held = [self.cache.get(a) for a in profile.home_addresses] if profile else []
        return any(e is not None and e.stage in (Stage.ACTIVE, Stage.HOME) for e in held)

    # Answers

    def refuse(
        self,
        packet: Packet,
        update: BindingUpdate,
        mobile_node: MobileNodeId,
        status: BindingStatus,
        now: float,
    ) -> list[Output]:
        """An answer that rejects and changes nothing."""
        answer = refusal(update, status, self._admission.last_sequence(packet), now)
        home_link = self.config.home_links.get(mobile_node, "")
        self.refused[status] = self.refused.get(status, 0) + 1
        fields = {"status": status.name, "home_address": str(packet.sender)}
        return [
            answering(packet, update, mobile_node, answer, home_link),
            Complain("registration-refused", NodeId(mobile_node), fields),
        ]

    def _counted(self, entry: Entry, status: BindingStatus) -> Complain:
        self.refused[status] = self.refused.get(status, 0) + 1
        fields = {"status": status.name, "home_address": str(entry.home_address)}
        return Complain("registration-refused", NodeId(entry.mobile_node), fields)

    def _answer(self, entry: Entry, request: Request, answer: BindingAcknowledgement) -> Unsealed:
        home_link = self.config.home_links.get(entry.mobile_node, "")
        return answering(request.packet, request.update, entry.mobile_node, answer, home_link)

    def _refresh_request(self, home_address: IPv6Address) -> Packet:
        """§9.5.5: to the home address, wherever that is."""
        data = encode(BindingRefreshRequest(), self.address, home_address)
        return Packet(source=self.address, destination=home_address, data=data)

    def _lifetime(self, request: Request) -> int:
        """In units of four seconds: what was asked for, as long as it is not too much."""
        return min(request.update.lifetime, math.ceil(self.config.lifetime / LIFETIME_UNIT))

    def _profile(self, entry: Entry) -> HomeProfile:
        return self.config.profiles[entry.mobile_node]

    def _deliver(self, mobile_node: MobileNodeId, message: Message) -> Deliver:
        client = EntityAddress(NodeId(mobile_node), FunctionalEntity.FE_MU_C)
        here = EntityAddress(self.config.node, FunctionalEntity.FE_MCTX)
        return Deliver(Envelope(ReferencePointName.R_XU, client, here, message))


def _beginning(held: Entry | None, packet: Packet, update: BindingUpdate, said: Moved) -> int:
    """When the attachment began that is registered, or registered again."""
    if said.attached_at:
        return said.attached_at
    last = held.request if held is not None and held.served else None
    again = last is not None and bool(last.update.lifetime) == bool(update.lifetime)
    if last is not None and again and last.care_of == care_of_in(packet, update):
        return last.attached_at
    return int((made_in(update) / FRACTIONS - NTP_EPOCH) * MICROSECONDS)


def _covers(message: r_xu.AttachAcknowledgement, home_address: IPv6Address) -> bool:
    """Whether an acceptance is for a home address, too."""
    whole = HomePrefix(home_address.packed, WHOLE)
    return any(prefix.covers(whole) for prefix in message.prefixes + message.deprecated)
