"""Numbers of the IANA registry "Mobile IPv6 parameters", with the RFC that assigned each.

Names are the RFCs' own where they give one, else their description in capitals. Flags forget
reserved bits, which "MUST be ignored by the receiver".
"""

import enum

from opendmm.wire.layout import OpenEnum

#: The Next Header value of a Mobility Header (RFC 6275 §6.1.1).
MOBILITY_HEADER = 135
#: The only Payload Proto there is: No Next Header (RFC 6275 §6.1.1).
NO_NEXT_HEADER = 59
#: Seconds in one unit of a lifetime or refresh interval (RFC 6275 §6.1.7).
LIFETIME_UNIT = 4


class MessageType(enum.IntEnum):
    """The MH Type field."""

    BINDING_REFRESH_REQUEST = 0  # RFC 6275 §6.1.2
    HOME_TEST_INIT = 1  # §6.1.3
    CARE_OF_TEST_INIT = 2  # §6.1.4
    HOME_TEST = 3  # §6.1.5
    CARE_OF_TEST = 4  # §6.1.6
    BINDING_UPDATE = 5  # §6.1.7
    BINDING_ACKNOWLEDGEMENT = 6  # §6.1.8
    BINDING_ERROR = 7  # §6.1.9
    FAST_BINDING_UPDATE = 8  # RFC 5568 §6.2.2
    FAST_BINDING_ACKNOWLEDGMENT = 9  # RFC 5568 §6.2.3
    HOME_AGENT_SWITCH = 12  # RFC 5142 §4
    HEARTBEAT = 13  # RFC 5847 §3.3
    HANDOVER_INITIATE = 14  # RFC 5568 §6.2.1.1, RFC 5949 §6.1.1
    HANDOVER_ACKNOWLEDGE = 15  # RFC 5568 §6.2.1.2, RFC 5949 §6.1.2
    BINDING_REVOCATION = 16  # RFC 5846 §5
    LOCALIZED_ROUTING_INITIATION = 17  # RFC 6705 §10.1
    LOCALIZED_ROUTING_ACKNOWLEDGMENT = 18  # RFC 6705 §10.2
    UPDATE_NOTIFICATION = 19  # RFC 7077 §4.1
    UPDATE_NOTIFICATION_ACKNOWLEDGEMENT = 20  # RFC 7077 §4.2
    SUBSCRIPTION_QUERY = 22  # RFC 7161 §4.3.1
    SUBSCRIPTION_RESPONSE = 23  # RFC 7161 §4.3.2


