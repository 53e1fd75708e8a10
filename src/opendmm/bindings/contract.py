"""What a binding declares of each reference point: the raw material of a gap analysis.

A declaration says of every message and of every guarantee of a reference point whether the
binding's protocol *provides* it, provides it *with our extension*, or *cannot*, where its
specification says so, and what follows for a deployment. Conclusions are computed from these.
"""

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from opendmm.reference_points.catalogue import CATALOGUE, ReferencePointName


class Verdict(StrEnum):
    """How far a protocol carries something."""

    PROVIDES = "provides"
    EXTENSION = "with extension"
    CANNOT = "cannot"


class Guarantee(StrEnum):
    """What must hold of any carrier of a reference point (design §5, §6)."""

    MOVE_ORDER = "move order"
    """The order of a move arrives with what it orders, so the later move wins everywhere."""
    ACKNOWLEDGEMENT = "acknowledgement"
    """The receiving entity says that it has done (or refused) what it was told."""
    AUTHORITY = "authority"
    """The signed grant arrives with the policy, end to end."""
    AUTHENTICATED_ENDS = "authenticated ends"
    """Both ends know which node, in which role, they speak to."""
    CONFIDENTIALITY = "confidentiality"
    """Who moves where is not readable on the way."""
    LIVENESS = "liveness"
    """A dead peer is noticed, within seconds."""
    RESYNCHRONISATION = "resynchronisation"
    """After an interruption both ends agree again, whatever was lost."""
    FLOW_CONTROL = "flow control"
    """A slow receiver is not overrun and delays no other."""


class Provision(msgspec.Struct, frozen=True):
    """How a binding carries one message or guarantee.

    `section` is where its specification says so ("RFC 9301 §6.1"); `consequence` says what a
    deployment must expect where it does not provide (empty where it does).
    """

    verdict: Verdict
    section: str
    consequence: str = ""


class ReferencePointProvision(msgspec.Struct, frozen=True):
    """How a binding carries one reference point; messages by their names."""

    messages: dict[str, Provision]
    guarantees: dict[Guarantee, Provision]


class Declaration(msgspec.Struct, frozen=True):
    """A binding in its own words. A reference point that is absent is not carried at all."""

    binding: str
    protocol: str
    reference_points: dict[ReferencePointName, ReferencePointProvision]


def unsaid(declaration: Declaration) -> Iterator[str]:
    """What a declaration leaves open of the reference points it carries; nothing, if complete.

    Also what it says without sense: of messages that do not exist, or a shortfall without
    its consequence.
    """
    for name, provision in declaration.reference_points.items():
        messages = {message.__name__ for message in CATALOGUE[name].messages}
        for missing in sorted(messages - set(provision.messages)):
            yield f"{name}: nothing on {missing}"
        for foreign in sorted(set(provision.messages) - messages):
            yield f"{name}: has no message {foreign}"
        for guarantee in Guarantee:
            if guarantee not in provision.guarantees:
                yield f"{name}: nothing on {guarantee}"
        for what, said in (*provision.messages.items(), *provision.guarantees.items()):
            if not said.section or (said.verdict is not Verdict.PROVIDES and not said.consequence):
                yield f"{name}: {what} needs a section, and a consequence where it falls short"
