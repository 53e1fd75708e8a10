"""What the daemon tells the service manager, and what it must be told."""

import io
import json
import logging
import socket
from pathlib import Path

import pytest

from opendmm.node.logs import event, start_logging
from opendmm.node.notify import notify
from opendmm.node.settings import SettingsError, read_settings


def test_the_service_manager_hears_of_readiness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify("READY=1", "STATUS=here")
        assert manager.recv(100) == b"READY=1\nSTATUS=here"


def test_a_service_manager_that_is_gone_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify("READY=1")


def test_options_override_the_settings_file(tmp_path: Path) -> None:
    config = tmp_path / "node.yaml"
    config.write_text("constellation: c.yaml\nnode: anchor-a\nstate_dir: /s\n")

    settings = read_settings(config, {"node": "anchor-b", "trace": None})

    assert settings.node == "anchor-b"
    assert settings.store_path == Path("/s/anchor-b.db")
    assert settings.control_path == Path("/run/opendmm/anchor-b.sock")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("constellation: c.yaml\n", "node is missing"),
        ("constellation: c.yaml\nnode: a\nnoode: b\n", "noode"),
        ("constelation: c.yaml\nnode: a\n", "no setting constelation; there are: constellation, "),
        ("constellation: c.yaml\nnode: [a]\n", "Expected `str`"),
        ("- a\n", "holds no settings"),
        ("a: [\n", "is not YAML"),
    ],
)
def test_settings_that_do_not_say_enough_are_refused(tmp_path: Path, text: str, why: str) -> None:
    config = tmp_path / "node.yaml"
    config.write_text(text)
    with pytest.raises(SettingsError, match=why):
        read_settings(config, {})


def test_a_settings_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot read .*node\.yaml"):
        read_settings(tmp_path / "node.yaml", {})


@pytest.fixture
def root_logger() -> logging.Logger:
    return logging.getLogger()


def test_a_log_line_is_json_with_the_events_fields(
    root_logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(root_logger, "handlers", [])
    stream = io.StringIO()
    start_logging("here", stream)
    event("link-up", mobile_node="mn1")
    line = json.loads(stream.getvalue())
    assert (line["node"], line["event"], line["mobile_node"]) == ("here", "link-up", "mn1")