class OptionType(enum.IntEnum):
    """The Type field of a mobility option."""

    PAD1 = 0  # RFC 6275 §6.2.2
    PADN = 1  # §6.2.3
    BINDING_REFRESH_ADVICE = 2  # §6.2.4
    ALTERNATE_CARE_OF_ADDRESS = 3  # §6.2.5
    NONCE_INDICES = 4  # §6.2.6
    BINDING_AUTHORIZATION_DATA = 5  # §6.2.7
    MOBILE_NETWORK_PREFIX = 6  # RFC 3963 §4.3
    LINK_LAYER_ADDRESS = 7  # RFC 5568 §6.4.4
    MOBILE_NODE_IDENTIFIER = 8  # RFC 4283 §3
    MESSAGE_AUTHENTICATION = 9  # RFC 4285 §5
    MESSAGE_REPLAY_PROTECTION = 10  # RFC 4285 §6
    VENDOR_SPECIFIC = 19  # RFC 5094 §3
    SERVICE_SELECTION = 20  # RFC 5149 §3
    BINDING_AUTHORIZATION_DATA_FMIPV6 = 21  # RFC 5568 §6.4.5
    HOME_NETWORK_PREFIX = 22  # RFC 5213 §8.3
    HANDOFF_INDICATOR = 23  # RFC 5213 §8.4
    ACCESS_TECHNOLOGY_TYPE = 24  # RFC 5213 §8.5
    LINK_LAYER_IDENTIFIER = 25  # RFC 5213 §8.6
    LINK_LOCAL_ADDRESS = 26  # RFC 5213 §8.7
    TIMESTAMP = 27  # RFC 5213 §8.8
    RESTART_COUNTER = 28  # RFC 5847 §3.4
    IPV4_HOME_ADDRESS = 29  # RFC 5555 §3.1.1
    IPV4_ADDRESS_ACKNOWLEDGEMENT = 30  # RFC 5555 §3.2.1
    NAT_DETECTION = 31  # RFC 5555 §3.2.2
    IPV4_CARE_OF_ADDRESS = 32  # RFC 5555 §3.1.2
    GRE_KEY = 33  # RFC 5845 §6.1
    ADDRESS_PREFIX = 34  # RFC 5568 §6.4.2
    IPV4_HOME_ADDRESS_REQUEST = 36  # RFC 5844 §3.3.1
    IPV4_HOME_ADDRESS_REPLY = 37  # RFC 5844 §3.3.2
    IPV4_DEFAULT_ROUTER_ADDRESS = 38  # RFC 5844 §3.3.3
    IPV4_DHCP_SUPPORT_MODE = 39  # RFC 5844 §3.3.4
    CONTEXT_REQUEST = 40  # RFC 5949 §6.2.1
    LOCAL_MOBILITY_ANCHOR_ADDRESS = 41  # RFC 5949 §6.2.2
    LINK_LOCAL_INTERFACE_IDENTIFIER = 42  # RFC 5949 §6.2.3
    REDIRECT_CAPABILITY = 46  # RFC 6463 §4.1
    REDIRECT = 47  # RFC 6463 §4.2
    LOAD_INFORMATION = 48  # RFC 6463 §4.3
    ALTERNATE_IPV4_CARE_OF_ADDRESS = 49  # RFC 6463 §4.4
    MOBILE_NODE_GROUP_IDENTIFIER = 50  # RFC 6602 §4.3
    MAG_IPV6_ADDRESS = 51  # RFC 6705 §11.1
    ACCESS_NETWORK_IDENTIFIER = 52  # RFC 6757 §3
    IPV4_TRAFFIC_OFFLOAD_SELECTOR = 53  # RFC 6909 §3.1
    DYNAMIC_IP_MULTICAST_SELECTOR = 54  # RFC 7028 §5.1
    DELEGATED_MOBILE_NETWORK_PREFIX = 55  # RFC 7148 §4.1
    ACTIVE_MULTICAST_SUBSCRIPTION_IPV4 = 56  # RFC 7161 §6.1
    ACTIVE_MULTICAST_SUBSCRIPTION_IPV6 = 57  # RFC 7161 §4.1
    QUALITY_OF_SERVICE = 58  # RFC 7222 §4.1
    MULTICAST_MOBILITY = 60  # RFC 7411 §5.3
    MULTICAST_ACKNOWLEDGEMENT = 61  # RFC 7411 §5.4
    LMA_CONTROLLED_MAG_PARAMETERS = 62  # RFC 8127 §3
    ANCHORED_PREFIX = 65  # RFC 8885 §4.3
    LOCAL_PREFIX = 66  # RFC 8885 §4.4
    PREVIOUS_MAAR = 67  # RFC 8885 §4.5
    SERVING_MAAR = 68  # RFC 8885 §4.6
    DLIF_LINK_LOCAL_ADDRESS = 69  # RFC 8885 §4.7
    DLIF_LINK_LAYER_ADDRESS = 70  # RFC 8885 §4.8


class BindingUpdateFlags(enum.IntFlag, boundary=enum.CONFORM):
    """Flags of a Binding Update.

    S is where RFC 7161 §9 and RFC 8885 §4.1 assign it; a figure in RFC 7161 draws it over F.
    """

    A = ACKNOWLEDGE = 0x8000  # RFC 6275 §6.1.7
    H = HOME_REGISTRATION = 0x4000
    L = LINK_LOCAL_COMPATIBILITY = 0x2000
    K = KEY_MANAGEMENT = 0x1000
    M = MAP_REGISTRATION = 0x0800  # RFC 5380 §4
    R = MOBILE_ROUTER = 0x0400  # RFC 3963 §4.1
    P = PROXY_REGISTRATION = 0x0200  # RFC 5213 §8.1
    F = FORCE_UDP_ENCAPSULATION = 0x0100  # RFC 5555 §3.1.3
    T = TLV_HEADER_FORMAT = 0x0080  # RFC 5845 §6.2
    B = BULK_BINDING_UPDATE = 0x0040  # RFC 6602 §4.1
    S = MULTICAST_SIGNALING = 0x0020  # RFC 7161 §9
    D = DMM = 0x0010  # RFC 8885 §4.1


