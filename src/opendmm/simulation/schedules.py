"""Random schedules: what happens to the mobile nodes and what breaks, from one seed.

A schedule is a list of happenings in virtual time, made from its kind and seed alone. Every
kind draws moves with spacings from a tenth of a millisecond to seconds, so that moves fall
into every stage of the moves before them.
"""

from collections.abc import Callable
from random import Random

import msgspec

from opendmm.simulation.constellations import ANCHORS, BUILDERS, GATEWAYS, MOBILE_NODES, ROUTERS

ACCESSES = {"gateways": GATEWAYS, "guests": ROUTERS}
HOMES = dict(zip(MOBILE_NODES, ANCHORS, strict=False))


class Attach(msgspec.Struct, frozen=True):
    """A link to an anchor, or to a gateway of one, comes up."""

    at: float
    mobile_node: str
    access: str


class Detach(msgspec.Struct, frozen=True):
    """A link goes down."""

    at: float
    mobile_node: str
    access: str


class Expect(msgspec.Struct, frozen=True):
    """A move is predicted."""

    at: float
    mobile_node: str
    target: str


class Release(msgspec.Struct, frozen=True):
    """The mobile node gives all its prefixes up."""

    at: float
    mobile_node: str


class Crash(msgspec.Struct, frozen=True):
    """A process dies `steps` crash points after `at`; back after `lasts`, None: never."""

    at: float
    node: str
    steps: int
    lasts: float | None


class Cut(msgspec.Struct, frozen=True):
    """A link of the core is cut for `lasts`."""

    at: float
    link: int
    lasts: float


class Impair(msgspec.Struct, frozen=True):
    """Messages are lost, repeated, delayed from `at` on for `lasts`."""

    at: float
    lasts: float
    loss: float = 0.0
    duplication: float = 0.0
    jitter: float = 0.0


class Hear(msgspec.Struct, frozen=True):
    """A packet for a mobile node passes every ingress that asks."""

    at: float
    mobile_node: str


class Replay(msgspec.Struct, frozen=True):
    """Messages sent before are sent once more, as they were, by whoever sent them."""

    at: float
    count: int


class Forge(msgspec.Struct, frozen=True):
    """Nodes gone bad repeat their last messages with another egress in them, or none."""

    at: float
    count: int


Happening = Attach | Detach | Expect | Release | Crash | Cut | Impair | Hear | Replay | Forge


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """What happens, in order of time. `skews` are clock errors in seconds by node.

    `unbroken` says that no packet may be lost at any moment: nothing breaks and every move
    has both links up for long enough. `until` is when the last happening is over.
    """

    kind: str
    seed: int
    constellation: str
    happenings: tuple[Happening, ...]
    skews: dict[str, float] = {}
    unbroken: bool = False
    until: float = 0.0

    def story(self) -> str:
        """The schedule as a person reads it."""
        lines = [f"{self.kind} on {self.constellation}, seed {self.seed}"]
        lines += [f"  {name}'s clock is off by {skew:+.3f}s" for name, skew in self.skews.items()]
        lines += [f"  {happening}" for happening in self.happenings]
        return "\n".join(lines)


