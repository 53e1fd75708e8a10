"""Routes to what has moved in kernels where no daemon of ours runs."""

import socket
from pathlib import Path
from typing import Any

from opendmm.cli.errors import BadInputError
from opendmm.constellation.reading import ConstellationError, load_deployment
from opendmm.forwarding.kernel.followed import followed
from opendmm.lab import by_hand

Rows = list[dict[str, Any]]


def routes_of_routers(constellation: Path | None) -> dict[str, Rows]:
    """By node: the routers of laboratories here, and this machine if a constellation is given,
    of whose pools it may have parts. Raises BadInputError."""
    found: dict[str, Rows] = {
        one.node: [{"by": one.by, "followed": one.followed}] for one in by_hand.router_routes()
    }
    if constellation is None:
        return found
    try:
        pools = load_deployment(constellation).pools
    except ConstellationError as error:
        raise BadInputError(str(error)) from error
    found[socket.gethostname()] = [{"by": "this machine", "followed": len(followed(pools))}]
    return found
