"""The forwarding of a mobile node (FE_MU_U): which anchor its packets go to, and how."""

from opendmm.node.mobile_node_forwarding.driver import MobileNodeForwarding

__all__ = ["MobileNodeForwarding"]
