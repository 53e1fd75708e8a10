"""The CMD's dealings with a registration (RFC 8885 §3.2 to §3.4).

Which previous MAARs a mobile node has, the FE_IEC's records say: they are the CMD's Binding
Cache, and survive it. As relay the CMD asks each of them and tells the serving MAAR what they
answer, in one PBA if they answer in time. As locator it asks, and they answer the serving MAAR
themselves. As proxy it has the FE_IEC grant in their place, answers at once and tells them at
the same time; where the FE_IEC may not, it relays. Pure.
"""

import math
from collections.abc import Iterator

import msgspec

from opendmm.bindings.mobility.agenda import Agenda
from opendmm.bindings.mobility.outputs import Complain, Deliver, Output, Transmit
from opendmm.bindings.pmipv6.prefixes import ALL_ZERO, home_network_prefixes
from opendmm.bindings.rfc8885.carriage import Options, binding_status, ends
from opendmm.bindings.rfc8885.carrier import Question, acknowledgement, attachment
from opendmm.bindings.rfc8885.config import DistributedConfig
from opendmm.bindings.rfc8885.enclosure import enclosed, previous_maars
from opendmm.bindings.rfc8885.updates import Updates
from opendmm.constellation.file import DatabaseMode
from opendmm.model.context import MobilityContext
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.quantities import Microseconds
from opendmm.reference_points import r_xc, r_xx
from opendmm.reference_points.message import Message, accepted
from opendmm.wire.mobility.binding import BindingUpdate
from opendmm.wire.mobility.numbers import AccessTechnology, BindingStatus, HandoffIndicator
from opendmm.wire.mobility.options.distributed import PreviousMaarOption, ServingMaarOption
from opendmm.wire.mobility.options.proxy import HandoffIndicatorOption

KEPT = 2.0
"""Seconds for which a PBU that comes again is answered as before."""
PATIENCE = 64.0
"""Seconds for which late answers of previous MAARs are still passed on."""
INQUIRY = "inquiry "
"""Begins the keys of PBUs to previous MAARs."""
ROOM = 1700
"""Octets of contexts in one PBA; a Mobility Header has 2048 at most (RFC 6275 §6.1.1)."""


class Relay(msgspec.Struct, kw_only=True):
    """One registration. By home anchor: `asked` claims, `contexts` as found in the records,
    `proxied` claims before the FE_IEC, `inquired` at, `waiting` for their answer, `answers` that
    came, `told` those that the serving MAAR knows. `deadline` is when it is told without the
    rest. Times in seconds since 1970.
    """

    serving: NodeId
    mobile_node: MobileNodeId
    attached_at: Microseconds
    proof: bytes
    everything: bool
    question: Question
    begun: float
    asked: dict[NodeId, r_xx.ContextRequest] = {}
    contexts: dict[NodeId, MobilityContext] | None = None
    proxied: set[NodeId] = set()
    inquired: set[NodeId] = set()
    waiting: set[NodeId] = set()
    answers: dict[NodeId, r_xx.ContextResponse] = {}
    told: set[NodeId] = set()
    finished: float = math.inf
    deadline: float = math.inf

    @property
    def key(self) -> str:
        return f"{self.serving} {self.mobile_node}"


