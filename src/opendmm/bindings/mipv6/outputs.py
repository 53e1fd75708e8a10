"""What the two ends of route optimisation want done: packets sent, and the data path changed.

The data path takes payload packets alone. Whatever has a Mobility Header (next header 135) or is
Neighbor Discovery goes by ordinary routing, whether there is a binding or not: HoTI and HoT prove
nothing about the home address unless they pass the home agent (RFC 6275 §5.2.5), and the packets
of this binding have their headers already.
"""

from enum import StrEnum
from ipaddress import IPv6Address

import msgspec

from opendmm.bindings.mipv6.packet import Packet
from opendmm.bindings.mobility.outputs import Complain


class End(StrEnum):
    """Which end of an optimised route this node is."""

    MOBILE_NODE = "mobile-node"
    CORRESPONDENT = "correspondent"


class Optimise(msgspec.Struct, frozen=True, kw_only=True):
    """Payload between home address and correspondent goes directly, by the care-of address.

    It replaces an earlier one of the same end, home address and correspondent; the packets in
    either direction are 24 octets longer than without, which the path MTU has to allow for.

    At the MOBILE_NODE (§11.3.1, §11.3.3):

    * a packet from `home_address` to `correspondent` gets a Home Address option with
      `home_address`, and `care_of` for its source. Transport checksums stay as they are, made
      with the home address. It leaves by the link that has `care_of`, outside of the tunnel;
    * a packet with a type 2 routing header (length 2, one segment left) that names `home_address`
      loses the header and has `home_address` for its destination. That is so for each of the
      node's own addresses it may have come to, with or without this rule: packets for an earlier
      care-of address are still under way. One that names no home address of this node is dropped
      silently.

    At the CORRESPONDENT (§9.3.1, §9.3.2):

    * a packet from `correspondent` to `home_address` gets a type 2 routing header with
      `home_address`, and `care_of` for its destination;
    * a packet to `correspondent` from `care_of` with a Home Address option of `home_address`
      loses the option and has `home_address` for its source. A packet with a Home Address
      option that no such rule allows (ESP, AH and Mobility Headers apart) is dropped, and
      `Correspondent.unbound` says what its sender is told.

    What is in use must be told, at least every REPORTED_EVERY seconds: by
    `RouteOptimisation.communicates` and `Correspondent.used`. Bindings nobody uses end.
    """

    end: End
    home_address: IPv6Address
    correspondent: IPv6Address
    care_of: IPv6Address


class Restore(msgspec.Struct, frozen=True, kw_only=True):
    """The rule of an earlier Optimise ends: payload goes through the home agent, or directly
    where the mobile node is at home (§9.3.2, §11.3.1)."""

    end: End
    home_address: IPv6Address
    correspondent: IPv6Address


Output = Packet | Complain | Optimise | Restore
"""What route optimisation wants: to be done in the order in which it comes."""

REPORTED_EVERY = 60.0
"""Seconds; a route that was used is told to have been used within as many."""
