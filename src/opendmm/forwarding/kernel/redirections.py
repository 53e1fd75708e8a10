"""Redirections as elements of the packet programs' map, and everything else as routes.

A batch of changes reaches the map before and after the kernel's routes: what takes packets over
is in place before what had them is taken away.
"""

from collections.abc import Iterator

from opendmm.forwarding.ebpf.tunnels import Redirection
from opendmm.forwarding.kernel.batch import Batch
from opendmm.forwarding.kernel.forms import Use
from opendmm.forwarding.kernel.means.ebpf import EbpfMeans
from opendmm.forwarding.kernel.slots import SlotWriter
from opendmm.forwarding.kernel.vocabulary import UNKNOWN
from opendmm.forwarding.netlink.socket import NetlinkSocket
from opendmm.model.addressing import HomePrefix
from opendmm.model.rules import Action, Redirect, RuleKey, Table


class MapBatch(Batch):
    """Messages to the kernel, and what changes in the map of redirections around them."""

    def __init__(self, means: EbpfMeans) -> None:
        super().__init__()
        if means.programs is None:
            raise RuntimeError("a driver that is not started")
        self._programs = means.programs
        self._redirected: dict[int, Redirection] = {}
        self._forgotten: list[HomePrefix] = []

    def redirect(self, owner: int, redirection: Redirection) -> None:
        self._redirected[owner] = redirection

    def forget(self, prefix: HomePrefix) -> None:
        self._forgotten.append(prefix)

    def send(self, socket: NetlinkSocket) -> Iterator[tuple[int, str]]:
        """When the map refuses, nothing of the batch is done: nobody is to lose its route."""
        try:
            self._programs.redirect(list(self._redirected.values()))
        except OSError as problem:
            yield from ((owner, str(problem)) for owner in {*self._redirected, *self._owners})
            return
        yield from super().send(socket)
        self._programs.forget(self._forgotten)


class MapSlotWriter(SlotWriter):
    """Of what the ingress redirects, all packets to prefixes that the map is asked for."""

    _means: EbpfMeans
    _batch: MapBatch

    def begin(self) -> Batch:
        super().begin()
        self._batch = MapBatch(self._means)
        return self._batch

    def uses(self, key: RuleKey, action: Action) -> tuple[Use, ...]:
        if isinstance(action, Redirect) and self._is_mapped(key):
            return ()
        return super().uses(key, action)

    def put(self, owner: int, key: RuleKey, action: Action) -> None:
        if not self._is_mapped(key):
            super().put(owner, key, action)
        elif isinstance(action, Redirect):
            self._refuse_own(action.egress)
            self._vocabulary.learn(action.egress)
            locator = action.egress.locator.address
            self._batch.redirect(owner, Redirection(key.prefix, locator))
            if self.filled(key) is not None and not self._is_in_map(key):
                super().clear(owner, key)
        else:
            super().put(owner, key, action)
            self._batch.forget(key.prefix)

    def clear(self, owner: int, key: RuleKey) -> None:
        if not self._is_in_map(key):
            super().clear(owner, key)
        if self._is_mapped(key):
            self._batch.forget(key.prefix)

    def _is_in_map(self, key: RuleKey) -> bool:
        """Not in a route; that of other means, in an earlier life, leads to who is unknown here."""
        action = self.filled(key)
        return self._is_mapped(key) and isinstance(action, Redirect) and action != UNKNOWN

    def _is_mapped(self, key: RuleKey) -> bool:
        return (
            key.table is Table.DOWNLINK
            and key.flow is None
            and any(whole.covers(key.prefix) for whole in self._means.config.redirected)
        )
