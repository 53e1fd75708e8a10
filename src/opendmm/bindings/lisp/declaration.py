"""What LISP carries of R_XC, R_IC and R_EC, and what its own messages have no field for."""

from opendmm.bindings.contract import (
    Declaration,
    Guarantee,
    Provision,
    ReferencePointProvision,
    Verdict,
)
from opendmm.reference_points.catalogue import CATALOGUE, ReferencePointName

ENCLOSED = "order, grant and identities are in a Vendor-Specific address (RFC 9306 §4); "
ALONE = "a peer without the extension is refused: it has neither order nor grant"
NO_LOOKUP = (
    "the mapping system knows EIDs and no mobile nodes: profiles say whose home is where, and "
    "nobody grants in a dead home anchor's place"
)


def _extended(section: str, consequence: str = ENCLOSED + ALONE) -> Provision:
    return Provision(Verdict.EXTENSION, section, consequence)


def _cannot(section: str, consequence: str) -> Provision:
    return Provision(Verdict.CANNOT, section, consequence)


_MESSAGES: dict[str, Provision] = {
    # R_XC
    "LocationUpdate": _extended("RFC 9301 §5.6 (Map-Register)"),
    "LocationAcknowledgement": _extended("RFC 9301 §5.7 (Map-Notify)"),
    "IndirectionComplete": _extended(
        "RFC 9301 §5.7",
        "a Map-Notify says that a registration was accepted, never that ITRs follow it: a further "
        "one with the extension; otherwise a former anchor would forward for a fixed time",
    ),
    "ContextLookup": _cannot("RFC 9301 §5.2", NO_LOOKUP),
    "ContextFound": _cannot("RFC 9301 §5.4", NO_LOOKUP),
    "ContinuityRequest": _cannot("RFC 9301 §8.2", NO_LOOKUP),
    "ContinuityResponse": _cannot("RFC 9301 §8.2", NO_LOOKUP),
    # R_IC
    "PolicySubscribe": _extended(
        "RFC 9437 §4",
        "one subscription to everything; which mode and since when is in the extension",
    ),
    "PolicySynchronised": _extended(
        "RFC 9437 §5", "the RFC has no end of an initial set: what is over would stay; " + ALONE
    ),
    "PolicyUpdate": _extended(
        "RFC 9437 §5 (Map-Notify), RFC 9301 §5.4 (Map-Reply)",
        "in plain RFC 9301 an ITR is told of nothing: who asked is solicited, three seconds apart "
        "at least (§6.1), and asks again; " + ALONE,
    ),
    "PolicyAcknowledgement": _extended(
        "RFC 9301 §5.7 (Map-Notify-Ack)",
        "says that a notification came; that it is installed, and of a Map-Reply anything at all, "
        "is in the extension",
    ),
    "PolicyRequest": Provision(Verdict.PROVIDES, "RFC 9301 §5.2, §5.3"),
    "PolicyAbsent": _extended(
        "RFC 9301 §5.4", "a negative Map-Reply counts in minutes; seconds are in the extension"
    ),
    # R_EC
    "DeliveryUpdate": _extended(
        "RFC 9301 §5.7",
        "LISP leaves delivery to the ETR: a Map-Notify with the extension, which also tells a "
        "former ETR where to forward; otherwise what still comes there is lost",
    ),
    "DeliveryAcknowledgement": _extended("RFC 9301 §5.7 (Map-Notify-Ack)"),
    "DeliverySubscribe": _extended("RFC 9301 §5.6", "a Map-Register without EIDs; " + ALONE),
    "DeliverySynchronised": _extended("RFC 9301 §5.7", ALONE),
}
_GUARANTEES: dict[Guarantee, Provision] = {
    Guarantee.MOVE_ORDER: _extended(
        "RFC 9301 §5.6",
        "a nonce orders the registrations of one xTR; of two xTRs the later to arrive wins. Moves "
        "are ordered by the extension",
    ),
    Guarantee.ACKNOWLEDGEMENT: _extended(
        "RFC 9301 §5.7", "of a Map-Register and a Map-Notify; of a Map-Reply only by the extension"
    ),
    Guarantee.AUTHORITY: _extended(
        "RFC 9301 §8.2",
        "a Map-Server believes a site within its EID-prefixes, wherever it says they are; the "
        "signed grant of this move is in the extension",
    ),
    Guarantee.AUTHENTICATED_ENDS: Provision(Verdict.PROVIDES, "RFC 9301 §5.6, RFC 9303 §6"),
    Guarantee.CONFIDENTIALITY: _cannot(
        "RFC 9301 §9", "who moves where is readable on the way, unless DTLS or IPsec is under it"
    ),
    Guarantee.LIVENESS: _extended(
        "RFC 9301 §7.1",
        "probes are between xTRs and must not reach the mapping system: empty Map-Notifies with "
        "the sender's identity, every five seconds",
    ),
    Guarantee.RESYNCHRONISATION: _extended(
        "RFC 9301 §8.2",
        "registrations are repeated each minute; who has begun anew is known by its Site-ID and "
        "told at once",
    ),
    Guarantee.FLOW_CONTROL: _cannot(
        "RFC 9301 §5.7", "UDP: what a receiver has no room for is lost, and repeated ever slower"
    ),
}
CARRIED = (ReferencePointName.R_XC, ReferencePointName.R_IC, ReferencePointName.R_EC)


DECLARATION = Declaration(
    binding="lisp",
    protocol="LISP (RFC 9301, RFC 9437)",
    reference_points={
        name: ReferencePointProvision(
            messages={kind.__name__: _MESSAGES[kind.__name__] for kind in CATALOGUE[name].messages},
            guarantees=_GUARANTEES,
        )
        for name in CARRIED
    },
)
