"""Optimised routes of one node, in its event loop: rules in, packets through."""

import asyncio
import contextlib
import errno
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address
from typing import Protocol

import msgspec

from opendmm.bindings.mipv6.data_path import Reports
from opendmm.bindings.mipv6.interception import Interception
from opendmm.bindings.mipv6.outputs import REPORTED_EVERY, End, Optimise, Restore
from opendmm.bindings.mipv6.sending import PacketSender
from opendmm.bindings.mipv6.wire_form import ADDED, ADDRESSES, NEXT_HEADER_AT
from opendmm.forwarding.netlink.socket import NetlinkSocket
from opendmm.node.logs import warn
from opendmm.node.route_optimisation.conversations import Conversations
from opendmm.node.route_optimisation.detour import Detour
from opendmm.node.route_optimisation.device import TunDevice
from opendmm.node.route_optimisation.path_mtu import LEAST_MTU, told_of_optimised, too_big_for
from opendmm.node.route_optimisation.rewriting import (
    ICMPV6,
    can_be_optimised,
    received,
    rewrite,
)
from opendmm.node.route_optimisation.rules import Rules, Unbound
from opendmm.wire.errors import WireError
from opendmm.wire.mobility.numbers import MOBILITY_HEADER

DEVICE = "dmm-optimised"
TABLE = "opendmm-mip6-data"
GROUP = 7303
USUAL_MTU = 1500
BUFFER = 4 << 20
"""Octets of packets that may wait to be restored."""
AT_ONCE = 64
"""Packets taken before the event loop sees to something else."""
PAYLOAD = f"!= {MOBILITY_HEADER}"


class HasFileno(Protocol):
    def fileno(self) -> int: ...


class Counters(msgspec.Struct):
    """Packets: sent directly, restored, sent as ever, not taken, and lost for want of a way."""

    optimised: int = 0
    restored: int = 0
    ordinary: int = 0
    refused: int = 0
    lost: int = 0


class OptimisedRoutes:
    """From `start` to `close` in one event loop; `home_addresses` are those of this node.

    `mtu` is that of the links: what goes through the device has room for the headers of a packet
    between two mobile nodes.
    """

    def __init__(self, home_addresses: Iterable[IPv6Address], mtu: int = USUAL_MTU) -> None:
        self.counters = Counters()
        self._home_addresses = tuple(home_addresses)
        self._rules = Rules(self._home_addresses)
        self._mtu = max(LEAST_MTU, mtu - 2 * ADDED)
        self._open = contextlib.ExitStack()
        self._timer: asyncio.TimerHandle | None = None

    def start(self, reports: Reports) -> None:
        """Raises OSError (CAP_NET_RAW, CAP_NET_ADMIN, /dev/net/tun are needed), NftablesError."""
        self._reports = reports
        with contextlib.ExitStack() as opened:
            closing = contextlib.closing
            netlink = opened.enter_context(closing(NetlinkSocket()))
            self._sender = opened.enter_context(closing(PacketSender()))
            self._device = opened.enter_context(closing(TunDevice(DEVICE, self._mtu, netlink)))
            self._detour = opened.enter_context(closing(Detour(netlink, self._device.index)))
            self._taken = opened.enter_context(
                closing(Interception(TABLE, GROUP, PAYLOAD, errors=True, buffer=BUFFER))
            )
            self._listen(opened, self._device, self._read_device)
            self._listen(opened, self._taken, self._read_taken)
            if self._home_addresses:
                self._conversations = opened.enter_context(
                    closing(Conversations(self._home_addresses))
                )
                self._listen(opened, self._conversations, self._read_conversations)
            self._open = opened.pop_all()
        self._report()

    def _listen(
        self, opened: contextlib.ExitStack, readable: HasFileno, read: Callable[[], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(readable, read)
        opened.callback(loop.remove_reader, readable)

    def close(self) -> None:
        """Nothing is optimised any more, and nothing is left."""
        if self._timer is not None:
            self._timer.cancel()
        self._open.close()

    def optimise(self, wanted: Optimise) -> None:
        """Begin, or go on by another care-of address."""
        link = 0
        if wanted.end is End.MOBILE_NODE:
            link = self._detour.link_of(wanted.care_of.packed)
            if not link:
                self._not_optimised(wanted, f"no link of this node has {wanted.care_of}")
                self.restore(_end_of(wanted))
                return
        pair = self._rules.put(wanted, link)
        source = pair[:16] if wanted.end is End.MOBILE_NODE else b""
        try:
            self._detour.put(pair[16:], source)
        except OSError as error:
            self._not_optimised(wanted, str(error))

    def restore(self, wanted: Restore) -> None:
        """End; nothing happens where nothing was optimised."""
        destination = self._rules.remove(wanted)[16:]
        if not self._rules.to(destination):
            self._detour.drop(destination)

    def _not_optimised(self, wanted: Optimise, why: str) -> None:
        home_address, correspondent = str(wanted.home_address), str(wanted.correspondent)
        warn("not-optimised", home_address=home_address, correspondent=correspondent, why=why)

    def _report(self) -> None:
        for used in self._rules.used():
            self._reports.used(*used)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(REPORTED_EVERY / 2, self._report)

    def _read_conversations(self) -> None:
        for home_address, correspondent in self._conversations.read():
            self._reports.communicates(home_address, correspondent)

    # Packets that leave

    def _read_device(self) -> None:
        read, routes = self._device.read, self._rules.routes
        for _ in range(AT_ONCE):
            packet = read()
            if not packet:
                return
            route = routes.get(packet[ADDRESSES])
            if route is None or not can_be_optimised(packet):
                self.counters.ordinary += self._send(packet, packet, 0)
                continue
            route.used = True
            self.counters.optimised += self._send(rewrite(packet, route.how), packet, route.link)

    def _send(self, packet: bytes, original: bytes, link: int) -> bool:
        """A full queue and a way that is gone lose packets, as they do for everybody."""
        try:
            self._sender.send(packet, link)
        except OSError as error:
            self.counters.lost += 1
            if error.errno == errno.EMSGSIZE:
                self._give(too_big_for(original, LEAST_MTU))
            return False
        return True

    # Packets that arrive

    def _read_taken(self) -> None:
        for _ in range(AT_ONCE):
            taken = self._taken.read()
            if not taken:
                return
            for _, packet in taken:
                try:
                    self._arrived(packet)
                except WireError:
                    self.counters.refused += 1
                except Unbound as problem:
                    self.counters.refused += 1
                    self._reports.unbound(
                        problem.source, problem.correspondent, problem.home_address
                    )

    def _arrived(self, packet: bytes) -> None:
        if packet[NEXT_HEADER_AT] == ICMPV6:
            self._give(told_of_optimised(packet, self._rules.routes))
            return
        found = received(packet)
        self._rules.admit(found)
        self.counters.restored += self._give(found.restored)

    def _give(self, packet: bytes) -> bool:
        try:
            self._device.write(packet)
        except OSError:
            self.counters.lost += 1
            return False
        return True


def _end_of(rule: Optimise) -> Restore:
    return Restore(end=rule.end, home_address=rule.home_address, correspondent=rule.correspondent)
