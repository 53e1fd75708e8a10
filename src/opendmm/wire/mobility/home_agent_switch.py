"""A home agent sends its mobile nodes elsewhere: Home Agent Switch (RFC 5142 §4)."""

from ipaddress import IPv6Address
from struct import Struct

from opendmm.wire.errors import WireError
from opendmm.wire.mobility.message import HEADER_LENGTH, MobilityMessage
from opendmm.wire.mobility.numbers import MessageType
from opendmm.wire.mobility.options.sequence import parse_options

ADDRESS_LENGTH = 16
#: Where the addresses begin.
BEGIN = HEADER_LENGTH + 2


class HomeAgentSwitch(MobilityMessage, frozen=True):
    """Other home agents to use; none means to look for one (RFC 5142 §4)."""

    TYPE = MessageType.HOME_AGENT_SWITCH
    LAYOUT = Struct("!Bx")

    home_agents: tuple[IPv6Address, ...]

    def fixed(self) -> bytes:
        addresses = b"".join(address.packed for address in self.home_agents)
        return self.LAYOUT.pack(len(self.home_agents)) + addresses

    @classmethod
    def parse(cls, data: bytes) -> MobilityMessage:
        end = cls.options_begin(data)
        addresses = (data[at : at + ADDRESS_LENGTH] for at in range(BEGIN, end, ADDRESS_LENGTH))
        return cls(tuple(map(IPv6Address, addresses)), options=parse_options(data, end))

    @classmethod
    def options_begin(cls, data: bytes) -> int:
        count = data[HEADER_LENGTH]
        end = BEGIN + count * ADDRESS_LENGTH
        if end > len(data):
            raise WireError(f"{count} addresses run past the end", HEADER_LENGTH)
        return end
