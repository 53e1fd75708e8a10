"""What people call the messages of the Mobility Header: the abbreviations of their RFCs."""

from opendmm.wire.mobility.binding import BindingAcknowledgement, BindingUpdate
from opendmm.wire.mobility.fast_handover import HandoverAcknowledge, HandoverInitiate
from opendmm.wire.mobility.message import MobilityMessage
from opendmm.wire.mobility.revocation import (
    BindingRevocationAcknowledgement,
    BindingRevocationIndication,
)
from opendmm.wire.mobility.update_notification import (
    UpdateNotification,
    UpdateNotificationAcknowledgement,
)

BY_PROXY: dict[type[MobilityMessage], str] = {
    BindingUpdate: "PBU",  # RFC 5213 §2.2
    BindingAcknowledgement: "PBA",
    HandoverInitiate: "HI",  # RFC 5949 §2
    HandoverAcknowledge: "HAck",
    BindingRevocationIndication: "BRI",  # RFC 5846 §2.2
    BindingRevocationAcknowledgement: "BRA",
    UpdateNotification: "UPN",  # RFC 7077 §2.2
    UpdateNotificationAcknowledgement: "UPA",
}
"""Where the network registers mobile nodes."""