class _Draft:
    """A schedule in the making."""

    def __init__(self, random: Random, constellation: str) -> None:
        self.random = random
        self.constellation = constellation
        self.happenings: list[Happening] = []
        self.skews: dict[str, float] = {}
        self.now = 0.5
        self.place: dict[str, str | None] = {}
        self.unbroken = False

    def pause(self, least: float = 1e-4, most: float = 3.0) -> None:
        """Let a random time pass; short and long ones equally likely, by their logarithm."""
        self.now += least * (most / least) ** self.random.random()

    def first(self, mobile: str) -> None:
        """The first attachment, mostly at home."""
        access = (
            self.home(mobile) if self.random.random() < 0.8 else self.random.choice(self.accesses)
        )
        self.happenings.append(Attach(self.now, mobile, access))
        self.place[mobile] = access

    @property
    def accesses(self) -> tuple[str, ...]:
        """What mobile nodes attach to: anchors, gateways of them, or routers that lead there."""
        return tuple(ACCESSES.get(self.constellation, ANCHORS))

    def home(self, mobile: str) -> str:
        """Where a mobile node attaches to be at its home anchor."""
        if self.constellation == "guests":
            return HOMES[mobile]
        return next(a for a in self.accesses if self.anchor_at(a) == HOMES[mobile])

    def anchor_at(self, access: str) -> str:
        return ACCESSES.get(self.constellation, {}).get(access, access)

    def elsewhere(self, mobile: str) -> str:
        places = dict.fromkeys((*self.accesses, self.home(mobile)))
        return self.random.choice([name for name in places if name != self.place[mobile]])

    def move(self, mobile: str, target: str | None = None, *, overlap: float | None = None) -> None:
        """One move; `overlap` seconds with both links, negative: with none; None: random."""
        target = target or self.elsewhere(mobile)
        previous = self.place[mobile]
        if overlap is None:
            overlap = self.random.choice((-1, 1)) * 1e-4 * 5e3 ** self.random.random()
        attach = self.now if overlap >= 0 else self.now - overlap
        detach = self.now + max(overlap, 0.0)
        self.happenings.append(Attach(attach, mobile, target))
        if previous is not None and previous != target:
            self.happenings.append(Detach(detach, mobile, previous))
        self.place[mobile] = target
        self.now = max(attach, detach)

    def moves(self, least: int, most: int) -> None:
        """Some moves of some mobile nodes, at random spacings."""
        for _ in range(self.random.randint(least, most)):
            self.move(self.random.choice(sorted(self.place)))
            self.pause()

    def begin(self) -> None:
        """Everyone attaches; a second passes."""
        count = 1 if self.random.random() < 0.7 else 2
        for mobile in MOBILE_NODES[:count]:
            self.first(mobile)
        self.now += 1.0

    def span(self) -> float:
        """How long ago the first move may have begun."""
        return self.now - 1.5

    def moment(self) -> float:
        """A random moment among the moves."""
        return self.random.uniform(1.4, max(self.now, 1.5))


def _calm(draft: _Draft) -> None:
    draft.moves(1, 4)


def _unbroken(draft: _Draft) -> None:
    """Make before break with time enough: nothing may be lost at any moment."""
    draft.unbroken = True
    draft.now += 1.0
    for _ in range(draft.random.randint(1, 3)):
        draft.move(draft.random.choice(sorted(draft.place)), overlap=1.0)
        draft.now += 3.0


def _impaired(draft: _Draft, **wrong: float) -> None:
    draft.moves(1, 4)
    draft.happenings.append(Impair(1.4, draft.now - 1.4 + 1.0, **wrong))


def _loss(draft: _Draft) -> None:
    _impaired(draft, loss=draft.random.uniform(0.05, 0.4))


def _duplication(draft: _Draft) -> None:
    _impaired(draft, duplication=draft.random.uniform(0.1, 0.9), jitter=0.02)


def _reordering(draft: _Draft) -> None:
    _impaired(draft, jitter=draft.random.uniform(0.005, 0.5))


def _crashable(draft: _Draft) -> list[str]:
    nodes = BUILDERS[draft.constellation]()["nodes"]
    return [
        name for name, section in nodes.items() if section.get("entities", ["FE_R"]) != ["FE_R"]
    ]


def _crash(draft: _Draft) -> None:
    draft.moves(1, 3)
    for _ in range(draft.random.randint(1, 2)):
        _one_crash(draft)


def _one_crash(draft: _Draft) -> None:
    node = draft.random.choice(_crashable(draft))
    steps = draft.random.randint(0, 12)
    lasts = 0.01 * 500 ** draft.random.random()
    draft.happenings.append(Crash(draft.moment(), node, steps, lasts))


def _partition(draft: _Draft) -> None:
    draft.moves(1, 3)
    for _ in range(draft.random.randint(1, 2)):
        _one_cut(draft)


def _one_cut(draft: _Draft) -> None:
    links = len(BUILDERS[draft.constellation]()["links"])
    lasts = 0.01 * 800 ** draft.random.random()
    draft.happenings.append(Cut(draft.moment(), draft.random.randrange(links), lasts))


def _skew(draft: _Draft) -> None:
    """Clocks that disagree by up to four seconds: less than grants tolerate."""
    for name in _crashable(draft):
        draft.skews[name] = draft.random.uniform(-2.0, 2.0)
    draft.moves(1, 4)