class BindingAcknowledgementFlags(enum.IntFlag, boundary=enum.CONFORM):
    """Flags of a Binding Acknowledgement; S as for the Binding Update."""

    K = KEY_MANAGEMENT = 0x80  # RFC 6275 §6.1.8
    R = MOBILE_ROUTER = 0x40  # RFC 3963 §4.2
    P = PROXY_REGISTRATION = 0x20  # RFC 5213 §8.2
    T = TLV_HEADER_FORMAT = 0x10  # RFC 5845 §6.3
    B = BULK_BINDING_UPDATE = 0x08  # RFC 6602 §4.2
    S = MULTICAST_SIGNALING = 0x04  # RFC 7161 §9
    D = DMM = 0x02  # RFC 8885 §4.2


class BindingStatus(OpenEnum):
    """The Status of a Binding Acknowledgement; from 128 on the update was rejected."""

    ACCEPTED = 0  # RFC 6275 §6.1.8
    ACCEPTED_PREFIX_DISCOVERY_NECESSARY = 1
    GRE_KEY_OPTION_NOT_REQUIRED = 2  # RFC 5845 §6.4
    GRE_TUNNELING_BUT_TLV_HEADER_NOT_SUPPORTED = 3
    MCOA_NOTCOMPLETE = 4  # RFC 5648 §11
    MCOA_RETURNHOME_WO_NDP = 5
    REASON_UNSPECIFIED = 128  # RFC 6275 §6.1.8
    ADMINISTRATIVELY_PROHIBITED = 129
    INSUFFICIENT_RESOURCES = 130
    HOME_REGISTRATION_NOT_SUPPORTED = 131
    NOT_HOME_SUBNET = 132
    NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE = 133
    DUPLICATE_ADDRESS_DETECTION_FAILED = 134
    SEQUENCE_NUMBER_OUT_OF_WINDOW = 135
    EXPIRED_HOME_NONCE_INDEX = 136
    EXPIRED_CARE_OF_NONCE_INDEX = 137
    EXPIRED_NONCES = 138
    REGISTRATION_TYPE_CHANGE_DISALLOWED = 139
    MOBILE_ROUTER_OPERATION_NOT_PERMITTED = 140  # RFC 3963 §4.2
    INVALID_PREFIX = 141
    NOT_AUTHORIZED_FOR_PREFIX = 142
    FORWARDING_SETUP_FAILED = 143
    MIPV6_ID_MISMATCH = 144  # RFC 4285 §8
    MIPV6_MESG_ID_REQD = 145
    MIPV6_AUTH_FAIL = 146
    SERVICE_AUTHORIZATION_FAILED = 151  # RFC 5149 §6
    PROXY_REG_NOT_ENABLED = 152  # RFC 5213 §8.9
    NOT_LMA_FOR_THIS_MOBILE_NODE = 153
    MAG_NOT_AUTHORIZED_FOR_PROXY_REG = 154
    NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX = 155
    TIMESTAMP_MISMATCH = 156
    TIMESTAMP_LOWER_THAN_PREV_ACCEPTED = 157
    MISSING_HOME_NETWORK_PREFIX_OPTION = 158
    BCE_PBU_PREFIX_SET_DO_NOT_MATCH = 159
    MISSING_MN_IDENTIFIER_OPTION = 160
    MISSING_HANDOFF_INDICATOR_OPTION = 161
    MISSING_ACCESS_TECH_TYPE_OPTION = 162
    GRE_KEY_OPTION_REQUIRED = 163  # RFC 5845 §6.4
    MCOA_MALFORMED = 164  # RFC 5648 §11
    MCOA_NON_MCOA_BINDING_EXISTS = 165
    MCOA_PROHIBITED = 166
    MCOA_UNKNOWN_COA = 167
    MCOA_BULK_REGISTRATION_PROHIBITED = 168
    MCOA_SIMULTANEOUS_HOME_AND_FOREIGN_PROHIBITED = 169
    NOT_AUTHORIZED_FOR_IPV4_MOBILITY_SERVICE = 170  # RFC 5844 §3.3.5
    NOT_AUTHORIZED_FOR_IPV4_HOME_ADDRESS = 171
    NOT_AUTHORIZED_FOR_IPV6_MOBILITY_SERVICE = 172
    MULTIPLE_IPV4_HOME_ADDRESS_ASSIGNMENT_NOT_SUPPORTED = 173
    INVALID_CARE_OF_ADDRESS = 174  # RFC 6275 §6.1.8
    INVALID_MOBILE_NODE_GROUP_IDENTIFIER = 175  # RFC 6602 §4.4
    NOT_AUTHORIZED_FOR_DELEGATED_MNP = 177  # RFC 7148 §4.2
    REQUESTED_DMNP_IN_USE = 178
    CANNOT_MEET_QOS_SERVICE_REQUEST = 179  # RFC 7222 §4.3

    @property
    def accepted(self) -> bool:
        return self < 128


