"""The redirection grant as a value: who may receive whose packets, by whose word (design §6)."""

import msgspec

from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import MobileNodeId, NodeId
from opendmm.model.order import MoveOrder


class Unauthorised(Exception):
    """Something was asked without the right to it; the text says what is missing."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """The home anchor's word that packets for these prefixes belong at this anchor.

    `anchor` is the home anchor itself when the mobile node is back home or, with `released`,
    when it has given the prefixes up: then nothing may be redirected. Times are in seconds
    since 1970.
    """

    mobile_node: MobileNodeId
    prefixes: tuple[HomePrefix, ...]
    anchor: NodeId
    order: MoveOrder
    issuer: NodeId
    issued_at: float
    expires_at: float
    released: bool = False
