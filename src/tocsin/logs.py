"""Structured logs: one JSON object a line, without queries, credentials or texts."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

# What a URL, a header or an error text may carry by accident.
_SECRETS = re.compile(
    r"tsn_[a-z0-9]+_[A-Za-z0-9]+|eyJ[\w-]+\.[\w-]+\.[\w-]*|(?i:(?<=token=)|(?<=ticket=)|(?<=bearer ))[^\s&\"']+"
)


class Lines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update({name: value for name, value in vars(record).items() if name not in _STANDARD})
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        # json escapes line breaks and control characters: a text cannot forge a line or drive a terminal.
        return _SECRETS.sub("[hidden]", json.dumps(entry, default=str))


def _is_of_somebody(record: logging.LogRecord) -> bool:
    # uvloop tells a protocol to write no more whose TLS connection was reset meanwhile, and logs that there is none.
    message = record.getMessage()
    return not (message.startswith("protocol.") and message.endswith("transport: None"))


def configure(level: str) -> None:
    """Send all logs to standard error, as lines.

    Parameters:
        level: least severity: debug, info, warning or error.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("tocsin").setLevel(level.upper())
    # uvicorn logs the path with its query on every WebSocket, and a line for each hostile byte.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    logging.getLogger("asyncio").addFilter(_is_of_somebody)
    # The store says itself that the database is out of reach, once and without a traceback.
    logging.getLogger("asyncpg").setLevel(logging.ERROR)
