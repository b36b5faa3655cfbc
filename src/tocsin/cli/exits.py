"""Exit statuses: what a script can tell apart."""

from __future__ import annotations

OK = 0
FAILED = 1
USAGE = 2
UNREACHABLE = 3
UNAUTHENTICATED = 4
FORBIDDEN = 5
NOT_FOUND = 6
LATER = 7
INTERRUPTED = 130
TERMINATED = 143

MEANINGS = {
    OK: "done",
    FAILED: "the server refused or failed, or doctor found a problem",
    USAGE: "wrong usage or settings, or serve cannot start",
    UNREACHABLE: "nobody answers at the URL",
    UNAUTHENTICATED: "no token, or one that does not hold",
    FORBIDDEN: "the token does not reach this far",
    NOT_FOUND: "there is no such thing",
    LATER: "too many requests, or the server cannot take it now: try again later",
    INTERRUPTED: "ended by Ctrl-C",
    TERMINATED: "ended by SIGTERM",
}
"""Each status and what it means, as `--help` and the documentation say it."""


def of_answer(status: int) -> int:
    """The exit status for an HTTP status that is a refusal."""
    # 502 and 504 are a proxy's, whose server is away.
    if status in (429, 502, 503, 504):
        return LATER
    return {401: UNAUTHENTICATED, 403: FORBIDDEN, 404: NOT_FOUND}.get(status, FAILED)
