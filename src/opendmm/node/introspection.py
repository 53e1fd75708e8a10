"""The questions a daemon answers on its control socket."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from opendmm import __version__
from opendmm.entities.effects import HandoverExpected, SessionsEnded
from opendmm.model.addressing import HomePrefix
from opendmm.model.identity import FunctionalEntity, MobileNodeId, NodeId
from opendmm.model.rules import RuleKey, Table
from opendmm.node.control import ControlError, Handler, Request
from opendmm.node.role import Role
from opendmm.node.runtime import NodeRuntime, rows
from opendmm.report.trace import describe_action

TABLES = frozenset({"bindings", "contexts", "policies", "deliveries", "announcements"})


class Introspection:
    """Answers from one runtime. `peers` tells of the binding's sessions."""

    def __init__(
        self, role: Role, runtime: NodeRuntime, peers: Callable[[], list[dict[str, object]]]
    ) -> None:
        self.role = role
        self._runtime = runtime
        self._peers = peers
        self._started = time.monotonic()
        self.ready = False
        """Whether the daemon has got through its start."""

    def handlers(self) -> Mapping[str, Handler]:
        """By the name of the question."""
        return {
            "health": self._health,
            "show": self._show,
            "stats": self._stats,
            "audit": self._audit,
            "repair": self._repair,
            "trace": self._trace,
            "expect-handover": self._expect_handover,
            "release": self._release,
        }

    def _health(self, _request: Request) -> object:
        return {
            "node": self.role.name,
            "ready": self.ready,
            "version": __version__,
            "entities": [str(entity) for entity in self.role.entities],
            "up_seconds": round(time.monotonic() - self._started, 3),
            "missing_peers": sorted(self.role.peers - self._runtime.reachable),
        }

    def _show(self, request: Request) -> object:
        table = _text(request, "table")
        if table == "peers":
            return self._peers()
        if table == "routes":
            return [self._routes()]
        if table not in TABLES:
            there = ", ".join(sorted({*TABLES, "peers", "routes"}))
            raise ControlError(f"no table {table!r}; there are {there}")
        return rows(self._runtime.host, table)

    def _routes(self) -> dict[str, object]:
        """What mobility costs this node's kernel."""
        rules = self._runtime.plane.plan.rules()
        announced = sum(key.table is Table.ANNOUNCEMENT for key in rules)
        return {"by": "opendmm", "installed": len(rules) - announced, "announced": announced}

    def _stats(self, _request: Request) -> object:
        plane = self._runtime.plane
        return {
            "records": dict(self._runtime.recorder.counts),
            "rules": len(plane.plan.rules()),
            "forwarding": msgspec.to_builtins(plane.driver.capabilities),
            "counters": [
                {"slot": str(c.key), "packets": c.packets, "octets": c.octets}
                for c in plane.driver.counters()
            ],
        }

    def _audit(self, _request: Request) -> object:
        plane = self._runtime.plane
        installed = {rule.key: rule.action for rule in plane.driver.installed()}
        differing = [change.key for change in plane.plan.differences(installed)]
        return {
            "slots": len(plane.plan.rules()),
            "differences": [
                {
                    "slot": str(key),
                    "believed": _described(self._believed(key)),
                    "order": str(rule.order) if (rule := plane.plan.effective(key)) else "",
                    "kernel": _described(installed.get(key)),
                }
                for key in sorted(differing)
            ],
        }

    def _believed(self, key: RuleKey) -> Any:
        rule = self._runtime.plane.plan.effective(key)
        return rule.action if rule else None

    def _repair(self, _request: Request) -> object:
        return len(self._runtime.adopt())

    def _trace(self, request: Request) -> object:
        self._runtime.recorder.write_pending()
        since = request.get("since", 0.0)
        if not isinstance(since, int | float):
            raise ControlError('"since" is a time in seconds since 1970')
        return [record for record in self._runtime.recorder.recent if record.at >= since]

    def _expect_handover(self, request: Request) -> object:
        mobile_node = MobileNodeId(_text(request, "mobile_node"))
        target = NodeId(_text(request, "target"))
        return self._to_client(HandoverExpected(mobile_node, target))

    def _release(self, request: Request) -> object:
        mobile_node = MobileNodeId(_text(request, "mobile_node"))
        given = request.get("prefixes", [])
        try:
            prefixes = tuple(HomePrefix.parse(text) for text in given)
        except (ValueError, AttributeError, TypeError) as error:
            raise ControlError(f'"prefixes" is a list of prefixes: {error}') from error
        return self._to_client(SessionsEnded(mobile_node, prefixes))

    def _to_client(self, happening: HandoverExpected | SessionsEnded) -> object:
        if FunctionalEntity.FE_MU_C not in self._runtime.host.entities:
            raise ControlError(f"no FE_MU_C on {self.role.name}: ask where the client is")
        self._runtime.local(FunctionalEntity.FE_MU_C, happening)
        return "told"


def _text(request: Request, name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise ControlError(f'"{name}" is missing')
    return value


def _described(action: Any) -> str:
    name, target = describe_action(action)
    return f"{name} {target}".rstrip()