class BindingErrorStatus(OpenEnum):
    """The Status of a Binding Error (RFC 6275 §6.1.9)."""

    UNKNOWN_BINDING = 1
    UNRECOGNIZED_MH_TYPE = 2


class IdentifierSubtype(OpenEnum):
    """What kind of name a Mobile Node Identifier option has (RFC 4283 §3.1, RFC 8371 §3)."""

    NAI = 1
    IPV6_ADDRESS = 2
    IMSI = 3
    P_TMSI = 4
    EUI_48 = 5
    EUI_64 = 6
    GUTI = 7
    DUID = 8


class AuthenticationSubtype(OpenEnum):
    """Between whom a Mobility Message Authentication option holds (RFC 4285 §5)."""

    MN_HA = 1
    MN_AAA = 2


class HandoffIndicator(OpenEnum):
    """What kind of attachment a proxy registration is about (RFC 5213 §8.4)."""

    RESERVED = 0
    NEW_INTERFACE = 1
    BETWEEN_INTERFACES = 2
    BETWEEN_MAGS_SAME_INTERFACE = 3
    UNKNOWN = 4
    NOT_CHANGED = 5
    NEW_INTERFACE_SHARING_PREFIXES = 6  # RFC 7864 §3.2.1


class AccessTechnology(OpenEnum):
    """By which technology the mobile node is attached (RFC 5213 §8.5)."""

    RESERVED = 0
    VIRTUAL = 1
    PPP = 2
    IEEE_802_3 = 3
    IEEE_802_11 = 4
    IEEE_802_16E = 5


class Ipv4AddressStatus(OpenEnum):
    """What became of a request for an IPv4 home address (RFC 5844 §3.3.2, RFC 5555 §3.2.1)."""

    SUCCESS = 0
    REASON_UNSPECIFIED = 128
    ADMINISTRATIVELY_PROHIBITED = 129
    INCORRECT_IPV4_HOME_ADDRESS = 130
    INVALID_IPV4_ADDRESS = 131
    DYNAMIC_ASSIGNMENT_NOT_AVAILABLE = 132
    PREFIX_ALLOCATION_UNAUTHORIZED = 133  # RFC 5555 only


class FastBindingStatus(OpenEnum):
    """The Status of a Fast Binding Acknowledgment (RFC 5568 §6.2.3)."""

    ACCEPTED = 0
    ACCEPTED_USE_SUPPLIED_CARE_OF_ADDRESS = 1
    REASON_UNSPECIFIED = 128
    ADMINISTRATIVELY_PROHIBITED = 129
    INSUFFICIENT_RESOURCES = 130
    INCORRECT_INTERFACE_IDENTIFIER_LENGTH = 131

    @property
    def accepted(self) -> bool:
        return self < 128


class HandoverInitiateFlags(enum.IntFlag, boundary=enum.CONFORM):
    """Flags of a Handover Initiate (RFC 5949 §8)."""

    S = ASSIGNED_ADDRESS_CONFIGURATION = 0x80
    U = BUFFER = 0x40
    P = PROXY = 0x20
    F = FORWARDING = 0x10


class HandoverAcknowledgeFlags(enum.IntFlag, boundary=enum.CONFORM):
    """Flags of a Handover Acknowledge (RFC 5949 §8): not where the Handover Initiate has them."""

    U = BUFFER = 0x80
    P = PROXY = 0x40
    F = FORWARDING = 0x20


class HandoverInitiateCode(OpenEnum):
    """The Code of a Handover Initiate (RFC 5949 §8)."""

    FBU_FROM_PREVIOUS_CARE_OF_ADDRESS = 0
    FBU_FROM_OTHER_ADDRESS = 1
    FORWARDING_COMPLETED = 2
    ALL_CONTEXT_TRANSFERRED = 3


class HandoverAcknowledgeCode(OpenEnum):
    """The Code of a Handover Acknowledge (RFC 5949 §8); from 128 on it was not accepted."""

    ACCEPTED = 0
    ACCEPTED_NCOA_NOT_VALID = 1
    ACCEPTED_NCOA_ASSIGNED = 2
    ACCEPTED_USE_PCOA = 3
    UNSOLICITED = 4
    CONTEXT_TRANSFER_ACCEPTED = 5
    ALL_CONTEXT_TRANSFERRED = 6
    REASON_UNSPECIFIED = 128
    ADMINISTRATIVELY_PROHIBITED = 129
    INSUFFICIENT_RESOURCES = 130
    CONTEXT_NOT_AVAILABLE = 131
    FORWARDING_NOT_AVAILABLE = 132

    @property
    def accepted(self) -> bool:
        return self < 128


