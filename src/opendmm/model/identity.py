"""Who is who: mobile nodes, network elements and the functional entities they host."""

from enum import StrEnum
from typing import NewType

import msgspec

MobileNodeId = NewType("MobileNodeId", str)
"""A mobile node's identifier, normally a NAI (RFC 4283 §3.1)."""

NodeId = NewType("NodeId", str)
"""A network element that hosts functional entities; unique in a deployment."""


class FunctionalEntity(StrEnum):
    """The unicast functional entities of the framework (draft §3)."""

    FE_R = "FE_R"
    FE_MA_C = "FE_MA_C"
    FE_MA_U = "FE_MA_U"
    FE_MU_C = "FE_MU_C"
    FE_MU_U = "FE_MU_U"
    FE_MCTX = "FE_MCTX"
    FE_I = "FE_I"
    FE_E = "FE_E"
    FE_IEC = "FE_IEC"


class EntityAddress(msgspec.Struct, frozen=True, order=True):
    """One functional entity on one node: where a message comes from or goes to."""

    node: NodeId
    entity: FunctionalEntity

    def __str__(self) -> str:
        return f"{self.entity}@{self.node}"
