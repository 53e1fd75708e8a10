"""Breaking and mending a link without touching addresses or routes, as a broken fibre would."""

from opendmm.lab.dropping import drop_arriving, stop_dropping
from opendmm.lab.namespaces import Namespaces

REASON = "cut"


def cut(namespaces: Namespaces, ends: tuple[str, str]) -> None:
    """From now on nothing that arrives over the link is seen, at either end."""
    for node, neighbour in (ends, ends[::-1]):
        drop_arriving(namespaces.name(node), neighbour, REASON)


def mend(namespaces: Namespaces, ends: tuple[str, str]) -> None:
    """Packets arrive again."""
    for node, neighbour in (ends, ends[::-1]):
        stop_dropping(namespaces.name(node), neighbour, REASON)
