"""A certified FE_IEC gone bad sends policies to an ingress: it redirects nothing of its own."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from native_deployment import CONTROL, MN, ROLES, A, B, C, Recorder, filed, node

from opendmm.authority.authority import Authority
from opendmm.authority.material import Roles, load_node
from opendmm.entities.fe_i import FeI
from opendmm.entities.host import EntityHost
from opendmm.model.addressing import Egress, HomePrefix, Locator
from opendmm.model.identity import EntityAddress, FunctionalEntity, NodeId
from opendmm.model.order import MoveOrder
from opendmm.model.policy import ForwardingPolicy
from opendmm.reference_points import r_ic
from opendmm.reference_points.catalogue import Envelope, ReferencePointName
from opendmm.reference_points.message import Status

FE = FunctionalEntity
INGRESS = NodeId("ingress")
EGRESS = {name: Egress(name, Locator.parse(f"fd00:d:{i}::1")) for i, name in enumerate((A, B, C))}
PREFIX = (HomePrefix.parse("2001:db8:a:1::/64"),)
OTHER = (HomePrefix.parse("2001:db8:a:2::/64"),)

DEPLOYED = {
    **{
        name: Roles(role.entities, role.home_pools, (EGRESS[name],) if name in EGRESS else ())
        for name, role in ROLES.items()
    },
    INGRESS: Roles((FE.FE_I,)),
}


class Robber:
    """What the bad FE_IEC has: its own key, and valid grants that passed through its hands."""

    def __init__(self, folder: Path) -> None:
        self.now = time.time()
        self.home = load_node(folder, A, self.now).authority
        self.own = load_node(folder, CONTROL, self.now).authority

    def grant(self, sequence: int, anchor: NodeId, **changes: Any) -> tuple[MoveOrder, bytes]:
        """As the home anchor has signed it, but for the changes."""
        signer: Authority = changes.pop("signer", self.home)
        order = MoveOrder(sequence, sequence, anchor)
        fields: dict[str, Any] = {
            "mobile_node": MN,
            "prefixes": PREFIX,
            "anchor": anchor,
            "order": order,
            "now": self.now,
            "lifetime": 300.0,
        }
        return order, signer.issue(**(fields | changes))

    def policy(self, granted: tuple[MoveOrder, bytes], **changes: Any) -> ForwardingPolicy:
        order, grant = granted
        fields: dict[str, Any] = {
            "mobile_node": MN,
            "home_anchor": A,
            "prefixes": PREFIX,
            "order": order,
            "egress": EGRESS.get(order.anchor),
            "expires_at": self.now + 300,
            "grant": grant,
        }
        return ForwardingPolicy(**(fields | changes))


ATTEMPTS: dict[str, tuple[Callable[[Robber], ForwardingPolicy], int]] = {
    "a replayed grant of an earlier move": (
        lambda robber: robber.policy(robber.grant(1, C)),
        Status.STALE,
    ),
    "a forged grant": (
        lambda robber: robber.policy(robber.grant(9, C, signer=robber.own)),
        Status.NOT_AUTHORISED,
    ),
    "an expired grant": (
        lambda robber: robber.policy(robber.grant(9, C, now=robber.now - 400)),
        Status.NOT_AUTHORISED,
    ),
    "a grant for another prefix": (
        lambda robber: robber.policy(robber.grant(9, C, prefixes=OTHER)),
        Status.NOT_AUTHORISED,
    ),
    "no grant": (
        lambda robber: robber.policy((MoveOrder(9, 9, C), b"")),
        Status.NOT_AUTHORISED,
    ),
    "a good grant and an order that is not in it": (
        lambda robber: robber.policy(robber.grant(2, B), order=MoveOrder(9, 9, B)),
        Status.NOT_AUTHORISED,
    ),
    "a good grant and the egress of another anchor": (
        lambda robber: robber.policy(robber.grant(2, B), egress=EGRESS[C]),
        Status.NOT_AUTHORISED,
    ),
    "a good grant of a move away to take the redirection away": (
        lambda robber: robber.policy(robber.grant(2, B), egress=None),
        Status.NOT_AUTHORISED,
    ),
}


class Ingress(Recorder):
    """An FE_I behind the binding; `rules` are what it has asked for."""

    def __init__(self, authority: Authority) -> None:
        super().__init__()
        self.host = EntityHost(INGRESS, [FeI(INGRESS, (CONTROL,), authority)])
        self.rules: list[str] = []
        self.statuses: list[int] = []

    def receive(self, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            self.host.receive(envelope, time.time())
        done = self.host.drain()
        self.rules += [str(request.rule) for request in done.rules]
        for answer in done.envelopes:
            self.statuses += [result.status for result in answer.message.results]
        super().receive(envelopes)


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_the_ingress_keeps_to_the_true_policy_against(tmp_path: Path, attempt: str) -> None:
    make, status = ATTEMPTS[attempt]

    async def story() -> None:
        folder = filed(tmp_path, DEPLOYED)
        robber = Robber(folder)
        ingress = Ingress(load_node(folder, INGRESS, time.time()).authority)
        async with (
            node(folder, INGRESS, listener=ingress) as (at_ingress, _),
            node(folder, CONTROL, {INGRESS: at_ingress.port}) as (control, at_control),
        ):
            await at_control.reachable(INGRESS)
            for number, policy in enumerate((robber.policy(robber.grant(2, B)), make(robber))):
                control.send(update(number, policy))
            await ingress.until(lambda me: len(me.envelopes) == 2)
        # The true policy is answered once the kernel has it, which is not here.
        assert ingress.statuses == [status]
        assert len(ingress.rules) == 1
        assert "anchor-b" in ingress.rules[0]
        fe_i = ingress.host.entities[FE.FE_I]
        assert isinstance(fe_i, FeI)
        assert [held.egress for held in fe_i.policies.values()] == [EGRESS[B]]

    asyncio.run(story())


def update(number: int, policy: ForwardingPolicy) -> Envelope:
    return Envelope(
        ReferencePointName.R_IC,
        EntityAddress(CONTROL, FE.FE_IEC),
        EntityAddress(INGRESS, FE.FE_I),
        r_ic.PolicyUpdate(transaction=number, policies=(policy,)),
    )
