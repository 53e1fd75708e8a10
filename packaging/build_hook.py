"""Compiles the packet programs when the project is built or installed."""

import runpy
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompilePacketPrograms(BuildHookInterface):
    """Without a compiler the wheel has none; the forwarding means that needs them says so."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 (hatchling's signature)
        runpy.run_path("src/opendmm/forwarding/ebpf/build.py")["main"]()
