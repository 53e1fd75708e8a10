"""The in-process binding: entities of one node speak through `entities.host`, nothing between.

There is no wire, so nothing to authenticate, hide or lose: a message is handed over as the
value it is, in the order it was sent, before anything else happens on the node.
"""

from opendmm.bindings.contract import (
    Declaration,
    Guarantee,
    Provision,
    ReferencePointProvision,
    Verdict,
)
from opendmm.reference_points.catalogue import CATALOGUE

_PROVIDED = Provision(Verdict.PROVIDES, "opendmm.entities.host")

DECLARATION = Declaration(
    binding="in-process",
    protocol="function call within one node",
    reference_points={
        name: ReferencePointProvision(
            messages={message.__name__: _PROVIDED for message in point.messages},
            guarantees=dict.fromkeys(Guarantee, _PROVIDED),
        )
        for name, point in CATALOGUE.items()
    },
)
