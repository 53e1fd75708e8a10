"""The meaning of `router` and `bgp`: who is a router, who reflects, what they must not host."""

from collections.abc import Iterator

from opendmm.constellation.file import BgpSection, BindingName, ConstellationFile, RouterSoftware
from opendmm.constellation.mistakes import Mistake, known
from opendmm.constellation.source import Where
from opendmm.model.identity import FunctionalEntity


def bgp_mistakes(file: ConstellationFile) -> Iterator[Mistake]:
    """Routers with entities of ours, reflectors that are none, sessions of nobody."""
    routers = [name for name, section in file.nodes.items() if section.router is not None]
    if not routers and file.bgp != BgpSection():
        hint = "give `router: frr`, `bird` or `gobgp` to the nodes that are routers"
        yield ("bgp",), "no node speaks BGP: none has a `router`", hint
    for name in routers:
        yield from _router(file, name)
    yield from _reflectors(file, routers)
    if file.policies and file.reference_points.R_IC is BindingName.BGP:
        hint = "take policies away; pull, groups and flows need another binding for R_IC"
        yield ("policies",), "routers take every announcement whole: policies reach nobody", hint


def _router(file: ConstellationFile, name: str) -> Iterator[Mistake]:
    section = file.nodes[name]
    ours = [entity for entity in section.entities if entity is not FunctionalEntity.FE_R]
    if ours:
        what = f"`{name}` is a router that is not ours, and has {', '.join(ours)}"
        yield ("nodes", name, "entities"), what, "FE_R is all it can have; or take `router` away"
    if section.router is RouterSoftware.GOBGP and name not in file.bgp.reflectors:
        hint = f"name `{name}` in `bgp.reflectors`, or give it `router: bird` or `frr`"
        where: Where = ("nodes", name, "router")
        yield where, "GoBGP sets no routes in the kernel: it can only reflect", hint


def _reflectors(file: ConstellationFile, routers: list[str]) -> Iterator[Mistake]:
    for index, name in enumerate(file.bgp.reflectors):
        where: Where = ("bgp", "reflectors", index)
        yield from known(name, routers, "router (node with `router`)", where)
        if name in file.bgp.reflectors[:index]:
            yield where, f"`{name}` is named twice", "once is enough"
