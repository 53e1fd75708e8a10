"""What Proxy Mobile IPv6 carries of R_XU, R_XX and R_II: by itself, with our extension, not at all.

The protocol is RFC 5213 with RFC 5844 (IPv4), RFC 5846 (revocation), RFC 5847 (heartbeat), RFC 5949
(context transfer), RFC 7077 (notification) and RFC 4285 (authentication). The extension is a Vendor
Specific option (RFC 5094) beside the standard ones, which peers without it skip.
"""

from collections.abc import Iterable

from opendmm.bindings.contract import (
    Declaration,
    Guarantee,
    Provision,
    ReferencePointProvision,
    Verdict,
)
from opendmm.bindings.mobility.abbreviations import BY_PROXY
from opendmm.bindings.pmipv6.carriage import HEADERS
from opendmm.reference_points import r_ii, r_xu, r_xx
from opendmm.reference_points.catalogue import ReferencePointName
from opendmm.reference_points.message import Message

G = Guarantee

CARRIED_AS: dict[type[Message], str] = {
    r_xu.AttachNotification: "PBU",
    r_xu.AttachAcknowledgement: "PBA",
    r_xu.AttachmentRevoked: "BRI",
    r_xu.DetachNotification: "PBU",
    r_xu.DetachAcknowledgement: "PBA",
    **{kind: BY_PROXY[header] for kind, header in HEADERS.items()},
}
"""How each message that is carried is called on the wire."""


def _provides(section: str) -> Provision:
    return Provision(Verdict.PROVIDES, section)


def _extension(section: str, consequence: str) -> Provision:
    return Provision(Verdict.EXTENSION, section, consequence)


def _cannot(section: str, consequence: str) -> Provision:
    return Provision(Verdict.CANNOT, section, consequence)


def _all(messages: Iterable[type[Message]], provision: Provision) -> dict[str, Provision]:
    return {message.__name__: provision for message in messages}


_HOST_CLIENT = (
    "only the network sees attachments: the mobile node says and signs nothing, so nothing that "
    "needs its word can be asked for"
)
_CONFIDENTIALITY = _cannot(
    "RFC 5213 §4",
    "who is attached where can be read on the way: RFC 4285 authenticates and does not encrypt; "
    "the IPsec ESP that RFC 5213 prescribes does, with `mobility_headers: esp`, where the kernel "
    "has it",
)
_FLOW_CONTROL = _cannot(
    "RFC 5213 §6.9.4",
    "datagrams: what overruns a receiver is lost and repeated after a second or more; a sender "
    "slows down only by not being answered",
)
_AUTHENTICATED = _extension(
    "RFC 4285 §5.1, RFC 5213 §4",
    "the keyed authenticator of a mobile node and its home agent, between network elements; a "
    "gateway or anchor that knows only IPsec cannot join",
)

_R_XU = ReferencePointProvision(
    messages={
        "AttachNotification": _extension(
            "RFC 5213 §6.9.1.1",
            "a PBU says when it was sent, not since when the mobile node is attached: an anchor "
            "that has restarted takes a foreign gateway's registration for a new attachment",
        ),
        "AttachAcknowledgement": _extension(
            "RFC 5213 §5.3.6, RFC 5844 §3.1.2.1",
            "a PBA has neither the order of the move nor deprecated prefixes, and at most one IPv4 "
            "home address: without the extension all prefixes count as preferred",
        ),
        "AttachmentRevoked": _provides("RFC 5846 §8.1"),
        "DetachNotification": _provides("RFC 5213 §6.9.1.4"),
        "DetachAcknowledgement": _provides("RFC 5213 §5.3.5"),
        **_all(
            (r_xu.HandoverPrediction, r_xu.HandoverPredictionAcknowledgement),
            _cannot(
                "RFC 5949 §4.1",
                "moves are not predicted: the HI of a prediction goes from gateway to gateway, and "
                "a gateway cannot name the anchor of another",
            ),
        ),
        **_all(
            (r_xu.ReleaseRequest, r_xu.ReleaseAcknowledgement),
            _cannot(
                "RFC 5213 §6.9.1.4",
                "a gateway can end a session and not give up a prefix: prefixes are released by "
                "the home anchor or when their lifetime ends",
            ),
        ),
    },
    guarantees={
        G.MOVE_ORDER: _extension(
            "RFC 5213 §5.5",
            "timestamps order what one anchor hears, given clocks within 300 ms; from anchor to "
            "anchor the order of the move travels beside them",
        ),
        G.ACKNOWLEDGEMENT: _cannot(
            "RFC 5213 §5.3.5",
            "a late de-registration and one of a session that is not there are ignored, not "
            "answered: after a second the gateway takes either for done",
        ),
        G.AUTHORITY: _cannot(
            "RFC 5213 §4",
            "no grant reaches a gateway: it believes its anchor, and the anchor's list of "
            f"gateways is what a registration is judged by; {_HOST_CLIENT}",
        ),
        G.AUTHENTICATED_ENDS: _AUTHENTICATED,
        G.CONFIDENTIALITY: _CONFIDENTIALITY,
        G.LIVENESS: _cannot(
            "RFC 5847 §5",
            "a dead peer is noticed after four minutes (60 s between heartbeats, not less than "
            "30 s, three may be missing); a restarted one at once",
        ),
        G.RESYNCHRONISATION: _provides("RFC 5847 §3.2"),
        G.FLOW_CONTROL: _FLOW_CONTROL,
    },
)

