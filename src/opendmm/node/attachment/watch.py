"""Detection at work: kernel events and solicitations in the loop, attachments out.

After a restart the links are told as they are now. What is up is reported again (the FE_MU_C
knows that it has seen it before); with `absent_too`, what is not up is reported as well, for
it may have gone while nobody watched.
"""

import contextlib
import time
from collections.abc import Callable
from typing import Protocol

from opendmm.node.attachment.access import AccessDetection, LinkEvent
from opendmm.node.attachment.kernel_events import KernelEvent, KernelEvents
from opendmm.node.attachment.solicitations import Solicitations
from opendmm.node.logs import warn


class Detection(Protocol):
    """Whose attachment or detachment an event is."""

    def kernel_event(self, event: KernelEvent, now: float, /) -> list[LinkEvent]: ...

    def absent(self) -> list[LinkEvent]: ...


class Watch:
    """Watches the links of the namespace it is made in; `emit` gets what `detection` finds."""

    def __init__(
        self, detection: Detection, emit: Callable[[LinkEvent], None], *, absent_too: bool
    ) -> None:
        self._detection = detection
        self._emit = emit
        self._absent_too = absent_too
        self._events = KernelEvents(self._kernel_event, self._complete)
        self._solicitations: Solicitations | None = None
        if isinstance(detection, AccessDetection):
            with contextlib.suppress(PermissionError):
                self._solicitations = Solicitations(self._solicitation)
            if self._solicitations is None:
                warn("no-router-solicitations", why="CAP_NET_RAW is missing")

    def close(self) -> None:
        self._events.close()
        if self._solicitations is not None:
            self._solicitations.close()

    def _kernel_event(self, event: KernelEvent) -> None:
        for found in self._detection.kernel_event(event, time.monotonic()):
            self._emit(found)

    def _solicitation(self, index: int, link_layer_id: bytes) -> None:
        if isinstance(self._detection, AccessDetection):
            for found in self._detection.solicitation(index, link_layer_id, time.monotonic()):
                self._emit(found)

    def _complete(self) -> None:
        if isinstance(self._detection, AccessDetection):
            self._detection.complete = True
        if self._absent_too:
            self._absent_too = False
            for found in self._detection.absent():
                self._emit(found)