class Relays:
    """By serving MAAR and mobile node."""

    def __init__(self, config: DistributedConfig, updates: Updates) -> None:
        self.config = config
        self.updates = updates
        self._held: dict[str, Relay] = {}
        self._deadlines: Agenda[str] = Agenda()
        self._inquiries: dict[str, tuple[str, NodeId]] = {}

    def __len__(self) -> int:
        return len(self._held)

    # The serving MAAR registers

    def registered(
        self, peer: NodeId, carried: BindingUpdate, messages: tuple[Message, ...], now: float
    ) -> list[Output]:
        """A PBU of a serving MAAR: first look up where the mobile node was."""
        claims = [m for m in messages if isinstance(m, r_xx.ContextRequest | r_xc.ContextLookup)]
        first = claims[0]
        held = self._held.get(f"{peer} {first.mobile_node}")
        question = Question(peer, carried.sequence, 0, carried.lifetime)
        if held is not None and held.attached_at > first.attached_at:
            status = BindingStatus.TIMESTAMP_LOWER_THAN_PREV_ACCEPTED
            return [Transmit(peer, acknowledgement(question, status, ()))]
        asked = {m.home_anchor: m for m in claims if isinstance(m, r_xx.ContextRequest)}
        indicator = carried.first(HandoffIndicatorOption)
        again = indicator is not None and indicator.indicator is HandoffIndicator.NOT_CHANGED
        if held is not None and held.attached_at == first.attached_at:
            repeated = self._repeated(held, question, asked, now)
            if repeated is not None:
                return repeated
        if held is not None:
            self._forget(held)
        relay = Relay(
            serving=peer,
            mobile_node=first.mobile_node,
            attached_at=first.attached_at,
            proof=first.proof,
            everything=not again,
            question=question,
            begun=now,
            asked=asked,
        )
        self._held[relay.key] = relay
        self._deadlines.put(relay.key, now + KEPT)
        lookup = r_xc.ContextLookup(mobile_node=relay.mobile_node)
        return [Deliver(ends(lookup, peer, self.config.node))]

    def _repeated(
        self, held: Relay, question: Question, asked: dict[NodeId, r_xx.ContextRequest], now: float
    ) -> list[Output] | None:
        """The same PBU again: it is under way, or answered as before. None when it is another."""
        if not set(asked) <= set(held.asked) | set(held.contexts or ()):
            return None
        held.question = question
        if held.contexts is None or held.proxied or held.waiting:
            return []
        given = all(accepted(answer.status) for answer in held.answers.values())
        located = self.config.mode is DatabaseMode.LOCATOR
        if now - held.finished > KEPT or located or not given:
            return None
        held.told.clear()
        return self._tell(held, final=True)

    # The FE_IEC says where it was

    def found(self, serving: NodeId, message: r_xc.ContextFound, now: float) -> list[Output] | None:
        """The FE_IEC's records; None when no registration waits for them."""
        relay = self._held.get(f"{serving} {message.mobile_node}")
        if relay is None or relay.contexts is not None:
            return None
        relay.contexts = {context.home_anchor: context for context in message.contexts}
        outputs: list[Output] = []
        homes = self._previous(relay, outputs)
        relay.deadline = now + self.config.aggregation
        self._deadlines.put(relay.key, relay.deadline)
        if self.config.mode is DatabaseMode.PROXY and relay.everything:
            relay.proxied = {home for home in homes if home in relay.contexts}
        for home in homes - relay.proxied:
            outputs += self._inquire(relay, home, now)
        for home in sorted(relay.proxied):
            claim = r_xc.ContinuityRequest(
                mobile_node=relay.mobile_node,
                home_anchor=home,
                new_anchor=serving,
                attached_at=relay.attached_at,
                proof=relay.proof,
            )
            outputs.append(Deliver(ends(claim, serving, self.config.node)))
        return [*outputs, *self._settled(relay, now)]

    def _previous(self, relay: Relay, outputs: list[Output]) -> set[NodeId]:
        """The previous MAARs that are concerned, the latest first if there are too many."""
        contexts = relay.contexts or {}
        homes = set(relay.asked)
        if relay.everything:
            latest = sorted(contexts.values(), key=lambda context: context.order, reverse=True)
            others = [c.home_anchor for c in latest if c.home_anchor != relay.serving]
            homes |= set(others[: self.config.previous_maars])
            if len(others) > self.config.previous_maars:
                fields = {"mobile_node": relay.mobile_node, "previous_maars": len(others)}
                outputs.append(Complain("too-many-previous-maars", relay.serving, fields))
        return {home for home in homes if home in self.config.nodes} - {relay.serving}

    # Previous MAARs are asked, or told

    def _inquire(self, relay: Relay, home: NodeId, now: float) -> list[Output]:
        """A PBU with the Serving MAAR option (§3.2), whose answer is waited for."""
        relay.waiting.add(home)
        known = relay.asked.get(home)
        grant = known.known_grant if known is not None else b""
        return self._update(relay, home, grant, now)

    def _update(self, relay: Relay, home: NodeId, grant: bytes, now: float) -> list[Output]:
        request = r_xx.ContextRequest(
            mobile_node=relay.mobile_node,
            home_anchor=home,
            new_anchor=relay.serving,
            attached_at=relay.attached_at,
            proof=relay.proof,
            known_grant=grant,
        )
        context = (relay.contexts or {}).get(home)
        prefixes: Options = home_network_prefixes(context.prefixes) if context else ()
        options = (
            *enclosed([request], self.config.nodes, serial=relay.question.sequence),
            *(prefixes or (ALL_ZERO,)),
            ServingMaarOption(self.config.nodes[relay.serving]),
            *attachment(HandoffIndicator.BETWEEN_MAGS_SAME_INTERFACE, AccessTechnology.IEEE_802_3),
        )
        key = f"{INQUIRY}{relay.key} {home}"
        self._inquiries[key] = relay.key, home
        relay.inquired.add(home)
        return self.updates.request(key, home, options, now)

    def answered(
        self, serving: NodeId, message: r_xx.ContextResponse, now: float
    ) -> list[Output] | None:
        """A previous MAAR's PBA; None when no registration waits for it."""
        relay = self._held.get(f"{serving} {message.mobile_node}")
        home = message.home_anchor
        if relay is None or relay.attached_at != message.attached_at:
            return None
        if home not in relay.waiting:
            # Told of what was granted in its place; or it has been answered before.
            return [] if home in relay.answers else None
        relay.answers[home] = message
        return self._came(relay, home, now)

    def confirmed(self, key: str, now: float) -> list[Output]:
        """A previous MAAR has answered the serving one itself (§3.3)."""
        name, home = self._inquiries.get(key, ("", NodeId("")))
        relay = self._held.get(name)
        if relay is None or home not in relay.waiting:
            return []
        return self._came(relay, home, now)

    def _came(self, relay: Relay, home: NodeId, now: float) -> list[Output]:
        relay.waiting.discard(home)
        if relay.deadline == math.inf and relay.waiting:
            return self._tell(relay, final=False)  # the rest is later than it may be (§3.2)
        return self._settled(relay, now)

    # The FE_IEC grants in a home anchor's place

    def granted(
        self, serving: NodeId, message: r_xc.ContinuityResponse, now: float
    ) -> list[Output] | None:
        """What the FE_IEC says to a claim; None when the claim was not made here."""
        relay = self._held.get(f"{serving} {message.mobile_node}")
        home = message.home_anchor
        if relay is None or home not in relay.proxied:
            return None
        relay.proxied.discard(home)
        if message.context is None or not accepted(message.status):
            # Even a later move it may have seen the end of, which the FE_IEC does not know.
            return [*self._inquire(relay, home, now), *self._settled(relay, now)]
        before = (relay.contexts or {}).get(home)
        relay.answers[home] = r_xx.ContextResponse(
            mobile_node=message.mobile_node,
            home_anchor=home,
            attached_at=message.attached_at,
            status=message.status,
            context=message.context,
            previous_anchor=before.current_anchor if before is not None else None,
            former_anchors=message.former_anchors,
            latest=message.latest,
        )
        outputs = self._settled(relay, now)
        return [*outputs, *self._update(relay, home, message.context.grant, now)]

    # The serving MAAR is told

    def _settled(self, relay: Relay, now: float) -> list[Output]:
        """Once nobody is waited for."""
        if relay.contexts is None or relay.proxied or relay.waiting:
            return []
        relay.finished = now
        relay.deadline = math.inf
        self._deadlines.put(relay.key, now + KEPT)
        return self._tell(relay, final=True)

    def _tell(self, relay: Relay, *, final: bool) -> list[Output]:
        """One PBA, or as many as the answers need."""
        new = [relay.answers[home] for home in sorted(set(relay.answers) - relay.told)]
        relay.told |= set(relay.answers)
        pages = list(_pages(new, final=final))
        outputs: list[Output] = []
        for number, page in enumerate(pages, 1):
            partial = not (final and number == len(pages))
            outputs.append(self._acknowledge(relay, page, partial=partial))
        return outputs

    def _acknowledge(
        self, relay: Relay, answers: list[r_xx.ContextResponse], *, partial: bool
    ) -> Transmit:
        messages: list[Message] = [*answers, self._located(relay, partial=partial)]
        options = enclosed(messages, self.config.nodes, partial=partial, previous=True)
        statuses = {binding_status(answer) for answer in answers}
        status = statuses.pop() if len(statuses) == 1 else BindingStatus.ACCEPTED
        named = [*self._named(relay)] if self.config.mode is DatabaseMode.LOCATOR else []
        return Transmit(relay.serving, acknowledgement(relay.question, status, (*options, *named)))

    def _located(self, relay: Relay, *, partial: bool) -> r_xc.ContextFound:
        """The mobile node's own contexts at the serving MAAR, which nobody else answers for."""
        own = (relay.contexts or {}).get(relay.serving)
        bare = () if own is None or partial else (_without_grant(own),)
        return r_xc.ContextFound(mobile_node=relay.mobile_node, contexts=bare)

    def _named(self, relay: Relay) -> Iterator[PreviousMaarOption]:
        """As locator the CMD only says who will answer."""
        for home, context in sorted((relay.contexts or {}).items()):
            if home != relay.serving:
                yield from previous_maars(home, context.prefixes, self.config.nodes)

    # Time

    def next_timer(self) -> float:
        return self._deadlines.next_timer()

    def fire(self, now: float) -> list[Output]:
        """Tell what there is (§3.2); forget what has been answered long ago."""
        outputs: list[Output] = []
        for key in self._deadlines.take(now):
            relay = self._held[key]
            if relay.deadline <= now:
                relay.deadline = math.inf
                outputs += self._tell(relay, final=False)
                self._deadlines.put(key, now + PATIENCE)
            else:
                self._forget(relay)
        return outputs

    def _forget(self, relay: Relay) -> None:
        self._held.pop(relay.key, None)
        self._deadlines.drop(relay.key)
        for home in relay.waiting:
            self.updates.settle(f"{INQUIRY}{relay.key} {home}")
        for home in relay.inquired:
            self._inquiries.pop(f"{INQUIRY}{relay.key} {home}", None)


def _pages(
    answers: list[r_xx.ContextResponse], *, final: bool
) -> Iterator[list[r_xx.ContextResponse]]:
    """As many answers together as a Mobility Header has room for; at least one page if final."""
    page: list[r_xx.ContextResponse] = []
    room = ROOM
    for answer in answers:
        size = len(msgspec.msgpack.encode(answer))
        if page and size > room:
            yield page
            page, room = [], ROOM
        page.append(answer)
        room -= size
    if page or final:
        yield page


def _without_grant(context: MobilityContext) -> MobilityContext:
    return msgspec.structs.replace(context, grant=b"", delegation=b"", multicast=())
