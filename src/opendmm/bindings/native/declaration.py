"""What the native binding carries: everything, as it is made of the reference points."""

from opendmm.bindings.contract import (
    Declaration,
    Guarantee,
    Provision,
    ReferencePointProvision,
    Verdict,
)
from opendmm.reference_points.catalogue import CATALOGUE

_DOCUMENT = "docs/native-binding.md"


def _provided(section: str) -> Provision:
    return Provision(Verdict.PROVIDES, f"{_DOCUMENT}, {section}")


_GUARANTEES = {
    Guarantee.MOVE_ORDER: _provided("Messages"),
    Guarantee.ACKNOWLEDGEMENT: _provided("Messages"),
    Guarantee.AUTHORITY: _provided("Messages"),
    Guarantee.AUTHENTICATED_ENDS: _provided("Connections"),
    Guarantee.CONFIDENTIALITY: _provided("Connections"),
    Guarantee.LIVENESS: _provided("Sessions"),
    Guarantee.RESYNCHRONISATION: _provided("Sessions"),
    Guarantee.FLOW_CONTROL: _provided("Sessions"),
}

DECLARATION = Declaration(
    binding="native",
    protocol="opendmm/1 over TLS 1.3",
    reference_points={
        name: ReferencePointProvision(
            messages={message.__name__: _provided("Messages") for message in point.messages},
            guarantees=_GUARANTEES,
        )
        for name, point in CATALOGUE.items()
    },
)
