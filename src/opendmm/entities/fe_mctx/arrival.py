"""At a new anchor: obtain context and grant and have them imported (design §5, steps 1 and 2)."""

import msgspec

from opendmm.entities.effects import Effect, Notice, Send, SetTimer, Severity
from opendmm.entities.fe_mctx.core import Core
from opendmm.entities.fe_mctx.exchanges import CLAIM, CONTINUITY, LOOKUP
from opendmm.entities.fe_mctx.granting import Granting
from opendmm.entities.fe_mctx.register import Claim
from opendmm.entities.fe_mctx.settling import Settling
from opendmm.entities.fe_mctx.visit import Attachment, Phase, Visit
from opendmm.model.context import ContextId, MobilityContext
from opendmm.model.identity import EntityAddress, MobileNodeId, NodeId
from opendmm.reference_points import r_xa, r_xc, r_xu, r_xx
from opendmm.reference_points.message import Status, accepted, status_name

FAILED_RETRY = 10.0
"""Seconds between claims of an anchor that was refused."""

STANDBY_RETRY = 1.0
"""Seconds between claims of an anchor whose mobile node is recorded elsewhere."""


class Prepared(msgspec.Struct, frozen=True):
    """A context pushed ahead of the attachment, and by whom."""

    context: MobilityContext
    previous_anchor: NodeId


