"""FE_MU_C: the mobile user client; tells the FE_MCTX where the mobile node is (R_XU).

In host mobility it runs on the mobile node, signs what it says and switches the mobile node's
default route once the anchor delivers. In network mobility it sits beside the anchor, or on a
mobile access gateway, and speaks for mobile nodes that know nothing of all this, from link and
neighbour events.
"""

from opendmm.entities.fe_mu_c.client import Link
from opendmm.entities.fe_mu_c.host import HostClient
from opendmm.entities.fe_mu_c.network import NetworkClient
from opendmm.entities.fe_mu_c.several_homes import SeveralHomesClient

__all__ = ["HostClient", "Link", "NetworkClient", "SeveralHomesClient"]
