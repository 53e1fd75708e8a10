"""The PBUs of one node that await their PBAs (RFC 8885 §3.6).

Each is repeated with doubling intervals, under a new sequence number (RFC 6275 §11.8). What
entities repeat meanwhile is absorbed. Transmissions are paced as a whole, so that one
registration that concerns many previous MAARs makes no burst (RFC 8885 §3.2, §6), and about one
thing no more than MAX_UPDATE_RATE leave in a second. Pure.
"""

import math
from collections import OrderedDict

import msgspec

from opendmm.bindings.mobility.agenda import Agenda
from opendmm.bindings.mobility.backoff import MAX_BINDACK_TIMEOUT, Backoff
from opendmm.bindings.mobility.outputs import Complain, Output, Transmit
from opendmm.bindings.rfc8885.carriage import Options
from opendmm.bindings.rfc8885.config import MAX_UPDATE_RATE, DistributedConfig
from opendmm.model.identity import NodeId
from opendmm.wire.mobility.binding import BindingUpdate
from opendmm.wire.mobility.numbers import LIFETIME_UNIT, BindingUpdateFlags
from opendmm.wire.mobility.options.proxy import TimestampOption

GIVEN_UP_AFTER = 2 * MAX_BINDACK_TIMEOUT
"""Seconds after which what no entity has asked for again is repeated no more."""
SEQUENCES = 0x10000
SECOND = 1.0
ROUNDING = 1e-6
"""Seconds; times since 1970 are no finer."""
FLAGS = BindingUpdateFlags.A | BindingUpdateFlags.P | BindingUpdateFlags.D


class Pending(msgspec.Struct, kw_only=True):
    """A PBU. `wanted` is when an entity last asked for it, in seconds since 1970; `sequences` are
    the numbers of its transmissions."""

    to: NodeId
    options: Options
    lifetime: int
    wanted: float
    clock: Backoff | None = None
    sequences: list[int] = []


class Pace:
    """At most `rate` a second, after a burst of `burst`."""

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1 / rate
        self._ahead = (burst - 1) / rate
        self._due = -math.inf

    def take(self, now: float) -> bool:
        """Whether one may leave now."""
        if self.next_time() > now + ROUNDING:
            return False
        self._due = max(self._due, now) + self._interval
        return True

    def next_time(self) -> float:
        """When one may leave, in seconds since 1970."""
        return self._due - self._ahead


class Updates:
    """By a key of the caller's choice: a later request under the same key replaces the earlier."""

    def __init__(self, config: DistributedConfig) -> None:
        self._config = config
        self._pending: dict[str, Pending] = {}
        self._by_sequence: dict[tuple[NodeId, int], str] = {}
        self._agenda: Agenda[str] = Agenda()
        self._sent: OrderedDict[str, tuple[float, ...]] = OrderedDict()
        self._pace = Pace(config.pace, config.burst)
        self._sequence = 0

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, key: str) -> bool:
        return key in self._pending

    def request(
        self, key: str, to: NodeId, options: Options, now: float, *, ends: bool = False
    ) -> list[Output]:
        """Send a PBU, with lifetime zero if it `ends` a registration, until it is answered."""
        lifetime = 0 if ends else math.ceil(self._config.lifetime / LIFETIME_UNIT)
        held = self._pending.get(key)
        if held is not None and (held.to, held.options, held.lifetime) == (to, options, lifetime):
            held.wanted = now
            return []
        self.settle(key)
        self._pending[key] = Pending(to=to, options=options, lifetime=lifetime, wanted=now)
        self._agenda.put(key, now)
        return self.fire(now)

    def acknowledged(self, peer: NodeId, sequence: int) -> str | None:
        """The key of the PBU that a PBA of this number answers; it is repeated no more."""
        key = self._by_sequence.get((peer, sequence))
        if key is not None:
            self.settle(key)
        return key

    def settle(self, key: str) -> None:
        """No answer is awaited any more."""
        held = self._pending.pop(key, None)
        if held is None:
            return
        self._agenda.drop(key)
        for sequence in held.sequences:
            self._by_sequence.pop((held.to, sequence), None)

    def restarted(self, peer: NodeId, now: float) -> list[Output]:
        """A peer has forgotten what it was asked (RFC 5847 §3.2): ask again at once."""
        for key, held in self._pending.items():
            if held.to == peer:
                held.clock = None
                self._agenda.put(key, now)
        return self.fire(now)

    def next_timer(self) -> float:
        return self._agenda.next_timer()

    def fire(self, now: float) -> list[Output]:
        """Transmit what is due, as far as the pace allows."""
        outputs: list[Output] = []
        for key in self._agenda.take(now):
            held = self._pending[key]
            if held.wanted + GIVEN_UP_AFTER <= now:
                self.settle(key)
                outputs.append(Complain("update-unanswered", held.to, {"about": key}))
                continue
            allowed = self._allowed(key, now)
            if allowed > now:
                self._agenda.put(key, allowed)
                continue
            outputs.append(self._transmit(key, held, now))
        return outputs

    def _allowed(self, key: str, now: float) -> float:
        """When the next may leave, by MAX_UPDATE_RATE and by the pace of all."""
        sent = self._sent.get(key, ())
        if len(sent) == MAX_UPDATE_RATE and sent[0] + SECOND > now:
            return sent[0] + SECOND
        return now if self._pace.take(now) else self._pace.next_time()

    def _note(self, key: str, now: float) -> None:
        """Remember transmissions of the last second, also of what has been answered since."""
        self._sent[key] = (*self._sent.get(key, ())[1 - MAX_UPDATE_RATE :], now)
        self._sent.move_to_end(key)
        while next(iter(self._sent.values()))[-1] + SECOND <= now:
            self._sent.popitem(last=False)

    def _transmit(self, key: str, held: Pending, now: float) -> Transmit:
        if held.clock is None:
            held.clock = Backoff.begin(now, self._config.initial_timeout)
        else:
            held.clock.repeat(now)
        self._agenda.put(key, held.clock.due)
        self._note(key, now)
        self._sequence = (self._sequence + 1) % SEQUENCES
        held.sequences.append(self._sequence)
        self._by_sequence[held.to, self._sequence] = key
        update = BindingUpdate(
            sequence=self._sequence,
            flags=FLAGS,
            lifetime=held.lifetime,
            options=(*held.options, TimestampOption.from_seconds(now)),
        )
        return Transmit(held.to, update)
