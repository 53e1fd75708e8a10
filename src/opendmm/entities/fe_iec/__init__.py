"""FE_IEC: control of ingress and egress. Records where every mobile node is (R_XC), gives the
egresses (R_EC) and ingresses (R_IC) their policies, and shares the work with its companions
(R_II).

It distributes what home anchors have granted and numbered; it decides nothing about a
mobile node itself. So two instances may both believe they are in charge and no harm comes
of it: the later grant wins wherever the two meet.
"""

from opendmm.entities.fe_iec.config import Announcing, ControllerConfig, IngressScope
from opendmm.entities.fe_iec.entity import FeIec

__all__ = ["Announcing", "ControllerConfig", "FeIec", "IngressScope"]
