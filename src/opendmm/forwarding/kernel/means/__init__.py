"""The forwarding means of an ingress: one small strategy each, one name in the file each."""

from opendmm.forwarding.kernel.means.ebpf import EbpfMeans, LispMeans
from opendmm.forwarding.kernel.means.host_route import HostRouteMeans
from opendmm.forwarding.kernel.means.lisp_gpe import LispGpeMeans
from opendmm.forwarding.kernel.means.means import Means
from opendmm.forwarding.kernel.means.seg6 import IpInIpv6Means, Srv6Means
from opendmm.forwarding.kernel.means.translation import TranslationMeans
from opendmm.forwarding.kernel.means.vxlan import VxlanMeans

MEANS: dict[str, type[Means]] = {
    means.name: means
    for means in (
        Srv6Means,
        IpInIpv6Means,
        VxlanMeans,
        EbpfMeans,
        LispMeans,
        LispGpeMeans,
        HostRouteMeans,
        TranslationMeans,
    )
}
"""Every means of this driver by its name in a constellation file."""

__all__ = [
    "MEANS",
    "EbpfMeans",
    "HostRouteMeans",
    "IpInIpv6Means",
    "LispGpeMeans",
    "LispMeans",
    "Means",
    "Srv6Means",
    "TranslationMeans",
    "VxlanMeans",
]