class Arrival:
    """The way of each context from an attachment to being anchored here."""

    def __init__(self, core: Core, granting: Granting, settling: Settling) -> None:
        self.core = core
        self.granting = granting
        self.settling = settling
        self.prepared: dict[ContextId, Prepared] = {}

    # The attachment

    def attached(
        self, sender: EntityAddress, message: r_xu.AttachNotification, now: float
    ) -> list[Effect]:
        """R_XU: the mobile node is on a link of this anchor, or of a gateway of it."""
        mobile_node = message.mobile_node
        gateway = self.core.gateway(sender.node)
        if gateway is None and sender.node not in (self.core.node, mobile_node):
            return self._not_served(sender, message)
        held = self.core.attachments.get(mobile_node)
        if held is not None and _outdated(held, sender, message):
            return self._over(sender, message)
        if held is not None and held.attached and held.reported_at == message.attached_at:
            return self._repeated(held, now)
        before = held.attached_at if held is not None else 0
        profile = self.core.profile(mobile_node)
        attachment = Attachment(
            mobile_node=mobile_node,
            attached_at=max(message.attached_at, before + 1),
            reported_at=message.attached_at,
            interface=message.interface or (profile.interface if profile else ""),
            link_layer_id=message.link_layer_id or (profile.link_layer_id if profile else b""),
            access_technology=message.access_technology,
            client=sender,
            proof=message.proof,
            gateway=gateway,
            care_of=message.care_of,
            ended=held.ended if held is not None else {},
            superseded=_still_there(held, sender),
        )
        left = held is not None and held.client != sender
        moved = self.core.revoke(held, r_xu.RevocationReason.MOVED) if left else []
        return [*moved, *self._claim(attachment, message.home_anchor, now)]

    def revive(self, mobile_node: MobileNodeId, now: float) -> list[Effect]:
        """The link in use has gone; of those there were before it the latest counts again."""
        held = self.core.attachments.get(mobile_node)
        if held is None or held.attached or not held.superseded:
            return []
        latest = msgspec.structs.replace(
            held.superseded[-1],
            attached_at=max(held.superseded[-1].attached_at, held.attached_at + 1),
            ended=held.ended,
            superseded=held.superseded[:-1],
        )
        return self._claim(latest, None, now)

    def _claim(self, attachment: Attachment, home: NodeId | None, now: float) -> list[Effect]:
        """Claim every context of the mobile node; `home` is a hint for one that is unknown."""
        mobile_node = attachment.mobile_node
        profile = self.core.profile(mobile_node)
        effects = self.core.keep_attachment(attachment)
        homes = self._known_homes(mobile_node, home)
        for known in sorted(homes):
            effects += self.begin(ContextId(mobile_node, known), now)
        if not homes or (profile is not None and profile.simultaneous):
            effects += self._look_up(mobile_node, now)
        return effects

    def _not_served(self, sender: EntityAddress, message: r_xu.AttachNotification) -> list[Effect]:
        """RFC 5213 §5.3.1: a gateway without authority to register mobile nodes here."""
        fields = {"mobile_node": message.mobile_node, "gateway": sender.node}
        refusal = r_xu.AttachAcknowledgement(
            mobile_node=message.mobile_node,
            attached_at=message.attached_at,
            status=Status.NOT_AUTHORISED,
            anchor=self.core.node,
        )
        return [Notice("gateway-refused", fields, Severity.WARNING), Send(sender, refusal)]

    def _over(self, sender: EntityAddress, message: r_xu.AttachNotification) -> list[Effect]:
        """An attachment that is over does not begin again. A client on the mobile node may not
        know: its binding has ended while it was out of reach. It can sign another beginning."""
        outdated = Notice("attachment-outdated", {"mobile_node": message.mobile_node})
        if sender.node != NodeId(message.mobile_node):
            return [outdated]
        stale = r_xu.AttachAcknowledgement(
            mobile_node=message.mobile_node,
            attached_at=message.attached_at,
            status=Status.STALE,
            anchor=self.core.node,
        )
        return [outdated, Send(sender, stale)]

    def _repeated(self, attachment: Attachment, now: float) -> list[Effect]:
        """The client has not heard from us: answer, or see that an answer is under way."""
        anchored = {Phase.REGISTERING, Phase.ANCHORED}
        visits = self.core.visits_of(attachment.mobile_node)
        if visits and all(visit.phase in anchored for visit in visits):
            return [self._acknowledgement(attachment, Status.ACCEPTED_ALREADY)]
        return [
            effect
            for visit in visits
            if visit.phase is Phase.REQUESTING and not self.core.outstanding.about(visit.key)
            for effect in self.begin(visit.key, now)
        ]

    def _known_homes(self, mobile_node: MobileNodeId, hint: NodeId | None) -> set[NodeId]:
        profile = self.core.profile(mobile_node)
        homes = {visit.key.home_anchor for visit in self.core.visits_of(mobile_node)}
        homes |= {key.home_anchor for key in self.prepared if key.mobile_node == mobile_node}
        if profile is not None:
            homes.add(profile.home_anchor)
            own = ContextId(mobile_node, self.core.node)
            if profile.simultaneous or self.core.register.entry(own) is not None:
                homes.add(self.core.node)
        elif hint is not None:
            homes.add(hint)
        return homes

    def _look_up(self, mobile_node: MobileNodeId, now: float) -> list[Effect]:
        """Ask the FE_IEC which contexts there are; without one, we are the home."""
        controller = self.core.controller()
        if controller is None:
            return self.found(r_xc.ContextFound(mobile_node=mobile_node, contexts=()), now)
        exchange = (LOOKUP, ContextId(mobile_node, NodeId("?")), controller.node)
        attachment = self.core.attachments[mobile_node]
        lookup = r_xc.ContextLookup(
            mobile_node=mobile_node, attached_at=attachment.attached_at, proof=attachment.proof
        )
        return self.core.outstanding.request(exchange, controller, lookup, now)

    def found(self, message: r_xc.ContextFound, now: float) -> list[Effect]:
        """R_XC answered: every context of the mobile node that is not under way yet."""
        mobile_node = message.mobile_node
        effects = self.core.settle_all(ContextId(mobile_node, NodeId("?")), LOOKUP)
        if mobile_node not in self.core.attachments:
            return effects
        under_way = {visit.key for visit in self.core.visits_of(mobile_node)}
        keys = {context.key for context in message.contexts} - under_way
        if not keys and not under_way:
            keys = {ContextId(mobile_node, self.core.node)}
        for key in sorted(keys):
            effects += self.begin(key, now)
        return effects

    # Context and grant

    def begin(self, key: ContextId, now: float) -> list[Effect]:
        """Claim one context for the present attachment."""
        attachment = self.core.attachments.get(key.mobile_node)
        if attachment is None or not attachment.attached:
            return []
        held = self.core.visits.get(key)
        visit = Visit(key=key, phase=Phase.REQUESTING)
        if held is not None and held.phase in (Phase.REGISTERING, Phase.ANCHORED):
            visit = msgspec.structs.replace(held, phase=Phase.REQUESTING)
        effects = self.core.keep_visit(visit)
        if key.home_anchor == self.core.node:
            return effects + self._claim_here(visit, attachment, now)
        ahead = self._ahead(key)
        if ahead is not None:
            return effects + self.granted(visit, ahead.context, (ahead.previous_anchor,))
        return effects + self._claim_of_home(visit, attachment, now)

    def _ahead(self, key: ContextId) -> Prepared | None:
        """What a prediction brought, unless a later move has come and gone since."""
        self.drop_overtaken(key)
        return self.prepared.pop(key, None)

    def drop_overtaken(self, key: ContextId) -> None:
        """A prepared grant is worth nothing once a later move has passed through here."""
        ahead = self.prepared.get(key)
        departed = self.core.departures.get(key)
        if ahead is not None and departed is not None and departed.order >= ahead.context.order:
            del self.prepared[key]

    def _claim_here(self, visit: Visit, attachment: Attachment, now: float) -> list[Effect]:
        key = visit.key
        if self.core.register.entry(key) is None:
            profile = self.core.profile(key.mobile_node)
            at_home = profile is not None and profile.home_anchor == self.core.node
            wanted = profile.prefixes if profile is not None and at_home else ()
            request = r_xa.PrefixAllocate(mobile_node=key.mobile_node, wanted=wanted)
            return [Send(self.core.anchor, request)]
        decision = self.core.register.decide(key, Claim(self.core.node, attachment.attached_at))
        if not accepted(decision.status):
            return self._stand_by(visit, now)
        context, effects = self.granting.grant(key, decision, now)
        return effects + self.granted(visit, context, self.granting.former(key))

    def allocated(self, message: r_xa.PrefixAllocated, now: float) -> list[Effect]:
        """R_XA: prefixes for a mobile node whose home is here from now on."""
        key = ContextId(message.mobile_node, self.core.node)
        visit = self.core.visits.get(key)
        if visit is None or visit.phase is not Phase.REQUESTING:
            return []
        if not message.prefixes:
            return [
                self.core.warn("no-prefix", key, "the pool is exhausted or not ours"),
                *self._fail(visit, Status.UNAVAILABLE, now),
            ]
        effects: list[Effect] = []
        if self.core.register.entry(key) is None:
            effects += self.granting.introduce(key, message.prefixes, now)
        return effects + self.begin(key, now)

    def _claim_of_home(self, visit: Visit, attachment: Attachment, now: float) -> list[Effect]:
        key = visit.key
        known = visit.context.grant if visit.context is not None else b""
        request = r_xx.ContextRequest(
            mobile_node=key.mobile_node,
            home_anchor=key.home_anchor,
            new_anchor=self.core.node,
            attached_at=attachment.attached_at,
            proof=attachment.proof,
            known_grant=known,
        )
        exchange = (CLAIM, key, key.home_anchor)
        effects = self.core.outstanding.request(
            exchange, self.core.mctx(key.home_anchor), request, now
        )
        if key.home_anchor in self.core.unreachable:
            return effects + self.without_home(key, now)
        return [*effects, SetTimer(f"patience {key}", now + self.core.config.peer_timeout)]

    def responded(
        self, sender: EntityAddress, message: r_xx.ContextResponse, now: float
    ) -> list[Effect]:
        """R_XX: the home anchor's word, or a previous anchor's knowledge."""
        visit = self.core.visits.get(message.key)
        attachment = self.core.attachments.get(message.mobile_node)
        if visit is None or attachment is None or message.attached_at != attachment.attached_at:
            return []
        if sender.node != message.home_anchor:
            return self._supplemented(sender, visit, message)
        effects = self.core.outstanding.settle((CLAIM, message.key, sender.node))
        effects += self.core.settle_all(message.key, CONTINUITY)
        if visit.phase is not Phase.REQUESTING:
            return effects
        if message.status == Status.STALE:
            return effects + self._stand_by(visit, now)
        if not accepted(message.status) or message.context is None:
            why = f"{sender} answered: {status_name(message.status)}"
            return [
                *effects,
                self.core.warn("context-not-transferred", message.key, why),
                *self._fail(visit, message.status, now),
            ]
        visit.delegated = False
        effects += self.granted(visit, message.context, message.former_anchors)
        if message.previous_anchor not in (None, self.core.node, message.home_anchor):
            effects += self._ask_previous(visit, message.previous_anchor, now)
        return effects

    def _supplemented(
        self, sender: EntityAddress, visit: Visit, message: r_xx.ContextResponse
    ) -> list[Effect]:
        """What only the previous anchor knew joins the context; its prefixes it cannot change."""
        effects = self.core.outstanding.settle((CLAIM, message.key, sender.node))
        if message.context is None or visit.context is None:
            return effects
        visit.context = msgspec.structs.replace(visit.context, multicast=message.context.multicast)
        return effects + self.core.keep_visit(visit)

    # The home anchor does not answer

    def without_home(self, key: ContextId, now: float) -> list[Effect]:
        """Continuity from what FE_IEC knows, on the mobile node's word (or the network's, if
        home anchors delegate so much); or an honest failure."""
        attachment = self.core.attachments.get(key.mobile_node)
        if attachment is None or (CLAIM, key, key.home_anchor) not in self.core.outstanding:
            return []
        controller = self.core.controller()
        if controller is None or not (attachment.proof or self.core.config.network_delegation):
            why = f"home anchor {key.home_anchor} does not answer and nobody may grant instead"
            return [
                self.core.warn("continuity-impossible", key, why),
                self._acknowledgement(attachment, Status.UNAVAILABLE),
            ]
        request = r_xc.ContinuityRequest(
            mobile_node=key.mobile_node,
            home_anchor=key.home_anchor,
            new_anchor=self.core.node,
            attached_at=attachment.attached_at,
            proof=attachment.proof,
        )
        exchange = (CONTINUITY, key, controller.node)
        return self.core.outstanding.request(exchange, controller, request, now)

    def continued(
        self, sender: EntityAddress, message: r_xc.ContinuityResponse, now: float
    ) -> list[Effect]:
        """R_XC: FE_IEC granted in the home anchor's place, or will not."""
        visit = self.core.visits.get(message.key)
        attachment = self.core.attachments.get(message.mobile_node)
        effects = self.core.outstanding.settle((CONTINUITY, message.key, sender.node))
        if visit is None or attachment is None or visit.phase is not Phase.REQUESTING:
            return effects
        if message.attached_at != attachment.attached_at:
            return effects
        if message.status == Status.REFUSED:
            # To the FE_IEC the home anchor is alive; keep asking both.
            retry = now + self.core.config.peer_timeout
            return [*effects, SetTimer(f"patience {message.key}", retry)]
        if message.status == Status.STALE:
            return effects + self._stand_by(visit, now)
        if not accepted(message.status) or message.context is None:
            why = f"{sender} will not grant: {status_name(message.status)}"
            return [
                *effects,
                self.core.warn("continuity-impossible", message.key, why),
                self._acknowledgement(attachment, Status.UNAVAILABLE),
            ]
        effects += self.core.settle_all(message.key, CLAIM)
        visit.delegated = True
        return effects + self.granted(visit, message.context, message.former_anchors)

    # Import

    def granted(
        self, visit: Visit, context: MobilityContext, former: tuple[NodeId, ...]
    ) -> list[Effect]:
        """Context and grant are here: have the anchor import them (R_XA)."""
        attachment = self.core.attachments[visit.key.mobile_node]
        if visit.context is None or visit.context.order != context.order:
            visit.complete = visit.alone = False
            visit.delivering = self.core.config.egress.node == self.core.node
            visit.former = set()
        if not visit.complete:
            visit.former |= {*former, visit.key.home_anchor} - {self.core.node}
        visit.context = context
        visit.phase = Phase.IMPORTING
        message = r_xa.ContextImport(
            context=context,
            interface=attachment.interface,
            link_layer_id=attachment.link_layer_id,
            gateway=attachment.gateway,
            care_of=attachment.care_of,
        )
        return [*self.core.keep_visit(visit), Send(self.core.anchor, message)]

    def imported(self, message: r_xa.ContextImported, now: float) -> list[Effect]:
        """R_XA: the anchor delivers; tell the FE_IEC, the previous anchor and the mobile node."""
        visit = self.core.visits.get(message.key)
        if visit is None or visit.context is None or visit.context.order != message.order:
            return []
        if visit.phase is not Phase.IMPORTING:
            return []
        if message.status == Status.FORWARDING_FAILED:
            visit.phase = Phase.STANDBY
            retry = SetTimer(f"standby {visit.key}", now + STANDBY_RETRY)
            return [*self.core.keep_visit(visit), retry]
        if not accepted(message.status):
            return self._fail(visit, message.status, now)
        visit.phase = Phase.REGISTERING
        attachment = self.core.attachments[visit.key.mobile_node]
        return [
            *self.core.keep_visit(visit),
            *self.core.drop_departure(visit.key),
            *self.settling.report(visit, now),
            *self.settling.tell_former(visit, now),
            self._acknowledgement(attachment, Status.ACCEPTED),
            SetTimer(f"refresh {visit.key}", now + self.core.config.lifetime * 2 / 3),
        ]

    def _ask_previous(self, visit: Visit, previous: NodeId | None, now: float) -> list[Effect]:
        """Direct transfer of what only the previous anchor's binding cache holds (R_XX)."""
        if visit.context is None or previous is None:
            return []
        attachment = self.core.attachments[visit.key.mobile_node]
        request = r_xx.ContextRequest(
            mobile_node=visit.key.mobile_node,
            home_anchor=visit.key.home_anchor,
            new_anchor=self.core.node,
            attached_at=attachment.attached_at,
            known_grant=visit.context.grant,
        )
        exchange = (CLAIM, visit.key, previous)
        return self.core.outstanding.request(exchange, self.core.mctx(previous), request, now)

    # Refresh, standby, failure

    def refresh(self, key: ContextId, now: float) -> list[Effect]:
        """Two thirds of the lifetime have passed: a new grant of the same move."""
        visit = self.core.visits.get(key)
        if visit is None or visit.phase not in (Phase.REGISTERING, Phase.ANCHORED):
            return []
        return self.begin(key, now)

    def _stand_by(self, visit: Visit, now: float) -> list[Effect]:
        """A later attachment is recorded elsewhere; should it end, ours counts again."""
        visit.phase = Phase.STANDBY
        return [
            *self.core.keep_visit(visit),
            SetTimer(f"standby {visit.key}", now + STANDBY_RETRY),
        ]

    def retry(self, key: ContextId, now: float) -> list[Effect]:
        visit = self.core.visits.get(key)
        if visit is None or visit.phase not in (Phase.STANDBY, Phase.FAILED):
            return []
        return self.begin(key, now)

    def _fail(self, visit: Visit, status: int, now: float) -> list[Effect]:
        """Refused. The reason may pass (a clock is set, a registry renewed): ask again later."""
        visit.phase = Phase.FAILED
        attachment = self.core.attachments[visit.key.mobile_node]
        return [
            *self.core.keep_visit(visit),
            self._acknowledgement(attachment, status),
            SetTimer(f"standby {visit.key}", now + FAILED_RETRY),
        ]

    def _acknowledgement(self, attachment: Attachment, status: int) -> Send:
        """R_XU: what the mobile node may use here."""
        here = self.core.node
        contexts = [
            visit.context
            for visit in self.core.visits_of(attachment.mobile_node)
            if visit.context is not None and visit.phase in (Phase.REGISTERING, Phase.ANCHORED)
        ]
        fresh = any(context.home_anchor == here for context in contexts)
        preferred = [c for c in contexts if c.home_anchor == here or not fresh]
        deprecated = [c for c in contexts if c not in preferred]
        profile = self.core.profile(attachment.mobile_node)
        home = profile.home_anchor if profile is not None else here
        return Send(
            attachment.client,
            r_xu.AttachAcknowledgement(
                mobile_node=attachment.mobile_node,
                attached_at=attachment.reported_at,
                status=status,
                anchor=here,
                home_anchor=home,
                order=max((c.order for c in contexts), default=None),
                prefixes=tuple(p for c in preferred for p in c.prefixes),
                deprecated=tuple(p for c in deprecated for p in c.prefixes),
            ),
        )


def _still_there(held: Attachment | None, sender: EntityAddress) -> tuple[Attachment, ...]:
    """The links that a new one, told by `sender`, takes the place of."""
    if held is None:
        return ()
    before = (*held.superseded, msgspec.structs.replace(held, superseded=(), ended={}))
    return tuple(one for one in before if one.attached and one.client != sender)


def _outdated(held: Attachment, sender: EntityAddress, message: r_xu.AttachNotification) -> bool:
    """Whether a notification tells of a link that is gone, or older than the one in use.

    Clocks of two gateways may differ: once the link in use has gone, the other's word counts, and
    is measured by its own clock from then on.
    """
    if message.attached_at <= held.ended.get(sender.node, 0):
        return True
    in_use = held.reported_at if held.client == sender else held.attached_at
    return held.attached and in_use > message.attached_at
