"""The initiator's side of binding revocation (RFC 5846 §6, §8.1): BRI until its BRA. Pure."""

import msgspec

from opendmm.bindings.mobility.agenda import Agenda
from opendmm.bindings.mobility.backoff import Backoff
from opendmm.bindings.mobility.outputs import Complain, Output, Transmit
from opendmm.bindings.mobility.vendor import added
from opendmm.bindings.pmipv6.config import PmipConfig
from opendmm.bindings.pmipv6.extension import Attached
from opendmm.bindings.pmipv6.prefixes import home_network_prefixes
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.wire.mobility.numbers import RevocationFlags, RevocationTrigger
from opendmm.wire.mobility.options.identification import MobileNodeIdentifierOption
from opendmm.wire.mobility.revocation import (
    BindingRevocationAcknowledgement,
    BindingRevocationIndication,
)


class Revocation(msgspec.Struct, kw_only=True):
    """A BRI that awaits its BRA."""

    gateway: NodeId
    mobile_node: MobileNodeId
    message: BindingRevocationIndication
    waiting: Backoff
    repeated: int = 0


class Revocations:
    """The revocations of one anchor that are under way."""

    def __init__(self, config: PmipConfig) -> None:
        self.config = config
        self._pending: dict[str, Revocation] = {}
        self._by_sequence: dict[int, str] = {}
        self._agenda: Agenda[str] = Agenda()
        self._sequence = 0

    def revoke(
        self,
        gateway: NodeId,
        mobile_node: MobileNodeId,
        trigger: RevocationTrigger,
        attached_at: int,
        prefixes: tuple[HomePrefix, ...],
        now: float,
    ) -> list[Output]:
        """Have a gateway serve an attachment no longer."""
        self.settled(gateway, mobile_node)
        self._sequence = (self._sequence + 1) & 0xFFFF
        message = BindingRevocationIndication(
            trigger=trigger,
            sequence=self._sequence,
            flags=RevocationFlags.P,
            options=(
                MobileNodeIdentifierOption.from_nai(mobile_node),
                *home_network_prefixes(prefixes),
                *added(Attached(attached_at)),
            ),
        )
        waiting = Backoff.begin(now, self.config.init_min_delay_bris, self.config.max_brack_timeout)
        key = f"{gateway} {mobile_node}"
        self._pending[key] = Revocation(
            gateway=gateway, mobile_node=mobile_node, message=message, waiting=waiting
        )
        self._by_sequence[message.sequence] = key
        self._agenda.put(key, waiting.due)
        return [Transmit(gateway, message)]

    def settled(self, gateway: NodeId, mobile_node: MobileNodeId) -> None:
        """The gateway has registered, or de-registered, the mobile node meanwhile."""
        key = f"{gateway} {mobile_node}"
        revocation = self._pending.pop(key, None)
        if revocation is None:
            return
        if self._by_sequence.get(revocation.message.sequence) == key:
            del self._by_sequence[revocation.message.sequence]
        self._agenda.drop(key)

    def acknowledged(
        self, gateway: NodeId, message: BindingRevocationAcknowledgement
    ) -> list[Output]:
        """A BRA (§6.2.2); the binding is gone on this side already, whatever it says."""
        revocation = self._pending.get(self._by_sequence.get(message.sequence, ""))
        if revocation is None or revocation.gateway != gateway:
            return []
        self.settled(gateway, revocation.mobile_node)
        if message.status.accepted:
            return []
        fields = {"mobile_node": revocation.mobile_node, "status": message.status.name}
        return [Complain("revocation-rejected", gateway, fields)]

    def next_timer(self) -> float:
        return self._agenda.next_timer()

    def fire(self, now: float) -> list[Output]:
        """Repeat (§6.3), at most BRIMaxRetriesNumber times."""
        outputs: list[Output] = []
        for key in self._agenda.take(now):
            revocation = self._pending[key]
            if revocation.repeated >= self.config.bri_max_retries:
                self.settled(revocation.gateway, revocation.mobile_node)
                fields = {"mobile_node": revocation.mobile_node}
                outputs.append(Complain("revocation-unanswered", revocation.gateway, fields))
                continue
            revocation.repeated += 1
            revocation.waiting.repeat(now)
            self._agenda.put(key, revocation.waiting.due)
            outputs.append(Transmit(revocation.gateway, revocation.message))
        return outputs
