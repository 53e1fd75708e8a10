"""What iBGP carries of R_IC and R_II, and what its UPDATEs have no place for.

The tests that show each shortfall are named in docs/ibgp.md.
"""

from opendmm.bindings.contract import (
    Declaration,
    Guarantee,
    Provision,
    ReferencePointProvision,
    Verdict,
)
from opendmm.reference_points.catalogue import CATALOGUE, ReferencePointName

BY_TIME = (
    "nobody says that a route is in a kernel: after `time_to_spread` all routers are taken to "
    "follow, and until then the former anchor forwards"
)
EVERYTHING = "every router has every route, whoever talks to the mobile node"


def _cannot(section: str, consequence: str) -> Provision:
    return Provision(Verdict.CANNOT, section, consequence)


_MESSAGES: dict[str, Provision] = {
    # R_IC
    "PolicyUpdate": Provision(
        Verdict.EXTENSION,
        "RFC 4271 §4.3, RFC 4760 §3",
        "an UPDATE says that a prefix is reached by way of its sender: of an egress elsewhere, of "
        "flows (RFC 8955 has another family for them), of lifetime and grant it says nothing",
    ),
    "PolicyAcknowledgement": _cannot("RFC 4271 §3", BY_TIME),
    "PolicySubscribe": _cannot(
        "RFC 4271 §3", f"a session is the subscription, to everything: {EVERYTHING}"
    ),
    "PolicySynchronised": _cannot(
        "RFC 4724 §2",
        "End-of-RIB comes with graceful restart, which is off; a router begins with what comes",
    ),
    "PolicyRequest": _cannot("RFC 4271 §3.1", f"nobody can ask for one route: {EVERYTHING}"),
    "PolicyAbsent": _cannot("RFC 4271 §3.1", f"nobody can ask for one route: {EVERYTHING}"),
    # R_II
    "LocationForward": Provision(
        Verdict.EXTENSION,
        "RFC 4456 §6",
        "reflectors pass announcements on; context and grant stay where they are",
    ),
    "LocationForwardAcknowledgement": _cannot("RFC 4271 §3", BY_TIME),
    "IndirectionComplete": _cannot("RFC 4271 §3", BY_TIME),
    "EgressSuperseded": Provision(
        Verdict.EXTENSION,
        "RFC 4271 §9.1.2",
        "a better route supersedes the former egress at every router; that egress itself is told "
        "by its anchor (R_XX, R_XC), not by BGP",
    ),
    "BindingReplica": _cannot(
        "RFC 4760 §3", "no other FE_IEC has the context: none can stand in for a dead one"
    ),
    "ReplicaRequest": _cannot(
        "RFC 4760 §3", "an FE_IEC begins again with what its own node has kept"
    ),
    "MobileNodeQuery": _cannot(
        "RFC 4760 §3",
        "prefixes say nothing of identities: an anchor must know the home of whom it serves",
    ),
    "MobileNodeReply": _cannot("RFC 4760 §3", "as for MobileNodeQuery"),
}
_GUARANTEES: dict[Guarantee, Provision] = {
    Guarantee.MOVE_ORDER: Provision(
        Verdict.EXTENSION,
        "RFC 4271 §5.1.5",
        "no counter of moves (RFC 7432 §7.7 has one, of another family): the number of the move is "
        "the LOCAL_PREF, and 2^28-2 is the last before it begins anew",
    ),
    Guarantee.ACKNOWLEDGEMENT: _cannot("RFC 4271 §3", BY_TIME),
    Guarantee.AUTHORITY: _cannot(
        "RFC 4271 §9.1.1",
        "grants end at the anchor; routers believe it within the prefix lists that are made from "
        "the constellation, also of a mobile node that could be there and is not",
    ),
    Guarantee.AUTHENTICATED_ENDS: Provision(
        Verdict.EXTENSION,
        "RFC 5925 §1, RFC 5082 §3",
        "segments are signed by TCP MD5, as the routers have no TCP-AO, and their TTL is checked; "
        "roles are in no certificate but in prefix lists",
    ),
    Guarantee.CONFIDENTIALITY: _cannot("RFC 4271 §3", "who moves where is readable on the way"),
    Guarantee.LIVENESS: Provision(
        Verdict.EXTENSION,
        "RFC 4271 §4.4, §6.5",
        "the hold time is nine seconds in place of ninety",
    ),
    Guarantee.RESYNCHRONISATION: Provision(Verdict.PROVIDES, "RFC 4271 §3.1"),
    Guarantee.FLOW_CONTROL: Provision(
        Verdict.EXTENSION,
        "RFC 4271 §3",
        "TCP's; FRR holds updates back for 50 ms at each hop, whatever the receiver can take",
    ),
}
CARRIED = (ReferencePointName.R_IC, ReferencePointName.R_II)
DECLARATION = Declaration(
    binding="bgp",
    protocol="Internal BGP (RFC 4271, RFC 4760, RFC 4456)",
    reference_points={
        name: ReferencePointProvision(
            messages={kind.__name__: _MESSAGES[kind.__name__] for kind in CATALOGUE[name].messages},
            guarantees=_GUARANTEES,
        )
        for name in CARRIED
    },
)
"""R_XC is within the node, and R_EC; all else is another binding's."""
