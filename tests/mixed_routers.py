"""A small network of routers that are not ours: every software, a reflector, two anchors.

cn - edge - rr - agg-a - anchor-a
             \\-- agg-b - anchor-b
"""

from typing import Any

import msgspec

from opendmm.constellation.deployment import Deployment
from opendmm.constellation.file import ConstellationFile
from opendmm.constellation.resolve import deployment

ANCHOR = ["FE_R", "FE_MA_C", "FE_MA_U", "FE_MU_C", "FE_MCTX", "FE_E", "FE_I", "FE_IEC"]
POOLS = {"a": ["2001:db8:a::/48", "10.10.0.0/16"], "b": ["2001:db8:b::/48", "10.20.0.0/16"]}


def mixed(
    name: str = "mixed", *, reflector: str = "bird", edge: str = "bird", far: str = "frr"
) -> dict[str, Any]:
    """The constellation as a file has it; `far` is the software of agg-a, agg-b has bird."""
    return {
        "constellation": name,
        "nodes": {
            "cn": {},
            "edge": {"router": edge},
            "rr": {"router": reflector},
            "agg-a": {"router": far},
            "agg-b": {"router": "bird"},
            **{f"anchor-{n}": {"entities": ANCHOR, "pools": pools} for n, pools in POOLS.items()},
        },
        "links": [
            {"between": ["cn", "edge"]},
            {"between": ["edge", "rr"]},
            {"between": ["rr", "agg-a"]},
            {"between": ["rr", "agg-b"]},
            {"between": ["agg-a", "anchor-a"]},
            {"between": ["agg-b", "anchor-b"]},
        ],
        "reference_points": {"R_IC": "bgp", "R_II": "bgp"},
        "bgp": {"reflectors": ["rr"]},
        "mobile_nodes": {
            "mn1": {"home": "anchor-a", "prefixes": ["2001:db8:a::100/128", "10.10.0.100/32"]}
        },
    }


def resolved(file: dict[str, Any]) -> Deployment:
    return deployment(msgspec.convert(file, ConstellationFile))
