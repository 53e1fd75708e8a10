"""Which class reads which MH Type."""

from opendmm.wire.mobility.binding import (
    BindingAcknowledgement,
    BindingError,
    BindingRefreshRequest,
    BindingUpdate,
)
from opendmm.wire.mobility.fast_handover import (
    FastBindingAcknowledgment,
    FastBindingUpdate,
    HandoverAcknowledge,
    HandoverInitiate,
)
from opendmm.wire.mobility.heartbeat import Heartbeat
from opendmm.wire.mobility.home_agent_switch import HomeAgentSwitch
from opendmm.wire.mobility.localized_routing import (
    LocalizedRoutingAcknowledgment,
    LocalizedRoutingInitiation,
)
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.return_routability import (
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
)
from opendmm.wire.mobility.revocation import BindingRevocation
from opendmm.wire.mobility.subscription import SubscriptionQuery, SubscriptionResponse
from opendmm.wire.mobility.update_notification import (
    UpdateNotification,
    UpdateNotificationAcknowledgement,
)

MESSAGES: dict[int, type[MobilityMessage]] = {
    kind.TYPE: kind
    for kind in (
        BindingRefreshRequest,
        HomeTestInit,
        CareOfTestInit,
        HomeTest,
        CareOfTest,
        BindingUpdate,
        BindingAcknowledgement,
        BindingError,
        FastBindingUpdate,
        FastBindingAcknowledgment,
        HomeAgentSwitch,
        Heartbeat,
        HandoverInitiate,
        HandoverAcknowledge,
        BindingRevocation,
        LocalizedRoutingInitiation,
        LocalizedRoutingAcknowledgment,
        UpdateNotification,
        UpdateNotificationAcknowledgement,
        SubscriptionQuery,
        SubscriptionResponse,
    )
}
