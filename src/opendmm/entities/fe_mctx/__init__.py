"""FE_MCTX: transfer of mobility context between anchors (draft §3), one per anchor.

At a new anchor it obtains the context and the grant and has them imported (`arrival`), then
sees to it that the whole network follows (`settling`). At a previous one it exports, forwards
what still arrives and lets go (`departure`). At the home anchor of a prefix it also numbers
and grants every move (`register`, `granting`): that one place decides every race.
"""

from opendmm.entities.fe_mctx.config import MctxConfig, Profile
from opendmm.entities.fe_mctx.entity import FeMctx

__all__ = ["FeMctx", "MctxConfig", "Profile"]