class AddressCode(OpenEnum):
    """Whose address an IPv6 Address/Prefix option has (RFC 5568 §6.4.2)."""

    OLD_CARE_OF_ADDRESS = 1
    NEW_CARE_OF_ADDRESS = 2
    NAR_ADDRESS = 3
    NAR_PREFIX = 4


class LinkLayerAddressCode(OpenEnum):
    """Whose address a Mobility Header Link-Layer Address option has (RFC 5568 §6.4.4)."""

    MOBILE_NODE = 2


class RevocationType(enum.IntEnum):
    """The B.R. Type of a Binding Revocation message (RFC 5846 §5)."""

    INDICATION = 1
    ACKNOWLEDGEMENT = 2


class RevocationFlags(enum.IntFlag, boundary=enum.CONFORM):
    """Flags of both Binding Revocation messages (RFC 5846 §5.1)."""

    P = PROXY_BINDING = 0x8000
    V = IPV4_HOME_ADDRESS_ONLY = 0x4000
    G = GLOBAL = 0x2000


class RevocationTrigger(OpenEnum):
    """Why bindings are revoked (RFC 5846 §5.1); from 128 on, of many mobile nodes at once."""

    UNSPECIFIED = 0
    ADMINISTRATIVE_REASON = 1
    INTER_MAG_HANDOVER_SAME_ACCESS_TYPE = 2
    INTER_MAG_HANDOVER_DIFFERENT_ACCESS_TYPE = 3
    INTER_MAG_HANDOVER_UNKNOWN = 4
    USER_INITIATED_SESSION_TERMINATION = 5
    ACCESS_NETWORK_SESSION_TERMINATION = 6
    POSSIBLE_OUT_OF_SYNC_BCE_STATE = 7
    PER_PEER_POLICY = 128
    REVOKING_MOBILITY_NODE_LOCAL_POLICY = 129


class RevocationStatus(OpenEnum):
    """The Status of a Binding Revocation Acknowledgement (RFC 5846 §5.2)."""

    SUCCESS = 0
    PARTIAL_SUCCESS = 1
    BINDING_DOES_NOT_EXIST = 128
    IPV4_HOME_ADDRESS_OPTION_REQUIRED = 129
    GLOBAL_REVOCATION_NOT_AUTHORIZED = 130
    REVOKED_MOBILE_NODES_IDENTITY_REQUIRED = 131
    REVOCATION_FAILED_MN_IS_ATTACHED = 132
    REVOCATION_TRIGGER_NOT_SUPPORTED = 133
    REVOCATION_FUNCTION_NOT_SUPPORTED = 134
    PROXY_BINDING_REVOCATION_NOT_SUPPORTED = 135

    @property
    def accepted(self) -> bool:
        return self < 128


class HeartbeatFlags(enum.IntFlag, boundary=enum.CONFORM):
    """Flags of a Heartbeat (RFC 5847 §3.3)."""

    U = UNSOLICITED = 0x0002
    R = RESPONSE = 0x0001


class LocalizedRoutingFlags(enum.IntFlag, boundary=enum.CONFORM):
    """Flags of a Localized Routing Acknowledgment (RFC 6705 §10.2)."""

    U = UNSOLICITED = 0x80


class LocalizedRoutingStatus(OpenEnum):
    """The Status of a Localized Routing Acknowledgment (RFC 6705 §10.2)."""

    SUCCESS = 0
    NOT_ALLOWED = 128
    MN_NOT_ATTACHED = 129

    @property
    def accepted(self) -> bool:
        return self < 128


class UpdateNotificationFlags(enum.IntFlag, boundary=enum.CONFORM):
    """Flags of an Update Notification (RFC 7077 §4.1)."""

    A = ACKNOWLEDGEMENT_REQUESTED = 0x8000
    D = RETRANSMIT = 0x4000


class NotificationReason(OpenEnum):
    """Why an anchor notifies (RFC 7077 §4.1)."""

    FORCE_REREGISTRATION = 1
    UPDATE_SESSION_PARAMETERS = 2
    VENDOR_SPECIFIC_REASON = 3
    ANI_PARAMS_REQUESTED = 4
    QOS_SERVICE_REQUEST = 5  # RFC 7222 §4.4
    FLOW_MOBILITY = 8  # RFC 7864 §4.2


