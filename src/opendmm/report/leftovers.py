"""What must be installed for the mobile nodes' places, and what is there besides.

The truth of design §5 in rules: where the mobile node is, its anchor delivers; every ingress
redirects all packets, or the flows it is to redirect, to that anchor's egress unless it is home;
an egress apart leads to the anchor. Nothing else remains anywhere. Pure; judges the kernel's
rules as any driver reads them back.
"""

from collections.abc import Iterable, Mapping

import msgspec

from opendmm.constellation.assembly import ingress_controllers
from opendmm.constellation.bgp import announces
from opendmm.constellation.deployment import Deployment, IngressPlan, SubscriberPlan
from opendmm.constellation.file import UplinkMode
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.flow import slots_of
from opendmm.model.identity import NodeId
from opendmm.model.rules import (
    Access,
    Action,
    Announce,
    Permit,
    Redirect,
    RuleKey,
    Table,
    ToAnchor,
    Tunnel,
)
from opendmm.reference_points.r_ic import PolicyMode
from opendmm.report.trace import describe_action


class Place(msgspec.Struct, frozen=True):
    """Where a mobile node is at the end: the anchor, or the gateway, that it is attached to.

    `access` None: attached nowhere, or released. `also` are gateways with a link to it, too.
    """

    subscriber: SubscriberPlan
    access: NodeId | None
    also: tuple[NodeId, ...] = ()


def leftovers(
    deployment: Deployment,
    places: Iterable[Place],
    installed: Mapping[NodeId, Iterable[tuple[RuleKey, Action]]],
) -> tuple[str, ...]:
    """Every installed rule that the places do not need, as a sentence fragment."""
    needed = {
        (node, key): kinds for place in places for node, key, kinds in _needed(deployment, place)
    }
    places = list(places)
    judged = _judged_prefixes(places)
    found = []
    for node, rules in sorted(installed.items()):
        for key, action in sorted(rules, key=lambda rule: rule[0]):
            if judged is not None and key.prefix not in judged:
                continue
            if not isinstance(action, needed.get((node, key), ())):
                name, target = describe_action(action)
                found.append(f"{node}: {key} {name} {target}".rstrip())
    return tuple(found)


def needless_routes(
    deployment: Deployment,
    places: Iterable[Place],
    routes: Mapping[NodeId, Iterable[HomePrefix]],
) -> tuple[str, ...]:
    """What routers that are not ours have of prefixes that are at home, or nowhere."""
    away = {
        prefix
        for place in places
        if place.access is not None
        for prefix in place.subscriber.prefixes
        if deployment.anchor_of(place.subscriber, prefix, place.access)
        != place.subscriber.home_of(prefix)
    }
    return tuple(
        f"{node}: route to {prefix}"
        for node, prefixes in sorted(routes.items())
        for prefix in prefixes
        if prefix not in away
    )


def missing(
    deployment: Deployment,
    places: Iterable[Place],
    installed: Mapping[NodeId, Mapping[RuleKey, Action]],
) -> tuple[str, ...]:
    """Every rule the places need that is not there, or leads elsewhere."""
    found = []
    for place in places:
        for node, key, action in _required(deployment, place):
            held = installed.get(node, {}).get(key)
            if held != action and not (isinstance(action, Access) and isinstance(held, Access)):
                found.append(f"{node}: {key} {' '.join(describe_action(action))}".rstrip())
    return tuple(found)


def _judged_prefixes(places: Iterable[Place]) -> set[HomePrefix] | None:
    """With simultaneous anchoring only the profile's prefixes can be judged: where those
    allocated on the way belong is nowhere in the file. None: all."""
    attached = [place for place in places if place.access is not None]
    if not any(place.subscriber.simultaneous for place in attached):
        return None
    return {prefix for place in places for prefix in place.subscriber.prefixes}


_Kinds = tuple[type[Action], ...]


def _needed(deployment: Deployment, place: Place) -> Iterable[tuple[NodeId, RuleKey, _Kinds]]:
    if place.access is None:
        return
    for prefix in place.subscriber.prefixes:
        anchor = deployment.anchor_of(place.subscriber, prefix, place.access)
        home = place.subscriber.home_of(prefix)
        yield from _to_deliver(deployment, place, anchor, prefix)
        if anchor != home:
            yield from _to_redirect(deployment, place, anchor, prefix)


