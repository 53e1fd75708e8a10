"""LISP with the Generic Protocol Extension (RFC 9305): IP packets in UDP 4341, by the kernel.

With the P bit its header is that of VXLAN-GPE to the octet: flags, next protocol, and the Instance
ID where VXLAN has the network identifier. So the kernel's VXLAN device carries it, on LISP's port.
"""

from opendmm.forwarding.kernel.conventions import LISP_DEVICE, LISP_PORT
from opendmm.forwarding.kernel.means.vxlan import VxlanMeans


class LispGpeMeans(VxlanMeans):
    """LISP-GPE over IPv6, locator to locator."""

    name = "lisp-gpe"
    device = LISP_DEVICE
    port = LISP_PORT
    arrived = f'iifname "{LISP_DEVICE}"'
