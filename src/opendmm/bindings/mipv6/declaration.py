"""What Mobile IPv6 carries of R_XU: by itself, with our extension, not at all.

The protocol is RFC 6275 with RFC 4283 (identifier) and RFC 4285 (authentication). The extension is
a Vendor Specific option (RFC 5094) beside the standard ones, which peers without it skip.
"""

from collections.abc import Iterable

from opendmm.bindings.contract import (
    Declaration,
    Guarantee,
    Provision,
    ReferencePointProvision,
    Verdict,
)
from opendmm.reference_points import r_xu
from opendmm.reference_points.catalogue import ReferencePointName
from opendmm.reference_points.message import Message

G = Guarantee

CARRIED_AS: dict[type[Message], str] = {
    r_xu.AttachNotification: "BU",
    r_xu.AttachAcknowledgement: "BA",
    r_xu.DetachNotification: "BU",
    r_xu.DetachAcknowledgement: "BA",
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


_R_XU = ReferencePointProvision(
    messages={
        "AttachNotification": _extension(
            "RFC 6275 §11.7.1",
            "a BU has the care-of address, and neither since when the mobile node is there nor "
            "its signature: without the extension nobody but the home agent on its home link can "
            "serve it, for no other has anything to show to that one",
        ),
        "AttachAcknowledgement": _extension(
            "RFC 6275 §10.3.1",
            "a BA is about one home address and says nothing of the order of the move",
        ),
        "AttachmentRevoked": _cannot(
            "RFC 6275 §10.3.2",
            "a home agent cannot take back a binding before its lifetime ends: the mobile node "
            "hears of it when it registers again (the BRI of RFC 5846 is for gateways here)",
        ),
        "DetachNotification": _provides("RFC 6275 §10.3.2"),
        "DetachAcknowledgement": _provides("RFC 6275 §10.3.2"),
        **_all(
            (r_xu.HandoverPrediction, r_xu.HandoverPredictionAcknowledgement),
            _cannot(
                "RFC 6275 §11.5.1",
                "a mobile node registers where it is, not where it will be",
            ),
        ),
        **_all(
            (r_xu.ReleaseRequest, r_xu.ReleaseAcknowledgement),
            _cannot(
                "RFC 6275 §10.3.2",
                "a mobile node can end a binding and not give up its home address: that is "
                "released by the home anchor or when its lifetime ends",
            ),
        ),
    },
    guarantees={
        G.MOVE_ORDER: _extension(
            "RFC 6275 §9.5.1",
            "sequence numbers order what one home agent hears; from home agent to home agent the "
            "mobile node's clock does, and the order of the move in the extension",
        ),
        G.ACKNOWLEDGEMENT: _provides("RFC 6275 §11.7.3"),
        G.AUTHORITY: _extension(
            "RFC 6275 §10.3.1",
            "a home agent believes who has the key of a home address; the signature by which the "
            "home anchor of another believes it travels in the extension, the grant does not "
            "reach the mobile node",
        ),
        G.AUTHENTICATED_ENDS: _provides("RFC 4285 §5.1"),
        G.CONFIDENTIALITY: _cannot(
            "RFC 6275 §5.1",
            "where a mobile node is can be read on the way: RFC 4285 authenticates and does not "
            "encrypt, and the IPsec ESP that RFC 6275 prescribes is not set up",
        ),
        G.LIVENESS: _cannot(
            "RFC 6275 §10.3.1",
            "a mobile node that falls silent is noticed when its binding's lifetime ends, a home "
            "agent when a BU goes unanswered",
        ),
        G.RESYNCHRONISATION: _extension(
            "RFC 6275 §9.5.5, §11.7.3",
            "a mobile node's lost sequence number is put right by the RFC; for its lost cache a "
            "home agent asks with a BRR, of which the RFC speaks for correspondents only",
        ),
        G.FLOW_CONTROL: _cannot(
            "RFC 6275 §11.8",
            "datagrams: what overruns a home agent is lost, and repeated after a second or more; a "
            "mobile node sends no more than three a second",
        ),
    },
)

DECLARATION = Declaration(
    binding="mipv6",
    protocol="Mobile IPv6",
    reference_points={ReferencePointName.R_XU: _R_XU},
)
