"""The small constellations that random schedules are tried on.

Small, so that a schedule takes milliseconds; each has what another lacks: everything
condensed in the anchors, a cooperative ingress, egresses apart from their anchors, two
FE_IEC of which one stands by, two FE_IEC that share the prefixes, mobile nodes that speak for
themselves under a delegation, uplink tunnels, source filters and an ingress that asks, mobile
access gateways, access routers where mobile nodes that speak for themselves are guests, ingresses
that redirect some flows only, a mapping system of LISP, anchors that announce by iBGP to a tree
or a ring of routers, and the three modes of RFC 8885. LISP and RFC 8885 are carried in octets. All
have three anchors and two mobile nodes.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import msgspec

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import ConstellationFile
from opendmm.constellation.resolve import deployment

ANCHORS = ("anchor-a", "anchor-b", "anchor-c")
MOBILE_NODES = ("mn1", "mn2")
GATEWAYS = {"mag-a": "anchor-a", "mag-a2": "anchor-a", "mag-b": "anchor-b", "mag-c": "anchor-c"}
ROUTERS = {"ar-a": "anchor-a", "ar-a2": "anchor-a", "ar-b": "anchor-b", "ar-c": "anchor-c"}
_POOLS = {name: f"2001:db8:{index:x}::/48" for index, name in enumerate(ANCHORS, 0xA)}
_ANCHOR = ["FE_MCTX", "FE_MA_C", "FE_MA_U", "FE_MU_C", "FE_E"]
_File = dict[str, Any]


def _file(name: str, **sections: Any) -> _File:
    homes = {"mn1": ("anchor-a", "2001:db8:a:1::/64"), "mn2": ("anchor-b", "2001:db8:b:2::/64")}
    file: _File = {
        "constellation": name,
        "timers": {"lifetime": "120s", "drain": "1s", "retransmit": "200ms", "peer_timeout": "1s"},
        "mobile_nodes": {
            mobile: {"home": home, "prefixes": [prefix], "access_delay": "1ms"}
            for mobile, (home, prefix) in homes.items()
        },
    }
    return file | sections


def _anchors(entities: list[str], **more: Any) -> _File:
    return {name: {"entities": entities, "pools": [_POOLS[name]]} | more for name in ANCHORS}


def _star(centre: str, *others: str) -> list[_File]:
    """Every node one link from the centre, each with a delay of its own."""
    return [
        {"between": [centre, other], "delay": f"{index + 1}ms"}
        for index, other in enumerate(others)
    ]


def condensed() -> _File:
    """Figure 2: all entities at every anchor, each FE_IEC for the prefixes anchored there."""
    nodes: _File = {"cn": {}, "router": {"entities": ["FE_R"]}}
    for name, section in _anchors([*_ANCHOR, "FE_I", "FE_IEC"]).items():
        nodes[name] = section | {"serves": [_POOLS[name]]}
    return _file("condensed", nodes=nodes, links=_star("router", "cn", *ANCHORS))


def cooperative() -> _File:
    """Figure 3: an ingress on the routers, one FE_IEC of its own, egresses at the anchors."""
    nodes = {
        "cn": {},
        "cn2": {},
        "ingress": {"entities": ["FE_R", "FE_I"]},
        "ingress2": {"entities": ["FE_R", "FE_I"]},
        "control": {"entities": ["FE_IEC"]},
    } | _anchors(_ANCHOR)
    links = [
        *_star("ingress", "cn", "control", *ANCHORS),
        {"between": ["ingress2", "cn2"], "delay": "1ms"},
        {"between": ["ingress2", "ingress"], "delay": "2ms"},
    ]
    return _file("cooperative", nodes=nodes, links=links)


def egress_apart() -> _File:
    """An FE_E on a router beside each anchor, which delivers by host route."""
    anchor = [entity for entity in _ANCHOR if entity != "FE_E"]
    egresses = {f"egress-{name[-1]}": {"entities": ["FE_E"]} for name in ANCHORS}
    nodes: _File = {
        "cn": {},
        "ingress": {"entities": ["FE_R", "FE_I"]},
        "control": {"entities": ["FE_IEC"]},
    }
    links = _star("ingress", "cn", "control", *egresses)
    links += [
        {"between": [egress, anchor], "delay": "1ms"}
        for egress, anchor in zip(egresses, ANCHORS, strict=True)
    ]
    return _file("egress-apart", nodes=nodes | egresses | _anchors(anchor), links=links)


def standby() -> _File:
    """Two FE_IEC, the second standing by for the first."""
    file = cooperative()
    file["constellation"] = "standby"
    file["nodes"]["control2"] = {"entities": ["FE_IEC"], "standby_for": "control"}
    file["links"].append({"between": ["ingress", "control2"], "delay": "3ms"})
    return file


def shared() -> _File:
    """Two FE_IEC, each responsible for some of the prefixes (R_II between them)."""
    file = cooperative()
    file["constellation"] = "shared"
    file["nodes"]["control"]["serves"] = [_POOLS["anchor-a"]]
    file["nodes"]["control2"] = {
        "entities": ["FE_IEC"],
        "serves": [_POOLS["anchor-b"], _POOLS["anchor-c"]],
    }
    file["links"].append({"between": ["ingress", "control2"], "delay": "3ms"})
    return file


def client() -> _File:
    """FE_MU_C on the mobile nodes; the FE_IEC may grant when a home anchor is dead."""
    file = cooperative()
    file["constellation"] = "client"
    for section in file["mobile_nodes"].values():
        section["client"] = True
    file["security"] = {"attachment_proof": "mobile-node", "delegation": True}
    return file


def tunnel() -> _File:
    """Condensed, with source filters at the anchors and the uplink through the tunnel, too."""
    file = condensed()
    file["constellation"] = "tunnel"
    file["forwarding"] = {"uplink": "tunnel"}
    for name in ANCHORS:
        file["nodes"][name]["source_filter"] = True
    return file


def filtered() -> _File:
    """Cooperative, with source filters at the anchors and an ingress that asks (pull)."""
    file = cooperative()
    file["constellation"] = "filtered"
    file["policies"] = [{"ingress": "ingress2", "mode": "pull"}]
    for name in ANCHORS:
        file["nodes"][name]["source_filter"] = True
    return file


def gateways() -> _File:
    """Condensed, the mobile nodes on links of mobile access gateways: two at the first anchor."""
    file = condensed()
    file["constellation"] = "gateways"
    for name in ANCHORS:
        entities = file["nodes"][name]["entities"]
        file["nodes"][name]["entities"] = [e for e in entities if e != "FE_MU_C"]
    for gateway, anchor in GATEWAYS.items():
        section = {"entities": ["FE_R", "FE_MU_C"], "anchor": anchor, "source_filter": True}
        file["nodes"][gateway] = section
        file["links"].append({"between": [anchor, gateway], "delay": "2ms"})
    return file


def guests() -> _File:
    """Condensed, the mobile nodes guests of access routers, or at home at their anchors."""
    file = condensed()
    file["constellation"] = "guests"
    file["reference_points"] = {"R_XU": "mipv6"}
    for router, anchor in ROUTERS.items():
        file["nodes"][router] = {"entities": ["FE_R"], "anchor": anchor}
        file["links"].append({"between": ["router", router], "delay": "2ms"})
    for number, section in enumerate(file["mobile_nodes"].values()):
        address = section["prefixes"][0].replace("::/64", "::100/128")
        section |= {"client": True, "prefixes": [address], "access": [ANCHORS[number], *ROUTERS]}
    return file


def flows() -> _File:
    """Ingresses above the anchors redirect named flows only, one those of one mobile node; the
    FE_I of the anchors redirect the rest."""
    file = cooperative()
    file["constellation"] = "flows"
    for name in ANCHORS:
        file["nodes"][name]["entities"] = [*_ANCHOR, "FE_I"]
    voice = {"protocol": "udp", "destination_port": "5000-5099"}
    web = {"mobile_node": "mn1", "protocol": "tcp", "source_port": 443}
    file["policies"] = [
        {"ingress": "ingress", "flows": [voice, web]},
        {"ingress": "ingress2", "flows": [web]},
    ]
    return file


def distributed(mode: str) -> _File:
    """RFC 8885: MAARs around a database, which relays, locates or answers in their place."""
    nodes: _File = {
        "cn": {},
        "router": {"entities": ["FE_R"]},
        "database": {"entities": ["FE_IEC"]},
    }
    nodes |= _anchors([*_ANCHOR, "FE_I"])
    return _file(
        mode,
        nodes=nodes,
        links=_star("router", "cn", "database", *ANCHORS),
        reference_points=dict.fromkeys(("R_XX", "R_XC", "R_IC", "R_EC"), "rfc8885"),
        rfc8885={"mode": mode},
        security={"delegation": True, "delegation_proof": "network"},
    )


def _announcing(name: str, routers: _File, links: list[_File], reflector: str) -> _File:
    """Every anchor with all entities, at the end of a link from its router."""
    nodes: _File = {"cn": {}, "cn2": {}} | routers
    nodes |= _anchors([*_ANCHOR, "FE_I", "FE_IEC"])
    return _file(
        name,
        nodes=nodes,
        links=links,
        reference_points={"R_IC": "bgp", "R_II": "bgp"},
        bgp={"reflectors": [reflector], "time_to_spread": "500ms"},
    )


def ibgp() -> _File:
    """Figure 5: routers in a tree, the one in the middle a reflector."""
    routers = {"edge": "frr", "core": "bird", "agg-a": "frr", "agg-b": "bird", "agg-c": "frr"}
    ends = {"agg-a": "anchor-a", "agg-b": "anchor-b", "agg-c": "anchor-c", "edge": "cn"}
    links = _star("core", "edge", "agg-a", "agg-b", "agg-c")
    links += [{"between": [router, end], "delay": "1ms"} for router, end in ends.items()]
    links.append({"between": ["agg-c", "cn2"], "delay": "1ms"})
    return _announcing(
        "ibgp", {name: {"router": software} for name, software in routers.items()}, links, "core"
    )


def ibgp_ring() -> _File:
    """Routers in a ring with a shorter way across it; the reflector is on no packet's way."""
    software = ["bird", "frr", "bird", "bird", "frr", "bird"]
    routers = {f"r{number}": {"router": name} for number, name in enumerate(software)}
    names = list(routers)
    links: list[_File] = [
        {"between": [one, other], "delay": f"{number + 1}ms", "cost": 1 + number % 2}
        for number, (one, other) in enumerate(zip(names, names[1:] + names[:1], strict=True))
    ]
    links.append({"between": ["r1", "r4"], "delay": "1ms"})
    ends = {"r0": "anchor-a", "r2": "anchor-b", "r4": "anchor-c", "r1": "cn", "r5": "cn2"}
    links += [{"between": [router, end], "delay": "1ms"} for router, end in ends.items()]
    links.append({"between": ["r3", "reflector"], "delay": "2ms"})
    return _announcing(
        "ibgp-ring", routers | {"reflector": {"router": "gobgp"}}, links, "reflector"
    )


