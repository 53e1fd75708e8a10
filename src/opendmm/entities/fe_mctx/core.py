"""State and small helpers that the parts of an FE_MCTX share."""

import msgspec

from opendmm.authority.authority import Authority
from opendmm.entities.effects import Effect, Notice, Persist, Send, Severity
from opendmm.entities.fe_mctx.config import MctxConfig, Profile
from opendmm.entities.fe_mctx.register import HomeRegister
from opendmm.entities.fe_mctx.visit import Attachment, Departure, Visit
from opendmm.entities.retransmission import Outstanding
from opendmm.model.addressing import Egress
from opendmm.model.context import ContextId
from opendmm.model.identity import EntityAddress, FunctionalEntity, MobileNodeId, NodeId
from opendmm.reference_points.r_xu import AttachmentRevoked, RevocationReason

Exchange = tuple[str, ContextId, NodeId]
"""What a request is for, about which context, to which node."""


class Core:
    """Attachments, visits, departures, the home register, and the unanswered requests."""

    def __init__(self, config: MctxConfig, authority: Authority) -> None:
        self.config = config
        self.node = config.node
        self.authority = authority
        self.attachments: dict[MobileNodeId, Attachment] = {}
        self.visits: dict[ContextId, Visit] = {}
        self.departures: dict[ContextId, Departure] = {}
        self.register = HomeRegister()
        self.outstanding: Outstanding[Exchange] = Outstanding(
            "R", config.retransmit, subject=lambda exchange: exchange[1]
        )
        self.unreachable: set[NodeId] = set()
        self.anchor = EntityAddress(config.node, FunctionalEntity.FE_MA_C)
        self._visits_of: dict[MobileNodeId, set[ContextId]] = {}

    def mctx(self, node: NodeId) -> EntityAddress:
        return EntityAddress(node, FunctionalEntity.FE_MCTX)

    def controller(self) -> EntityAddress | None:
        """The FE_IEC instance to speak to: the first that can be reached, else the first."""
        reachable = [c for c in self.config.controllers if c not in self.unreachable]
        chosen = (reachable or list(self.config.controllers))[:1]
        return EntityAddress(chosen[0], FunctionalEntity.FE_IEC) if chosen else None

    def gateway(self, node: NodeId) -> Egress | None:
        """A mobile access gateway of this anchor by its node's name; None when it is none."""
        locator = self.config.gateways.get(node)
        return Egress(node, locator) if locator is not None else None

    def profile(self, mobile_node: MobileNodeId) -> Profile | None:
        return self.config.profiles.get(mobile_node)

    def visits_of(self, mobile_node: MobileNodeId) -> list[Visit]:
        return [self.visits[key] for key in sorted(self._visits_of.get(mobile_node, set()))]

    # Facts

    def keep_attachment(self, attachment: Attachment) -> list[Effect]:
        self.attachments[attachment.mobile_node] = attachment
        name = f"attachment {attachment.mobile_node}"
        return [Persist(name, msgspec.msgpack.encode(attachment))]

    def drop_attachment(self, mobile_node: MobileNodeId) -> list[Effect]:
        self.attachments.pop(mobile_node, None)
        return [Persist(f"attachment {mobile_node}", None)]

    def keep_visit(self, visit: Visit) -> list[Effect]:
        self.visits[visit.key] = visit
        self._visits_of.setdefault(visit.key.mobile_node, set()).add(visit.key)
        return [Persist(f"visit {visit.key}", msgspec.msgpack.encode(visit))]

    def drop_visit(self, key: ContextId) -> list[Effect]:
        if self.visits.pop(key, None) is None:
            return []
        siblings = self._visits_of[key.mobile_node]
        siblings.discard(key)
        if not siblings:
            del self._visits_of[key.mobile_node]
        return [Persist(f"visit {key}", None)]

    def keep_departure(self, departure: Departure) -> list[Effect]:
        self.departures[departure.key] = departure
        return [Persist(f"departure {departure.key}", msgspec.msgpack.encode(departure))]

    def drop_departure(self, key: ContextId) -> list[Effect]:
        if self.departures.pop(key, None) is None:
            return []
        return [Persist(f"departure {key}", None)]

    def keep_entry(self, key: ContextId) -> list[Effect]:
        entry = self.register.entry(key)
        value = msgspec.msgpack.encode(entry) if entry is not None else None
        return [Persist(f"home {key}", value)]

    # Gateways

    def revoke(self, attachment: Attachment | None, reason: RevocationReason) -> list[Effect]:
        """Have the gateway of an attachment, if there is one, serve it no longer."""
        if attachment is None or attachment.gateway is None or not attachment.attached:
            return []
        revoked = AttachmentRevoked(
            mobile_node=attachment.mobile_node,
            attached_at=attachment.reported_at,
            reason=reason,
        )
        return [Send(attachment.client, revoked)]

    # Requests

    def settle_all(self, key: ContextId, *purposes: str) -> list[Effect]:
        """Drop every unanswered request about a context for one of these purposes."""
        return [
            effect
            for exchange in self.outstanding.about(key)
            if exchange[0] in purposes
            for effect in self.outstanding.settle(exchange)
        ]

    def warn(self, event: str, key: ContextId, why: str) -> Notice:
        fields = {"mobile_node": key.mobile_node, "home_anchor": key.home_anchor, "why": why}
        return Notice(event, fields, Severity.WARNING)