_NO_ORDER = _extension(
    "RFC 5949 §6.2",
    "the context options have no field for the order of the move, the home anchor's grant or a "
    "forwarding anchor's egress: a peer without the extension cannot take part",
)
_NO_MESSAGE = _extension(
    "RFC 7077 §4.1",
    "no RFC has such a message between anchors: it travels as a vendor's notification",
)
_HANDOVER = (
    r_xx.ContextRequest,
    r_xx.ContextResponse,
    r_xx.ContextPush,
    r_xx.ContextPushAcknowledgement,
    r_xx.AnchorChanged,
    r_xx.AnchorChangedAcknowledgement,
    r_xx.MobilityComplete,
    r_xx.MobilityCompleteAcknowledgement,
)
_REVOCATION = _extension(
    "RFC 5846 §8.1",
    "revocations go from anchor to gateway and not between anchors, and have no grant",
)
_BETWEEN_ANCHORS = {
    G.MOVE_ORDER: _NO_ORDER,
    G.ACKNOWLEDGEMENT: _provides("RFC 5949 §6.1.2, RFC 7077 §4.2, RFC 5846 §5.2"),
    G.AUTHORITY: _extension(
        "RFC 5949 §7",
        "the RFC trusts any anchor of the domain; the grant travels in the extension",
    ),
    G.AUTHENTICATED_ENDS: _AUTHENTICATED,
    G.CONFIDENTIALITY: _CONFIDENTIALITY,
    G.LIVENESS: _extension(
        "RFC 5847 §3",
        "heartbeats are for gateways and anchors; between anchors they are our addition, and a "
        "dead one is noticed after four minutes. A request to it is given up sooner",
    ),
    G.RESYNCHRONISATION: _extension(
        "RFC 5949 §4",
        "lost messages are repeated by who wants an answer; nothing in the RFC makes two anchors "
        "compare what they hold",
    ),
    G.FLOW_CONTROL: _FLOW_CONTROL,
}
_R_XX = ReferencePointProvision(
    messages={
        **_all(_HANDOVER, _NO_ORDER),
        **_all((r_xx.AttachmentLost, r_xx.AttachmentLostAcknowledgement), _NO_MESSAGE),
        **_all((r_xx.ContextRelease, r_xx.ContextReleased), _REVOCATION),
    },
    guarantees=_BETWEEN_ANCHORS,
)
_R_II = ReferencePointProvision(
    messages=_all(
        (
            r_ii.LocationForward,
            r_ii.LocationForwardAcknowledgement,
            r_ii.IndirectionComplete,
            r_ii.EgressSuperseded,
            r_ii.BindingReplica,
            r_ii.ReplicaRequest,
            r_ii.MobileNodeQuery,
            r_ii.MobileNodeReply,
        ),
        _NO_MESSAGE,
    ),
    guarantees=_BETWEEN_ANCHORS,
)

DECLARATION = Declaration(
    binding="pmipv6",
    protocol="Proxy Mobile IPv6",
    reference_points={
        ReferencePointName.R_XU: _R_XU,
        ReferencePointName.R_XX: _R_XX,
        ReferencePointName.R_II: _R_II,
    },
)
