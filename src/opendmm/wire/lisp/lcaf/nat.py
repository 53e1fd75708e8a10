"""What is known of a NAT between an xTR and its Map-Server (RFC 8060 §4.4)."""

from struct import Struct
from typing import ClassVar, Self

from opendmm.wire.lisp.lcaf.base import Address, Lcaf, Pack, Read
from opendmm.wire.lisp.numbers import LcafType
from opendmm.wire.lisp.reading import Reader


class NatTraversal(Lcaf, frozen=True):
    """Ports and addresses on either side; `rtrs` are who has state in the NAT."""

    TYPE = LcafType.NAT_TRAVERSAL
    LAYOUT: ClassVar[Struct] = Struct("!HH")

    map_server_port: int
    etr_port: int
    global_etr: Address
    map_server: Address
    private_etr: Address
    rtrs: tuple[Address, ...] = ()

    def body(self, pack: Pack) -> bytes:
        head = self.LAYOUT.pack(self.map_server_port, self.etr_port)
        known = (self.global_etr, self.map_server, self.private_etr, *self.rtrs)
        return head + b"".join(map(pack, known))

    @classmethod
    def parse(cls, reader: Reader, _rsvd2: int, read: Read) -> Self:
        map_server_port, etr_port = reader.fields(cls.LAYOUT, "ports")
        sides = read(reader), read(reader), read(reader)
        rtrs: list[Address] = []
        while reader.left:
            rtrs.append(read(reader))
        return cls(map_server_port, etr_port, *sides, tuple(rtrs))