def lisp() -> _File:
    """Figure 4: cooperative, over LISP; one ingress has subscribed, the other asks."""
    file = cooperative() | {
        "constellation": "lisp",
        "reference_points": dict.fromkeys(("R_XC", "R_IC", "R_EC"), "lisp"),
        "forwarding": {"means": "lisp-gpe"},
        "policies": [{"ingress": "ingress2", "mode": "pull"}],
    }
    # What an ingress has not asked for goes by the home anchor, which redirects it.
    for name in ANCHORS:
        file["nodes"][name]["entities"] = [*_ANCHOR, "FE_I"]
    return file


BUILDERS: dict[str, Callable[[], _File]] = {
    "condensed": condensed,
    "cooperative": cooperative,
    "egress-apart": egress_apart,
    "standby": standby,
    "shared": shared,
    "client": client,
    "tunnel": tunnel,
    "filtered": filtered,
    "gateways": gateways,
    "guests": guests,
    "flows": flows,
    "lisp": lisp,
    "ibgp": ibgp,
    "ibgp-ring": ibgp_ring,
    **{mode: partial(distributed, mode) for mode in ("relay", "locator", "proxy")},
}


@cache
def small(name: str) -> Deployment:
    """One of the small constellations, resolved. Raises KeyError."""
    return deployment(msgspec.convert(BUILDERS[name](), ConstellationFile))
