"""The responder's side of binding revocation: what a gateway makes of a BRI (RFC 5846 §9.1)."""

from collections.abc import Sequence

from opendmm.bindings.mobility.fields import named
from opendmm.bindings.mobility.vendor import addition
from opendmm.bindings.pmipv6.extension import Attached
from opendmm.bindings.pmipv6.prefixes import prefixes_in
from opendmm.bindings.pmipv6.registration import Registration, Stage
from opendmm.wire.mobility.numbers import RevocationFlags, RevocationStatus, RevocationTrigger
from opendmm.wire.mobility.revocation import BindingRevocationIndication

MOVES = frozenset(
    {
        RevocationTrigger.INTER_MAG_HANDOVER_SAME_ACCESS_TYPE,
        RevocationTrigger.INTER_MAG_HANDOVER_DIFFERENT_ACCESS_TYPE,
        RevocationTrigger.INTER_MAG_HANDOVER_UNKNOWN,
    }
)
OF_MANY = 128
"""From which trigger on a revocation is of many mobile nodes at once (§5.1)."""


def objection(
    message: BindingRevocationIndication, concerned: Sequence[Registration]
) -> RevocationStatus | None:
    """With which status a BRI about these registrations is rejected; None when it is not."""
    return _unsupported(message) or _not_these(message, concerned)


def _unsupported(message: BindingRevocationIndication) -> RevocationStatus | None:
    of_many = bool(message.flags & RevocationFlags.G)
    if message.trigger.name not in RevocationTrigger.__members__:
        return RevocationStatus.REVOCATION_TRIGGER_NOT_SUPPORTED
    if not message.flags & RevocationFlags.P or message.flags & RevocationFlags.V:
        return RevocationStatus.REVOCATION_FUNCTION_NOT_SUPPORTED
    if of_many != (message.trigger >= OF_MANY):
        return RevocationStatus.REVOCATION_FUNCTION_NOT_SUPPORTED
    if of_many and (message.trigger != RevocationTrigger.PER_PEER_POLICY or message.options):
        return RevocationStatus.REVOCATION_FUNCTION_NOT_SUPPORTED
    return None


def _not_these(
    message: BindingRevocationIndication, concerned: Sequence[Registration]
) -> RevocationStatus | None:
    if message.flags & RevocationFlags.G:
        return None
    if not named(message):
        return RevocationStatus.REVOKED_MOBILE_NODES_IDENTITY_REQUIRED
    gone = [entry for entry in concerned if entry.stage is not Stage.LEAVING]
    if not gone or not set(prefixes_in(message)) <= {p for e in gone for p in e.prefixes}:
        return RevocationStatus.BINDING_DOES_NOT_EXIST
    if any(_attached_anew(message, entry) for entry in gone):
        return RevocationStatus.REVOCATION_FAILED_MN_IS_ATTACHED
    return None


def _attached_anew(message: BindingRevocationIndication, entry: Registration) -> bool:
    """Whether the revocation is of an attachment before this one, as far as it can be told: by
    its time, and from an anchor that does not say it, by our not having been answered yet."""
    meant = addition(message, Attached).attached_at
    if meant:
        return meant != entry.attached_at
    return message.trigger in MOVES and entry.stage is Stage.REGISTERING