def _ping_pong(draft: _Draft) -> None:
    mobile = draft.random.choice(sorted(draft.place))
    back, forth = draft.place[mobile], draft.elsewhere(mobile)
    for turn in range(draft.random.randint(2, 6)):
        draft.move(mobile, forth if turn % 2 == 0 else back)
        draft.pause(1e-4, 0.1)


def _two_claims(draft: _Draft) -> None:
    """Two links come up at nearly the same moment and both stay."""
    mobile = draft.random.choice(sorted(draft.place))
    previous = draft.place[mobile]
    one, other = draft.random.sample([name for name in draft.accesses if name != previous], 2)
    apart = draft.random.choice((0.0, 1e-6, 1e-4, 1e-3, 0.01))
    draft.happenings.append(Attach(draft.now, mobile, one))
    draft.happenings.append(Attach(draft.now + apart, mobile, other))
    if previous is not None:
        draft.happenings.append(Detach(draft.now + 0.05, mobile, previous))
    draft.place[mobile] = other
    draft.now += 0.1
    if draft.random.random() < 0.5:
        draft.pause()
        draft.happenings.append(Detach(draft.now, mobile, other))
        draft.place[mobile] = one


def _overtaken(draft: _Draft) -> None:
    """A move during a move during a move."""
    mobile = draft.random.choice(sorted(draft.place))
    for _ in range(draft.random.randint(2, 5)):
        draft.move(mobile)
        draft.pause(1e-4, 0.02)


def _predicted(draft: _Draft) -> None:
    """Predictions that come true, that do not, that come too late."""
    for _ in range(draft.random.randint(1, 3)):
        mobile = draft.random.choice(sorted(draft.place))
        guess = draft.elsewhere(mobile)
        draft.happenings.append(Expect(draft.now, mobile, guess))
        draft.pause(1e-4, 0.3)
        outcome = draft.random.random()
        if outcome < 0.5:
            draft.move(mobile, guess)
        elif outcome < 0.8:
            draft.move(mobile)
        draft.pause()


def _release(draft: _Draft) -> None:
    draft.moves(1, 3)
    mobile = draft.random.choice(sorted(draft.place))
    draft.happenings.append(Release(draft.now, mobile))
    draft.pause(1e-4, 0.1)


def _return_home(draft: _Draft) -> None:
    draft.moves(1, 3)
    for mobile in sorted(draft.place):
        if draft.place[mobile] != HOMES[mobile]:
            draft.move(mobile, draft.home(mobile))


def _failover(draft: _Draft) -> None:
    """An FE_IEC dies while moves go on, and comes back late or, with a standby, never."""
    draft.moves(1, 3)
    lasts: float | None = draft.random.uniform(0.5, 8.0)
    if draft.constellation == "standby" and draft.random.random() < 0.5:
        lasts = None
    at = draft.moment()
    draft.happenings.append(Crash(at, "control", draft.random.randint(0, 8), lasts))
    draft.moves(0, 2)


def _expiry(draft: _Draft) -> None:
    """A mobile node disappears for good; what was there for it must go with its lifetime."""
    draft.moves(1, 2)
    mobile = draft.random.choice(sorted(draft.place))
    place = draft.place[mobile]
    if place is not None:
        draft.happenings.append(Detach(draft.now, mobile, place))
    draft.now += 300.0


def _refresh(draft: _Draft) -> None:
    """A mobile node stays away for several lifetimes."""
    draft.moves(1, 2)
    draft.now += 400.0


def _out_of_reach(draft: _Draft) -> None:
    """A link is cut for longer than the lifetime, or nearly; there may be moves meanwhile."""
    draft.moves(1, 3)
    links = len(BUILDERS[draft.constellation]()["links"])
    lasts = draft.random.uniform(60.0, 300.0)
    draft.happenings.append(Cut(draft.moment(), draft.random.randrange(links), lasts))
    if draft.random.random() < 0.5:
        draft.now += draft.random.uniform(0.0, lasts)
        draft.moves(1, 2)


