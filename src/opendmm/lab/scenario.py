"""A scenario as a timeline of things to do, and the doing of them on the live network."""

import time
from collections.abc import Callable
from functools import partial

import msgspec

from opendmm.constellation.deployment import Deployment
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
from opendmm.lab.faults import Machines, cut, mend
from opendmm.lab.laboratory import Progress
from opendmm.lab.namespaces import Namespaces
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import NodeId
from opendmm.node.control import ControlError
from opendmm.report.report import HostAddress
from opendmm.report.trace import TraceKind, TraceRecord


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
    addresses: tuple[HostAddress, ...] = ()


class _Breaking(msgspec.Struct, frozen=True):
    """Where something breaks, what it is then, how to break it, and how to mend it."""

    where: str
    what: str
    begin: Callable[[], None]
    finish: Callable[[], None] | None = None


class Director:
    """Carries a scenario out on time; `moves` is what it did."""

    def __init__(
        self,
        deployment: Deployment,
        scenario: ScenarioSection,
        links: dict[str, MobileNodeLinks],
        daemons: Daemons,
        machines: Machines,
        namespaces: Namespaces,
        progress: Progress,
    ) -> None:
        self.moves: list[Done] = []
        self.released: dict[str, set[HomePrefix]] = {}
        """Prefixes given up since the mobile node's last attachment."""
        self.faults: list[TraceRecord] = []
        self.complaints: list[str] = []
        """What could not be done, as sentences."""
        self._places: dict[str, NodeId | None] = dict.fromkeys(links)
        self._deployment = deployment
        self._links = links
        self._daemons = daemons
        self._machines = machines
        self._namespaces = namespaces
        self._progress = progress
        self._timeline: list[tuple[float, Callable[[], None]]] = []
        self._start = 0.0
        for attachment in scenario.attachments:
            self._plan_attachment(attachment)
        for fault in scenario.faults:
            self._plan_fault(fault)
        for release in scenario.releases:
            self.at(seconds(release.at), partial(self._release, release))

    def run(self, start: float) -> None:
        """Everything, each at its time after `start` (seconds since 1970)."""
        self._start = start
        for offset, action in sorted(self._timeline, key=lambda entry: entry[0]):
            time.sleep(max(0.0, start + offset - time.time()))
            action()

    def look_at_addresses(self, mobile_node: str) -> None:
        """Those a mobile node has now belong to its last move."""
        for index, done in reversed(list(enumerate(self.moves))):
            if done.mobile_node == mobile_node:
                addresses = self._links[mobile_node].addresses()
                self.moves[index] = msgspec.structs.replace(done, addresses=addresses)
                return

    def at(self, offset: float, action: Callable[[], None]) -> None:
        """Something to be done `offset` seconds from the start."""
        self._timeline.append((offset, action))

    def _say(self, what: str) -> None:
        self._progress(f"{time.time() - self._start:6.2f} s  {what}")

    # Moves

    def _plan_attachment(self, attachment: AttachmentSection) -> None:
        name, at = attachment.mobile_node, seconds(attachment.at)
        links = self._links[name]
        self.at(at, partial(self.look_at_addresses, name))
        if attachment.to is None:
            self.at(at, partial(self._leave, links))
            return
        target = NodeId(attachment.to)
        if attachment.order is MoveOrderName.MAKE_BEFORE_BREAK:
            self.at(at, partial(self._arrive, attachment, target, at))
            overlap = seconds(attachment.overlap)
            if not links.subscriber.client:
                self.at(at + overlap / 2, partial(links.route_over, target))
            self.at(at + overlap, partial(links.detach_others, target))
            return
        started = at
        if attachment.order is MoveOrderName.PREDICTED:
            started = at - seconds(attachment.lead)
            self.at(started, partial(self._predict, attachment, target))
        self.at(at, partial(links.detach_others, target))
        self.at(at + seconds(attachment.gap), partial(self._arrive, attachment, target, started))

    def _arrive(self, attachment: AttachmentSection, target: NodeId, started: float) -> None:
        name = attachment.mobile_node
        links, previous = self._links[name], self._places[name]
        first = previous is None or attachment.order is not MoveOrderName.MAKE_BEFORE_BREAK
        attached = time.time()
        links.attach(target, route=first and not links.subscriber.client)
        self._places[name] = target
        self.released.pop(name, None)
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
        self._ask_client(
            attachment.mobile_node, "expect-handover", target=self._deployment.anchor_at(target)
        )

    def _release(self, release: ReleaseSection) -> None:
        name = release.mobile_node
        self._ask_client(name, "release", prefixes=list(release.prefixes))
        given = tuple(HomePrefix.parse(text) for text in release.prefixes)
        gone = self.released.setdefault(name, set())
        gone.update(given or self._links[name].subscriber.prefixes)
        self._say(f"{name} releases {', '.join(release.prefixes) or 'its prefixes'}")

    def _ask_client(self, name: str, question: str, **particulars: object) -> None:
        """Of the FE_MU_C that speaks for the mobile node: its own, or the anchor's."""
        subscriber = self._links[name].subscriber
        place = self._places[name]
        where = name if subscriber.client else place
        if where is not None:
            identity = subscriber.mobile_node
            try:
                self._daemons.ask(where, question, mobile_node=identity, **particulars)
            except (OSError, ControlError) as error:
                # The scenario may have killed or paused it.
                complaint = f"the daemon of {where} was not told {question}: {error}"
                self._say(complaint)
                self.complaints.append(complaint)

    # Faults

    def _plan_fault(self, fault: FaultSection) -> None:
        at = seconds(fault.at)
        breaking = self._cut(fault.link) if fault.link is not None else self._broken(fault)
        self.at(at, breaking.begin)
        self.at(at, partial(self._note_fault, breaking.where, breaking.what))
        if fault.lasts is not None and breaking.finish is not None:
            over = at + seconds(fault.lasts)
            self.at(over, breaking.finish)
            self.at(over, partial(self._note_fault, breaking.where, f"no longer {breaking.what}"))

    def _note_fault(self, where: str, what: str) -> None:
        self._say(f"{where} {what}")
        record = TraceRecord(at=time.time(), node=NodeId(where), kind=TraceKind.FAULT, text=what)
        self.faults.append(record)

    def _cut(self, ends: tuple[str, str]) -> _Breaking:
        return _Breaking(
            f"{ends[0]} – {ends[1]}",
            "cut",
            partial(cut, self._namespaces, ends),
            partial(mend, self._namespaces, ends),
        )

    def _broken(self, fault: FaultSection) -> _Breaking:
        node, machines = str(fault.node), self._machines
        match fault.kind:
            case FaultKind.RESET:
                return _Breaking(node, "loses its BGP sessions", partial(machines.reset, node))
            case FaultKind.PAUSE:
                resume = partial(machines.resume, node)
                return _Breaking(node, "paused", partial(machines.pause, node), resume)
            case _:
                start = partial(machines.start, node)
                return _Breaking(node, "killed", partial(machines.kill, node), start)
