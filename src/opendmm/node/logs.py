"""The daemon's log: an event name and its fields, as JSON lines or, on a terminal, as text.

Events go through the standard library's `logging`, logger "opendmm.node"; the fields travel
in the record's `fields`.
"""

import logging
import sys
import time
from typing import Any, TextIO

import msgspec

LOGGER = logging.getLogger("opendmm.node")


def event(name: str, /, *, level: int = logging.INFO, **fields: Any) -> None:
    """Log an event; `name` is fixed, the particulars are fields."""
    LOGGER.log(level, name, extra={"fields": fields})


def warn(name: str, /, **fields: Any) -> None:
    """Log an event that somebody should look at."""
    event(name, level=logging.WARNING, **fields)


def start_logging(node: str, stream: TextIO = sys.stderr, *, level: int = logging.INFO) -> None:
    """Send the log to `stream`: text when a person looks at it, JSON lines otherwise."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_ForPeople(node) if stream.isatty() else _ForMachines(node))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


class _ForMachines(logging.Formatter):
    def __init__(self, node: str) -> None:
        super().__init__()
        self._node = node
        self._encoder = msgspec.json.Encoder(enc_hook=str)

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": round(record.created, 6),
            "level": record.levelname.lower(),
            "node": self._node,
            "event": record.getMessage(),
        }
        for name, value in _particulars(record, self.formatException).items():
            line[f"{name}_" if name in line else name] = value
        return self._encoder.encode(line).decode()


class _ForPeople(logging.Formatter):
    def __init__(self, node: str) -> None:
        super().__init__()
        self._node = node

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        fields = _particulars(record, self.formatException)
        trace = fields.pop("traceback", "")
        said = "  ".join(f"{key}={value}" for key, value in fields.items())
        mark = "! " if record.levelno >= logging.WARNING else ""
        line = f"{clock}.{int(record.msecs):03d} {self._node}: {mark}{record.getMessage()}  {said}"
        return f"{line.rstrip()}\n{trace}".rstrip()


def _particulars(record: logging.LogRecord, traceback: Any) -> dict[str, Any]:
    fields = dict(getattr(record, "fields", {}))
    if record.exc_info:
        fields["traceback"] = traceback(record.exc_info)
    return fields
