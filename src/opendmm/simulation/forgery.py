"""What a node gone bad would say: its own true messages with another egress in them, or none.

It has its certificate, so the transport vouches for it; it has the grants it was given, so
it can show them. What it has not is a grant for what it asks.
"""

from collections.abc import Sequence
from random import Random

import msgspec

from opendmm.model.addressing import Egress
from opendmm.model.policy import Direction
from opendmm.reference_points.catalogue import Envelope
from opendmm.reference_points.message import Message
from opendmm.reference_points.r_ec import DeliveryUpdate
from opendmm.reference_points.r_ic import PolicyUpdate
from opendmm.reference_points.r_xc import LocationUpdate
from opendmm.reference_points.r_xx import AnchorChanged


def forged(envelope: Envelope, egresses: Sequence[Egress], random: Random) -> Envelope | None:
    """The envelope with its message turned bad; None where there is nothing to turn."""
    replace = msgspec.structs.replace
    message = envelope.message
    wrong = random.choice(egresses)
    bad: Message
    match message:
        case LocationUpdate() | AnchorChanged() if wrong != message.egress:
            bad = replace(message, egress=wrong)
        case DeliveryUpdate(policy=policy) if policy.onward not in (None, wrong):
            bad = replace(message, policy=replace(policy, onward=wrong))
        case PolicyUpdate(policies=policies):
            target = random.choice((wrong, None))
            turned = tuple(
                replace(policy, egress=target)
                for policy in policies
                if policy.egress not in (None, target) and policy.direction is Direction.DOWNLINK
            )
            if not turned:
                return None
            bad = replace(message, policies=turned)
        case _:
            return None
    return replace(envelope, message=bad)