def _home_dead(draft: _Draft) -> None:
    """A home anchor dies before a move: a delegate grants, or all waits for its return."""
    mobile = draft.random.choice(sorted(draft.place))
    lasts: float | None = draft.random.uniform(2.0, 15.0)
    if draft.constellation == "client" and draft.random.random() < 0.5:
        lasts = None
    draft.happenings.append(Crash(draft.now, HOMES[mobile], 0, lasts))
    draft.now += 0.6
    for _ in range(draft.random.randint(1, 3)):
        away = [
            name
            for name in draft.accesses
            if name != draft.place[mobile] and draft.anchor_at(name) != HOMES[mobile]
        ]
        draft.move(mobile, draft.random.choice(away))
        draft.pause(0.01)


def _replay(draft: _Draft) -> None:
    """Late and replayed messages change nothing."""
    draft.moves(1, 4)
    for _ in range(draft.random.randint(1, 4)):
        at = draft.random.uniform(1.5, draft.now + 3.0)
        draft.happenings.append(Replay(at, draft.random.randint(1, 30)))


def _forged(draft: _Draft) -> None:
    """Whoever has no grant for it redirects nothing, and takes no redirection away."""
    draft.moves(1, 3)
    for _ in range(draft.random.randint(1, 4)):
        at = draft.random.uniform(1.5, draft.now + 3.0)
        draft.happenings.append(Forge(at, draft.random.randint(1, 10)))


def _mixed(draft: _Draft) -> None:
    """Everything at once."""
    draft.moves(1, 3)
    if draft.random.random() < 0.5:
        for name in _crashable(draft):
            draft.skews[name] = draft.random.uniform(-0.5, 0.5)
    wrong = (_one_crash, _one_cut, _loss, _duplication, _reordering, _predicted)
    for breaking in draft.random.sample(wrong, 2):
        breaking(draft)


KINDS: dict[str, Callable[[_Draft], None]] = {
    "calm": _calm,
    "unbroken": _unbroken,
    "loss": _loss,
    "duplication": _duplication,
    "reordering": _reordering,
    "crash": _crash,
    "partition": _partition,
    "skew": _skew,
    "ping-pong": _ping_pong,
    "two-claims": _two_claims,
    "overtaken": _overtaken,
    "predicted": _predicted,
    "release": _release,
    "return-home": _return_home,
    "failover": _failover,
    "home-dead": _home_dead,
    "replay": _replay,
    "forged": _forged,
    "expiry": _expiry,
    "refresh": _refresh,
    "out-of-reach": _out_of_reach,
    "mixed": _mixed,
}
"""Every kind of schedule: how it is drawn."""

ONLY_ON = {
    # Mobile IPv6 has no message that gives a home address up.
    "release": [name for name in BUILDERS if name != "guests"],
    "failover": ["standby", "shared", "cooperative"],
    # Where others grant or deliver instead, they let go on their own when it lasts so long.
    "out-of-reach": [
        name
        for name in BUILDERS
        if name not in ("client", "egress-apart", "relay", "locator", "proxy")
    ],
    "home-dead": ["client", "client", "cooperative", "shared", "standby"],
}
"""Kinds that make sense on some constellations alone."""


def draw(kind: str, seed: int) -> Schedule:
    """The schedule of a kind and a seed; always the same one. Raises KeyError."""
    random = Random(f"{kind} {seed}")
    names = ONLY_ON.get(kind, list(BUILDERS))
    draft = _Draft(random, random.choice(names))
    draft.begin()
    KINDS[kind](draft)
    if draft.constellation == "filtered":
        for _ in range(random.randint(1, 4)):
            mobile = random.choice(sorted(draft.place))
            draft.happenings.append(Hear(draft.moment(), mobile))
    return Schedule(
        kind=kind,
        seed=seed,
        constellation=draft.constellation,
        happenings=tuple(sorted(draft.happenings, key=lambda happening: happening.at)),
        skews=draft.skews,
        unbroken=draft.unbroken,
        until=max((_over(happening) for happening in draft.happenings), default=0.0)
        if kind not in ("expiry", "refresh")
        else draft.now,
    )


def _over(happening: Happening) -> float:
    if isinstance(happening, Crash | Cut | Impair):
        return happening.at + (happening.lasts or 0.0)
    return happening.at