def _care_of(place: Place, prefix: HomePrefix) -> Locator | None:
    """By which address a mobile node's anchor reaches it where it is; None on its own link."""
    if place.access is None or place.access == place.subscriber.home_of(prefix):
        return None
    return place.subscriber.care_of.get(place.access)


def _to_deliver(
    deployment: Deployment, place: Place, anchor: NodeId, prefix: HomePrefix
) -> Iterable[tuple[NodeId, RuleKey, _Kinds]]:
    """At the anchor, and at gateways between it and the mobile node."""
    delivery: _Kinds = (Access,) if anchor == place.access else (Redirect,)
    if _care_of(place, prefix) is not None:
        delivery = (Tunnel,)
    yield anchor, RuleKey(Table.DOWNLINK, prefix), delivery
    yield anchor, RuleKey(Table.EGRESS, prefix), delivery
    for gateway in (place.access, *place.also):
        if gateway in place.subscriber.care_of:
            continue  # an access router has no rules of ours
        if gateway is not None and deployment.anchor_at(gateway) != gateway:
            yield gateway, RuleKey(Table.EGRESS, prefix), (Access,)
            yield gateway, RuleKey(Table.UPLINK, prefix), (Redirect,)
            yield gateway, RuleKey(Table.SOURCE_FILTER, prefix), (Permit,)


def _to_redirect(
    deployment: Deployment, place: Place, anchor: NodeId, prefix: HomePrefix
) -> Iterable[tuple[NodeId, RuleKey, _Kinds]]:
    """Of a mobile node away from home."""
    yield anchor, RuleKey(Table.SOURCE_FILTER, prefix), (Permit,)
    if announces(deployment):
        yield anchor, RuleKey(Table.ANNOUNCEMENT, prefix), (Announce,)
    for ingress, plan in deployment.ingresses.items():
        if ingress != anchor:
            for flow in slots_of(prefix, plan.flows_of(place.subscriber)):
                yield ingress, RuleKey(Table.DOWNLINK, prefix, flow), (Redirect,)
    egress = deployment.nodes[anchor].egress
    if egress is not None:
        for flow in deployment.flows:
            yield egress.node, RuleKey(Table.RECOGNITION, prefix, flow), (Permit,)
    if egress is not None and egress.node != anchor:
        yield egress.node, RuleKey(Table.EGRESS, prefix), (ToAnchor,)
    if deployment.uplink is UplinkMode.TUNNEL:
        yield anchor, RuleKey(Table.UPLINK, prefix), (Redirect,)


def _required(deployment: Deployment, place: Place) -> Iterable[tuple[NodeId, RuleKey, Action]]:
    if place.access is None:
        return
    access = Access(place.subscriber.name, b"")
    for prefix in place.subscriber.prefixes:
        anchor = deployment.anchor_of(place.subscriber, prefix, place.access)
        care_of = _care_of(place, prefix)
        if care_of is not None:
            tunnel = Tunnel(care_of, deployment.nodes[anchor].locator)
            yield anchor, RuleKey(Table.DOWNLINK, prefix), tunnel
        elif anchor == place.access:
            yield anchor, RuleKey(Table.DOWNLINK, prefix), access
        else:
            gateway = Egress(place.access, deployment.nodes[place.access].locator)
            yield anchor, RuleKey(Table.DOWNLINK, prefix), Redirect(gateway)
            yield place.access, RuleKey(Table.EGRESS, prefix), access
        if anchor == place.subscriber.home_of(prefix):
            continue
        egress = deployment.nodes[anchor].egress
        if egress is None:
            continue
        for node, plan in deployment.ingresses.items():
            if node != anchor and _is_told(deployment, node, plan, prefix):
                for flow in slots_of(prefix, plan.flows_of(place.subscriber)):
                    yield node, RuleKey(Table.DOWNLINK, prefix, flow), Redirect(egress)


def _is_told(
    deployment: Deployment, node: NodeId, ingress: IngressPlan, prefix: HomePrefix
) -> bool:
    """Whether an ingress must know of the prefix without asking."""
    return (
        ingress.mode is PolicyMode.PUSH
        and _concerns(ingress.groups, prefix)
        and any(
            _concerns(deployment.controllers[controller].serves, prefix)
            for controller in ingress_controllers(deployment, node)
        )
    )


def _concerns(groups: tuple[HomePrefix, ...], prefix: HomePrefix) -> bool:
    return not groups or any(group.covers(prefix) for group in groups)
