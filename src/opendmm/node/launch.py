"""From settings to a running daemon: constellation, material, role, store, binding."""

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from opendmm.authority.material import MaterialError, TlsFiles, load_mobile_node, load_node
from opendmm.authority.registry import Registry
from opendmm.bindings.lisp.transport import LispTransport
from opendmm.bindings.native.limits import Endpoint
from opendmm.bindings.native.transport import EVERYWHERE, NativeTransport
from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import BindingName
from opendmm.constellation.reading import ConstellationError, load_deployment
from opendmm.forwarding.kernel.probe import forwarding_problems
from opendmm.model.identity import NodeId
from opendmm.node.daemon import Daemon, Doors, Renewal, Transport
from opendmm.node.logs import warn
from opendmm.node.mobility import carriers, configurations
from opendmm.node.role import (
    Role,
    UnknownNodeError,
    correspondent,
    mobile_node,
    network_element,
    subscriber,
)
from opendmm.node.runtime import NodeRuntime
from opendmm.node.settings import NodeSettings
from opendmm.node.switchboard import Reachability, Switchboard
from opendmm.store.embedded import EmbeddedStore

READY_LINE = "ready"
"""Written to standard output, for who starts a daemon without a service manager."""


class Part(msgspec.Struct, frozen=True):
    """A role with what its binding needs."""

    role: Role
    deployment: Deployment
    registry: Registry
    tls: TlsFiles
    shared_keys: dict[NodeId, bytes] = {}


def read_part(settings: NodeSettings) -> Part:
    """What the settings say this daemon is, as the files have it now.

    Raises ConstellationError, MaterialError and UnknownNodeError.
    """
    deployment = load_deployment(Path(settings.constellation))
    folder, now = Path(settings.material), time.time()
    if settings.mobile_node:
        profile = subscriber(deployment, settings.node)
        mine = load_mobile_node(folder, profile.mobile_node, now)
        role = mobile_node(deployment, profile, mine.credential)
        return Part(role, deployment, mine.registry, mine.tls, mine.shared_keys)
    theirs = load_node(folder, NodeId(settings.node), now)
    node = NodeId(settings.node)
    if node in deployment.correspondents:
        role = correspondent(deployment, node)
    else:
        role = network_element(deployment, node, theirs.authority)
    return Part(role, deployment, theirs.authority.registry, theirs.tls, theirs.shared_keys)


async def run_daemon(settings: NodeSettings) -> None:
    """Run until told to stop. Raises what `read_part` and `Daemon.run` raise, and StoreError."""
    part = read_part(settings)
    if not settings.mobile_node:
        for problem in forwarding_problems():
            warn("forwarding-problem", why=problem)
    doors = Doors(
        settings.control_path,
        Path(settings.trace) if settings.trace else None,
        settings.remove_forwarding,
    )
    store = EmbeddedStore(settings.store_path)
    binding = Binding(settings, part)
    daemon = Daemon(part.role, store, doors, binding.connect, binding.reread)
    await daemon.run(lambda: print(READY_LINE, flush=True))


class Binding:
    """The daemon's binding, made once and told of changes at a reload."""

    def __init__(self, settings: NodeSettings, part: Part) -> None:
        self._settings = settings
        self._part = part
        self._certificate = part.tls.certificate.read_bytes()
        self._transport: NativeTransport | None = None

    def connect(self, runtime: NodeRuntime) -> Transport:
        part = self._part
        held: dict[NodeId, set[BindingName]] = {}
        self._transport = NativeTransport(
            part.tls,
            part.registry,
            Reachability(BindingName.NATIVE, runtime, held),
            addresses=_addresses(part.deployment),
            peers=part.role.peers,
            listen=None if part.role.mobile else Endpoint(EVERYWHERE),
        )
        mobility = carriers(
            part.deployment,
            part.role.name,
            part.shared_keys,
            lambda name: Reachability(name, runtime, held),
            runtime.now,
            self._settings.counters_path,
        )
        if not mobility:
            return self._transport
        switchboard = Switchboard(
            self._transport,
            mobility,
            part.deployment.bindings,
            frozenset(part.deployment.subscribers),
        )
        lisp = mobility.get(BindingName.LISP)
        if isinstance(lisp, LispTransport):
            runtime.delivered, runtime.packet = lisp.delivered, lisp.packet
            lisp.redirect = runtime.redirect
        return switchboard

    def reread(self) -> Renewal | None:
        """The files as they are now; what a living daemon cannot take over is said."""
        try:
            part = read_part(self._settings)
        except (ConstellationError, MaterialError, UnknownNodeError) as error:
            warn("reload-refused", why=str(error))
            return None
        if part.tls.certificate.read_bytes() != self._certificate:
            warn("reload-needs-restart", why="the certificate is another one")
        for protocol, fields in self._differences(part):
            warn("reload-needs-restart", why=f"{protocol} goes on with its {', '.join(fields)}")
        return Renewal(part.role, lambda: self._apply(part))

    def _differences(self, part: Part) -> Iterator[tuple[BindingName, list[str]]]:
        """What protocols over the Mobility Header were told at the start, and is otherwise now."""
        before = self._configurations(self._part)
        for protocol, now in self._configurations(part).items():
            then = before.get(protocol)
            fields = [
                name
                for name in getattr(now, "__struct_fields__", ())
                if getattr(then, name, None) != getattr(now, name)
            ]
            if fields:
                yield protocol, fields

    def _configurations(self, part: Part) -> dict[BindingName, object]:
        return configurations(part.deployment, part.role.name, part.shared_keys)

    def _apply(self, part: Part) -> None:
        if self._transport is not None:
            self._transport.set_deployment(part.registry, _addresses(part.deployment))


def _addresses(deployment: Deployment) -> dict[NodeId, Endpoint]:
    return {name: Endpoint(str(plan.locator)) for name, plan in deployment.nodes.items()}
