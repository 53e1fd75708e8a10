"""Whether live tests can run here; where they cannot, they say why."""

import pytest

from opendmm.lab.errors import LabError
from opendmm.lab.privileges import Footing, footing


def _lacking() -> str:
    try:
        standing = footing()
    except LabError as error:
        return str(error)
    if standing is not Footing.ROOT:
        return "live tests need root (or run them inside: unshare -Urnm)"
    return ""


LACKING = _lacking()
needs_namespaces = pytest.mark.skipif(bool(LACKING), reason=LACKING)
