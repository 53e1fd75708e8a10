"""Packets dropped where they arrive: lossy links and cut ones, addresses and routes untouched."""

from opendmm.lab.namespaces import execute


def drop_arriving(namespace: str, interface: str, reason: str, condition: str = "") -> None:
    """From now on drop what arrives over an interface and meets the nftables `condition`.

    `reason` names the table that does it; one interface can have several. Raises LabError.
    """
    execute(
        namespace,
        "nft",
        f"table inet {_table(interface, reason)} {{ chain arriving {{ "
        f"type filter hook prerouting priority raw; "
        f'iifname "{interface}" {condition} counter drop; }}; }}',
    )


def stop_dropping(namespace: str, interface: str, reason: str) -> None:
    """Let them arrive again. Raises LabError."""
    execute(namespace, "nft", f"delete table inet {_table(interface, reason)}")


def _table(interface: str, reason: str) -> str:
    return f"lab_{reason}_{interface.replace('-', '_')}"
