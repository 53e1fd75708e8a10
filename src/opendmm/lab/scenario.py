"""A scenario as a timeline of things to do, and the doing of them on the live network."""

import time
from collections.abc import Callable
from functools import partial

import msgspec

from opendmm.constellation.file import (
    AttachmentSection,
    FaultKind,
    FaultSection,
    MoveOrderName,
    ReleaseSection,
    ScenarioSection,
)
from opendmm.constellation.quantities import seconds
from opendmm.lab.access import MobileNodeLinks
from opendmm.lab.daemons import Daemons
from opendmm.lab.faults import cut, mend
from opendmm.lab.namespaces import Namespaces
from opendmm.model.identity import NodeId

Progress = Callable[[str], None]


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A move as the laboratory made it; times in seconds since 1970.

    `started` is its first sign, `attached` when the new link was brought up.
    """

    mobile_node: str
    previous: NodeId
    new: NodeId
    order: MoveOrderName
    started: float
    attached: float
    overlap: float


class Director:
    """Carries a scenario out on time; `moves` is what it did."""

    def __init__(
        self,
        scenario: ScenarioSection,
        links: dict[str, MobileNodeLinks],
        daemons: Daemons,
        namespaces: Namespaces,
        progress: Progress,
    ) -> None:
        self.moves: list[Done] = []
        self.places: dict[str, NodeId | None] = dict.fromkeys(links)
        self._links = links
        self._daemons = daemons
        self._namespaces = namespaces
        self._progress = progress
        self._timeline: list[tuple[float, Callable[[], None]]] = []
        self._start = 0.0
        for attachment in scenario.attachments:
            self._plan_attachment(attachment)
        for fault in scenario.faults:
            self._plan_fault(fault)
        for release in scenario.releases:
            self._at(seconds(release.at), partial(self._release, release))
        self._timeline.sort(key=lambda entry: entry[0])

    def run(self, start: float) -> None:
        """Everything, each at its time after `start` (seconds since 1970)."""
        self._start = start
        for offset, action in self._timeline:
            time.sleep(max(0.0, start + offset - time.time()))
            action()

    def _at(self, offset: float, action: Callable[[], None]) -> None:
        self._timeline.append((offset, action))

    def _say(self, what: str) -> None:
        self._progress(f"{time.time() - self._start:6.2f} s  {what}")

    # Moves

    def _plan_attachment(self, attachment: AttachmentSection) -> None:
        name, at = attachment.mobile_node, seconds(attachment.at)
        links = self._links[name]
        if attachment.to is None:
            self._at(at, partial(self._leave, links))
            return
        target = NodeId(attachment.to)
        if attachment.order is MoveOrderName.MAKE_BEFORE_BREAK:
            self._at(at, partial(self._arrive, attachment, target, at))
            overlap = seconds(attachment.overlap)
            if not links.subscriber.client:
                self._at(at + overlap / 2, partial(links.route_over, target))
            self._at(at + overlap, partial(links.detach_others, target))
            return
        started = at
        if attachment.order is MoveOrderName.PREDICTED:
            started = at - seconds(attachment.lead)
            self._at(started, partial(self._predict, attachment, target))
        self._at(at, partial(links.detach_others, target))
        self._at(at + seconds(attachment.gap), partial(self._arrive, attachment, target, started))

    def _arrive(self, attachment: AttachmentSection, target: NodeId, started: float) -> None:
        name = attachment.mobile_node
        links, previous = self._links[name], self.places[name]
        first = previous is None or attachment.order is not MoveOrderName.MAKE_BEFORE_BREAK
        attached = time.time()
        links.attach(target, route=first and not links.subscriber.client)
        self.places[name] = target
        if previous is None or previous == target:
            self._say(f"{name} attaches to {target}")
            return
        self._say(f"{name}: {previous} → {target} ({attachment.order.replace('-', ' ')})")
        self.moves.append(
            Done(
                mobile_node=name,
                previous=previous,
                new=target,
                order=attachment.order,
                started=self._start + started,
                attached=attached,
                overlap=seconds(attachment.overlap),
            )
        )

    def _leave(self, links: MobileNodeLinks) -> None:
        links.detach_others(None)
        self._say(f"{links.subscriber.name} leaves")

    def _predict(self, attachment: AttachmentSection, target: NodeId) -> None:
        self._ask_client(attachment.mobile_node, "expect-handover", target=target)

    def _release(self, release: ReleaseSection) -> None:
        self._ask_client(release.mobile_node, "release", prefixes=list(release.prefixes))
        if not release.prefixes:
            self.places[release.mobile_node] = None
        self._say(f"{release.mobile_node} releases {', '.join(release.prefixes) or 'its prefixes'}")

    def _ask_client(self, name: str, question: str, **particulars: object) -> None:
        """Of the FE_MU_C that speaks for the mobile node: its own, or the anchor's."""
        subscriber = self._links[name].subscriber
        place = self.places[name]
        where = name if subscriber.client else place
        if where is not None:
            identity = subscriber.mobile_node
            self._daemons.ask(where, question, mobile_node=identity, **particulars)

    # Faults

    def _plan_fault(self, fault: FaultSection) -> None:
        at = seconds(fault.at)
        lasts = seconds(fault.lasts) if fault.lasts is not None else None
        begin, finish, what = self._fault(fault)
        self._at(at, begin)
        self._at(at, partial(self._say, what))
        if lasts is not None:
            self._at(at + lasts, finish)
            self._at(at + lasts, partial(self._say, f"end of: {what}"))

    def _fault(self, fault: FaultSection) -> tuple[Callable[[], None], Callable[[], None], str]:
        if fault.kind is FaultKind.CUT and fault.link is not None:
            ends = fault.link
            return (
                partial(cut, self._namespaces, ends),
                partial(mend, self._namespaces, ends),
                f"link {ends[0]} – {ends[1]} cut",
            )
        node = str(fault.node)
        if fault.kind is FaultKind.PAUSE:
            pause = partial(self._daemons.pause, node)
            return pause, partial(self._daemons.resume, node), f"daemon of {node} paused"
        kill = partial(self._daemons.kill, node)
        return kill, partial(self._daemons.start_one, node), f"daemon of {node} killed"
