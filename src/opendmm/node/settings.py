"""What a daemon must be told: which constellation, which node of it, where its things are.

From the command line, or from a file (`/etc/opendmm/node.yaml`) with the same names.
"""

from pathlib import Path
from typing import Any

import msgspec
import yaml

DEFAULT_CONFIG = Path("/etc/opendmm/node.yaml")
DEFAULT_STATE = Path("/var/lib/opendmm")
DEFAULT_RUN = Path("/run/opendmm")
DEFAULT_MATERIAL = Path("/etc/opendmm/material")


class SettingsError(Exception):
    """The settings do not say enough, or something wrong; the message says what to give."""


class NodeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A daemon's settings. Paths are text in the file."""

    constellation: str
    """The constellation file."""
    node: str
    """The node (or, with `mobile_node`, the mobile node) of it that this daemon is."""
    mobile_node: bool = False
    """This is a mobile node running its own client (FE_MU_C)."""
    state_dir: str = str(DEFAULT_STATE)
    """Facts that survive a restart: <state_dir>/<node>.db."""
    material: str = str(DEFAULT_MATERIAL)
    """Keys, certificates and the signed registry."""
    control: str = ""
    """Control socket; default /run/opendmm/<node>.sock."""
    trace: str = ""
    """Trace file (JSON lines), appended to; none by default."""
    remove_forwarding: bool = False
    """On a clean stop take our rules away instead of leaving them in place."""

    @property
    def control_path(self) -> Path:
        return Path(self.control) if self.control else DEFAULT_RUN / f"{self.node}.sock"

    @property
    def store_path(self) -> Path:
        return Path(self.state_dir) / f"{self.node}.db"

    @property
    def counters_path(self) -> Path:
        return Path(self.state_dir) / f"{self.node}.counters"


_NAMES = NodeSettings.__struct_fields__


def read_settings(config: Path | None, given: dict[str, Any]) -> NodeSettings:
    """Settings from a file, overridden by what was `given` besides (None: not given).

    Raises SettingsError.
    """
    values = _from_file(config) if config else {}
    values.update({name: value for name, value in given.items() if value is not None})
    unknown = sorted(str(name) for name in values if name not in _NAMES)
    if unknown:
        known = ", ".join(_NAMES)
        raise SettingsError(f"{config}: there is no setting {unknown[0]}; there are: {known}")
    for needed in ("constellation", "node"):
        if needed not in values:
            raise SettingsError(
                f"{needed} is missing: give --{needed}, or --config with {needed} in it"
            )
    try:
        return msgspec.convert(values, NodeSettings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{config or 'settings'}: {error}") from error


def _from_file(config: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read {config}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{config} is not text in UTF-8") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{config} is not YAML: {error}") from error
    if not isinstance(values, dict):
        raise SettingsError(f"{config} holds no settings: write `name: value` lines")
    return values
