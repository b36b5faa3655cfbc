"""The line that the log has of a request or a handshake that was answered."""

from __future__ import annotations

import logging
from time import perf_counter

from tocsin.request import Request

log = logging.getLogger("tocsin.http")

_ORIGIN_LENGTH = 200
"""Characters that are kept of an origin, which anybody may have written."""


def note(request: Request, status: int, started: float) -> None:
    """Write the line: paths and addresses, never the query, a credential or a text.

    Parameters:
        status: what was answered.
        started: when it came, by `time.perf_counter`.
    """
    extra = {
        "request": request.id,
        "method": request.scope.get("method", "GET"),
        "path": request.scope["path"],
        "status": status,
        "address": request.address,
        "ms": round((perf_counter() - started) * 1000, 1),
    }
    if status == 403 and request.origin is not None and not request.page_may_act():
        extra["origin"] = request.origin[:_ORIGIN_LENGTH]
    log.info("request", extra=extra)
