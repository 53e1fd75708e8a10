"""gobgpd.yaml: a reflector with GoBGP 3. Its policy stands apart from its sessions."""

from collections.abc import Iterator
from typing import Any

import yaml

from opendmm.routers.speaker import (
    CONNECT_RETRY,
    HOLD,
    KEEPALIVE,
    MOVE_NUMBER,
    Session,
    Speaker,
)

Section = dict[str, Any]
ANY, ALL = "any", "all"
MARK = "moved"


def gobgp_yaml(speaker: Speaker) -> str:
    """The whole file, for `gobgpd -t yaml -f`."""
    statements = [s for session in speaker.sessions for s in _statements(session)]
    told = f"# GoBGP on {speaker.node} of {speaker.constellation}, made by `dmm export gobgp`.\n"
    return told + yaml.safe_dump(
        {
            "global": {
                "config": {"as": speaker.as_number, "router-id": speaker.router_id},
                "apply-policy": {
                    "config": {
                        "import-policy-list": ["import"],
                        "default-import-policy": "reject-route",
                        "default-export-policy": "accept-route",
                    }
                },
            },
            "neighbors": [_neighbour(speaker, session) for session in speaker.sessions],
            "defined-sets": _sets(speaker),
            "policy-definitions": [{"name": "import", "statements": statements}],
        },
        sort_keys=False,
    )


def _neighbour(speaker: Speaker, session: Session) -> Section:
    afi = f"{session.family.name}-unicast"
    return {
        "config": {
            "neighbor-address": session.remote,
            "peer-as": speaker.as_number,
            "description": str(session.node),
            **({"auth-password": session.password} if session.password else {}),
        },
        **_ttl_security(session),
        "transport": {"config": {"local-address": session.local}},
        "timers": {
            "config": {
                "hold-time": HOLD,
                "keepalive-interval": KEEPALIVE,
                "connect-retry": CONNECT_RETRY,
                "idle-hold-time-after-reset": CONNECT_RETRY,
            }
        },
        "route-reflector": {
            "config": {
                "route-reflector-client": session.client,
                "route-reflector-cluster-id": speaker.router_id,
            }
        },
        "afi-safis": [
            {
                "config": {"afi-safi-name": afi},
                "prefix-limit": {"config": {"max-prefixes": speaker.max_prefixes}},
            }
        ],
    }


def _ttl_security(session: Session) -> Section:
    """RFC 5082."""
    if session.least_ttl is None:
        return {}
    return {"ttl-security": {"config": {"enabled": True, "ttl-min": session.least_ttl}}}


def _name(session: Session) -> str:
    return f"{session.node}-{session.family.name}"


def _sets(speaker: Speaker) -> Section:
    mark = ":".join(map(str, speaker.mark))
    number = f"{speaker.as_number}:{MOVE_NUMBER}:[0-9]+"
    return {
        "prefix-sets": [one for session in speaker.sessions for one in _prefixes(session)],
        "neighbor-sets": [
            {"neighbor-set-name": _name(session), "neighbor-info-list": [session.remote]}
            for session in speaker.sessions
        ],
        "bgp-defined-sets": {
            "large-community-sets": [
                {
                    "large-community-set-name": MARK,
                    "large-community-list": [f"^{mark}$", f"^{number}$"],
                }
            ]
        },
    }


def _prefixes(session: Session) -> Iterator[Section]:
    bits = session.family.bits
    for kind, prefixes in (("pools", session.pools), ("moved", session.moved)):
        if prefixes:
            lengths = [
                (p.length, p.length) if kind == "pools" else (p.length + 1, bits) for p in prefixes
            ]
            yield {
                "prefix-set-name": f"{kind}-{_name(session)}",
                "prefix-list": [
                    {"ip-prefix": str(prefix), "masklength-range": f"{least}..{most}"}
                    for prefix, (least, most) in zip(prefixes, lengths, strict=True)
                ],
            }


def _statements(session: Session) -> Iterator[Section]:
    """What is accepted of one neighbour: its pools, and what is longer, marked and numbered.
    Whether it is so twice, or with another number than the LOCAL_PREF, cannot be asked for."""
    marked = {"match-large-community-set": {"large-community-set": MARK, "match-set-options": ALL}}
    if session.pools:
        yield _statement(session, "pools")
    if session.moved:
        yield _statement(session, "moved", {"bgp-conditions": marked})


def _statement(session: Session, kind: str, further: Section | None = None) -> Section:
    name = f"{kind}-{_name(session)}"
    neighbour = {"neighbor-set": _name(session), "match-set-options": ANY}
    return {
        "name": name,
        "conditions": {
            "match-prefix-set": {"prefix-set": name, "match-set-options": ANY},
            "match-neighbor-set": neighbour,
            **(further or {}),
        },
        "actions": {"route-disposition": "accept-route"},
    }
