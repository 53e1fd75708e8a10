"""What distributed Proxy Mobile IPv6 carries, and what its own messages have no field for."""

from opendmm.bindings.contract import (
    Declaration,
    Guarantee,
    Provision,
    ReferencePointProvision,
    Verdict,
)
from opendmm.reference_points.catalogue import CATALOGUE, ReferencePointName

ALONE = "a MAAR or CMD without the extension is refused: it has neither order nor grant"
BY_PBU = "order, time of attachment and grant are in a vendor option (RFC 5094); " + ALONE
NOTIFIED = "RFC 8885 has no message for it: a notification (RFC 7077) with a vendor option; "
LATE_FORWARDING = (
    "the RFC's previous MAAR forwards when it is asked for its context; ours waits until the "
    "serving MAAR delivers, one more round by the CMD, so that nothing is lost while both links "
    "last"
)


def _extended(section: str, consequence: str = BY_PBU) -> Provision:
    return Provision(Verdict.EXTENSION, section, consequence)


_MESSAGES: dict[str, Provision] = {
    # R_XX
    "ContextRequest": _extended("RFC 8885 §3.2 (PBU), §4.6 (Serving MAAR)"),
    "ContextResponse": _extended("RFC 8885 §3.2 to §3.4 (PBA), §4.5 (Previous MAAR)"),
    "AnchorChanged": _extended("RFC 8885 §3.2 (3)", LATE_FORWARDING),
    "AnchorChangedAcknowledgement": _extended("RFC 8885 §3.2 (3)"),
    "AttachmentLost": _extended(
        "RFC 8885 §3.5",
        "a PBU with lifetime zero that ends no session; which attachment is over is in a vendor "
        "option",
    ),
    "AttachmentLostAcknowledgement": _extended("RFC 8885 §3.5"),
    "ContextPush": _extended("RFC 7077 §4.1", NOTIFIED + "nothing is predicted otherwise"),
    "ContextPushAcknowledgement": _extended("RFC 7077 §4.2", NOTIFIED + ALONE),
    "MobilityComplete": _extended(
        "RFC 7077 §4.1", NOTIFIED + "otherwise a previous MAAR forwards until its binding ends"
    ),
    "MobilityCompleteAcknowledgement": _extended("RFC 7077 §4.2", NOTIFIED + ALONE),
    "ContextRelease": _extended(
        "RFC 5846 §5.1", "RFC 8885 revokes nothing: a Binding Revocation with a vendor option"
    ),
    "ContextReleased": _extended("RFC 5846 §5.2", ALONE),
    # R_XC
    "LocationUpdate": _extended("RFC 8885 §3.1 (2)"),
    "LocationAcknowledgement": _extended("RFC 8885 §3.1 (4)"),
    "IndirectionComplete": _extended("RFC 8885 §3.2", "a further PBA to the same PBU; " + ALONE),
    "ContextLookup": _extended("RFC 8885 §3.2 (1)"),
    "ContextFound": _extended("RFC 8885 §4.5", "IPv4 home addresses are in a vendor option"),
    "ContinuityRequest": _extended("RFC 8885 §3.4"),
    "ContinuityResponse": _extended("RFC 8885 §3.4"),
    # R_IC
    "PolicyUpdate": _extended(
        "RFC 8885 §4.6", "one PBU for each mobile node: a batch of policies saves nothing; " + ALONE
    ),
    "PolicyAcknowledgement": _extended("RFC 8885 §3.2 (3)"),
    "PolicySubscribe": _extended("RFC 7077 §4.1", NOTIFIED + ALONE),
    "PolicySynchronised": _extended("RFC 7077 §4.1", NOTIFIED + ALONE),
    "PolicyRequest": _extended("RFC 7077 §4.1", NOTIFIED + "previous MAARs are told, never ask"),
    "PolicyAbsent": _extended("RFC 7077 §4.2", NOTIFIED + ALONE),
    # R_EC
    "DeliveryUpdate": _extended("RFC 8885 §3.2 (4)"),
    "DeliveryAcknowledgement": _extended("RFC 8885 §3.2 (4)"),
    "DeliverySubscribe": _extended("RFC 7077 §4.1", NOTIFIED + ALONE),
    "DeliverySynchronised": _extended(
        "RFC 7077 §4.1",
        NOTIFIED + "long lists come in many messages, none of them repeated by itself",
    ),
}
_GUARANTEES: dict[Guarantee, Provision] = {
    Guarantee.MOVE_ORDER: _extended(
        "RFC 5213 §5.5",
        "a Timestamp orders the PBUs of one MAAR; moves are ordered by the vendor option",
    ),
    Guarantee.ACKNOWLEDGEMENT: Provision(Verdict.PROVIDES, "RFC 6275 §11.8, RFC 8885 §3.6"),
    Guarantee.AUTHORITY: _extended(
        "RFC 8885 §6",
        "the RFC trusts CMD and MAARs with every mobile node; the signed grant is in a vendor "
        "option. As proxy the CMD is trusted with what home anchors delegate",
    ),
    Guarantee.AUTHENTICATED_ENDS: _extended(
        "RFC 4285 §5.1",
        "RFC 8885 §6 recommends IPsec between MAARs and CMD; here each pair shares a key",
    ),
    Guarantee.CONFIDENTIALITY: Provision(
        Verdict.CANNOT,
        "RFC 4285 §5",
        "who moves where is readable on the way, unless IPsec is put under it (RFC 8885 §6) by "
        "`mobility_headers: esp`",
    ),
    Guarantee.LIVENESS: _extended(
        "RFC 5847 §3",
        "heartbeats, which RFC 8885 does not foresee, notice a dead peer after minutes",
    ),
    Guarantee.RESYNCHRONISATION: _extended(
        "RFC 5847 §3.2",
        "a restarted peer is known by its Restart Counter and told again; the CMD's bindings are "
        "the FE_IEC's durable records",
    ),
    Guarantee.FLOW_CONTROL: Provision(
        Verdict.CANNOT,
        "RFC 8885 §3.6, §6",
        "PBUs are paced and repeated ever more slowly, whatever the receiver can take",
    ),
}
CARRIED = (
    ReferencePointName.R_XX,
    ReferencePointName.R_XC,
    ReferencePointName.R_IC,
    ReferencePointName.R_EC,
)
DECLARATION = Declaration(
    binding="rfc8885",
    protocol="Distributed Proxy Mobile IPv6 (RFC 8885)",
    reference_points={
        name: ReferencePointProvision(
            messages={kind.__name__: _MESSAGES[kind.__name__] for kind in CATALOGUE[name].messages},
            guarantees=_GUARANTEES,
        )
        for name in CARRIED
    },
)
