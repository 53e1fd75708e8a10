"""Redirection by rewriting the destination address: no overhead, home addresses only.

At the ingress a map turns the home address into an address out of the egress's block that
stands for it; at the egress another map turns it back, and a mark sends the packet to the
egress table. Both ends compute the address from the egress and the home address, so nothing
is exchanged. Stateless: the kernel mends the checksums, and no connection is tracked.

A home network has more addresses than a block can stand for beside others, and IPv4 has no
blocks: both are refused.
"""

from opendmm.forwarding.kernel.batch import Batch
from opendmm.forwarding.kernel.conventions import (
    NFT_TABLE,
    ONWARD_MAP,
    RESTORE_MAP,
    TRANSLATE_MAP,
)
from opendmm.forwarding.kernel.endpoints import translated
from opendmm.forwarding.kernel.errors import RefusedError
from opendmm.forwarding.kernel.forms import TranslationUse, Use
from opendmm.forwarding.kernel.slots import SlotWriter
from opendmm.forwarding.netlink.nftables_elements import (
    Mapping,
    add_mapping,
    destroy_element,
    transaction,
)
from opendmm.model.addressing import Egress, HomePrefix
from opendmm.model.rules import Action, Redirect, RuleKey, Table


class TranslatingSlotWriter(SlotWriter):
    """Redirections are elements of maps; everything else is routes, as ever."""

    def uses(self, key: RuleKey, action: Action) -> tuple[Use, ...]:
        match key.table, action:
            case Table.DOWNLINK, Redirect():
                return (TranslationUse(TRANSLATE_MAP, key.prefix.network),)
            case Table.EGRESS, Redirect():
                return (TranslationUse(ONWARD_MAP, self._own(key.prefix)),)
            case Table.EGRESS, _ if _is_translatable(key.prefix):
                restored = TranslationUse(RESTORE_MAP, self._own(key.prefix))
                return (*super().uses(key, action), restored)
        return super().uses(key, action)

    def put(self, owner: int, key: RuleKey, action: Action) -> None:
        """What takes a packet over is in place before what had it is taken away."""
        match key.table, action:
            case _ if key.flow is not None:
                super().put(owner, key, action)
            case ((Table.DOWNLINK | Table.EGRESS), Redirect(egress)):
                self._refuse_untranslatable(key.prefix, egress)
                self._put_redirection(key, egress)
                self.clear(owner, key)
            case Table.EGRESS, _ if _is_translatable(key.prefix):
                self._put_at_once(key, action)
                own, home = self._own(key.prefix), key.prefix
                self._change(
                    destroy_element(NFT_TABLE, ONWARD_MAP, own),
                    destroy_element(NFT_TABLE, RESTORE_MAP, own),
                    add_mapping(NFT_TABLE, RESTORE_MAP, Mapping(own, home.network, str(home))),
                )
            case _:
                super().put(owner, key, action)

    def _put_redirection(self, key: RuleKey, egress: Egress) -> None:
        home = key.prefix
        there = translated(egress.locator, home.network)
        if key.table is Table.DOWNLINK:
            self._change(
                destroy_element(NFT_TABLE, TRANSLATE_MAP, home.network),
                add_mapping(NFT_TABLE, TRANSLATE_MAP, Mapping(home.network, there, str(egress))),
            )
            return
        own = self._own(home)
        self._change(
            destroy_element(NFT_TABLE, RESTORE_MAP, own),
            destroy_element(NFT_TABLE, ONWARD_MAP, own),
            add_mapping(NFT_TABLE, ONWARD_MAP, Mapping(own, there, str(home))),
        )

    def _put_at_once(self, key: RuleKey, action: Action) -> None:
        """The route must be there before the map sends packets to it."""
        waiting, self._batch = self._batch, Batch()
        self._ready.clear()  # a next hop that waits is not there yet
        try:
            super().put(0, key, action)
            for _, text in self._batch.send(self._means.socket):
                raise RefusedError(f"{key}: {text}")
        finally:
            self._batch = waiting

    def _own(self, prefix: HomePrefix) -> bytes:
        return translated(self._means.config.locator, prefix.network)

    def _change(self, *changes: bytes) -> None:
        refusal = self._netfilter.transact(transaction(*changes))
        if refusal is not None:
            raise RefusedError(f"address translation: {refusal.text}")

    def _refuse_untranslatable(self, prefix: HomePrefix, egress: Egress) -> None:
        self._refuse_own(egress)
        if not _is_translatable(prefix):
            raise RefusedError(
                f"the means translation redirects IPv6 home addresses only, not {prefix}; "
                "use a tunnel"
            )


def _is_translatable(prefix: HomePrefix) -> bool:
    return prefix.is_ipv6 and prefix.is_host
