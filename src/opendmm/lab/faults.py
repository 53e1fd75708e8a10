"""Breaking and mending a link without touching addresses or routes, as a broken fibre would."""

from opendmm.lab.namespaces import Namespaces, execute

TABLE = "dmm_lab_cut"


def cut(namespaces: Namespaces, ends: tuple[str, str]) -> None:
    """From now on nothing that arrives over the link is seen, at either end."""
    for node, neighbour in (ends, ends[::-1]):
        table = f"{TABLE}_{neighbour.replace('-', '_')}"
        rules = (
            f"table inet {table} {{ chain arriving {{ "
            f"type filter hook prerouting priority raw; iifname {neighbour} drop; }} }}"
        )
        execute(namespaces.name(node), "nft", rules)


def mend(namespaces: Namespaces, ends: tuple[str, str]) -> None:
    """Packets arrive again."""
    for node, neighbour in (ends, ends[::-1]):
        table = f"{TABLE}_{neighbour.replace('-', '_')}"
        execute(namespaces.name(node), "nft", f"delete table inet {table}")