class NotificationStatus(OpenEnum):
    """The Status Code of an Update Notification Acknowledgement (RFC 7077 §4.2)."""

    SUCCESS = 0
    FAILED_TO_UPDATE_SESSION_PARAMETERS = 128
    MISSING_VENDOR_SPECIFIC_OPTION = 129
    CANNOT_MEET_QOS_SERVICE_REQUEST = 130  # RFC 7222 §4.5
    REASON_UNSPECIFIED = 131  # RFC 7864 §4.3
    MN_NOT_ATTACHED = 132

    @property
    def accepted(self) -> bool:
        return self < 128


class SubscriptionResponseFlags(enum.IntFlag, boundary=enum.CONFORM):
    """Flags of a Subscription Response (RFC 7161 §4.3.2)."""

    I = MULTICAST_INFORMATION = 0x80  # noqa: E741 - the RFC's name of the flag


class MldReport(OpenEnum):
    """By which protocol an IPv6 multicast subscription was reported (RFC 7161 §4.1)."""

    MLDV1 = 131
    MLDV2 = 143


class IgmpReport(OpenEnum):
    """By which protocol an IPv4 multicast subscription was reported (RFC 7161 §6.1)."""

    IGMPV1 = 0x12
    IGMPV2 = 0x16
    IGMPV3 = 0x22


class MulticastRecordType(OpenEnum):
    """What a multicast record says of its group (RFC 3810 §5.2.12, RFC 3376 §4.2.12)."""

    MODE_IS_INCLUDE = 1
    MODE_IS_EXCLUDE = 2
    CHANGE_TO_INCLUDE_MODE = 3
    CHANGE_TO_EXCLUDE_MODE = 4
    ALLOW_NEW_SOURCES = 5
    BLOCK_OLD_SOURCES = 6


class MulticastPayload(OpenEnum):
    """The Option-Code of a Multicast Mobility option (RFC 7411 §5.3)."""

    IGMPV3 = 1
    MLDV2 = 2
    IGMPV3_FROM_IGMPV2 = 3
    MLDV2_FROM_MLDV1 = 4


class MulticastContextStatus(OpenEnum):
    """The Status of a Multicast Acknowledgement option (RFC 7411 §5.4)."""

    PAYLOAD_TYPE_UNSUPPORTED = 1
    GROUP_SERVICE_UNSUPPORTED = 2
    GROUP_SERVICE_PROHIBITED = 3


class GroupSubtype(OpenEnum):
    """What a mobile node group is for (RFC 6602 §4.3)."""

    BULK_BINDING_UPDATE = 1


class AccessNetworkElement(OpenEnum):
    """Sub-options of the Access Network Identifier option (RFC 6757 §3.1)."""

    NETWORK_IDENTIFIER = 1
    GEO_LOCATION = 2
    OPERATOR_IDENTIFIER = 3


class MagParameter(OpenEnum):
    """Sub-options of the LMA-Controlled MAG Parameters option (RFC 8127 §3.1)."""

    BINDING_REREGISTRATION_CONTROL = 1
    HEARTBEAT_CONTROL = 2


class QosOperation(OpenEnum):
    """The Operational Code of a Quality-of-Service option (RFC 7222 §4.1)."""

    RESPONSE = 0
    ALLOCATE = 1
    DE_ALLOCATE = 2
    MODIFY = 3
    QUERY = 4
    NEGOTIATE = 5


class QosAttribute(OpenEnum):
    """Attributes in a Quality-of-Service option (RFC 7222 §4.2)."""

    PER_MN_AGG_MAX_DL_BIT_RATE = 1
    PER_MN_AGG_MAX_UL_BIT_RATE = 2
    PER_SESSION_AGG_MAX_DL_BIT_RATE = 3
    PER_SESSION_AGG_MAX_UL_BIT_RATE = 4
    ALLOCATION_RETENTION_PRIORITY = 5
    AGGREGATE_MAX_DL_BIT_RATE = 6
    AGGREGATE_MAX_UL_BIT_RATE = 7
    GUARANTEED_DL_BIT_RATE = 8
    GUARANTEED_UL_BIT_RATE = 9
    QOS_TRAFFIC_SELECTOR = 10
    QOS_VENDOR_SPECIFIC_ATTRIBUTE = 11
