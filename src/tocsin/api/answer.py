"""Answers: what a handler gives back, and what a refusal becomes."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from tocsin import wire
from tocsin.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    Refusal,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UnsupportedContent,
    Withheld,
)

Headers = list[tuple[bytes, bytes]]

STATUS: dict[type[Refusal], int] = {
    Malformed: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    UnsupportedContent: 415,
    Invalid: 422,
    Withheld: 424,
    TooMany: 429,
    Unavailable: 503,
}
"""The one table that translates refusals; a subclass has its parent's status."""

JSON = b"application/json"
PROBLEM = b"application/problem+json"


class Answer(msgspec.Struct, frozen=True):
    """What goes back.

    Attributes:
        body: ready bytes.
        kind: content type; empty where there is no body.
        headers: besides content type and length.
    """

    status: int
    body: bytes = b""
    kind: bytes = JSON
    headers: Headers = []


def ok(value: msgspec.Struct, *, status: int = 200, headers: Headers | None = None) -> Answer:
    """One of our structs as JSON."""
    return Answer(status, wire.encode(value), JSON, headers or [])


def nothing() -> Answer:
    """204."""
    return Answer(204, b"", b"")


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457 problem details, with the `error` member that the documented routes have alone."""

    title: str
    status: int
    detail: str
    error: str
    code: str
    type: str = "about:blank"
    field: str = ""


class DocumentedError(msgspec.Struct, frozen=True):
    """The documented error body: one sentence, nothing else."""

    error: str


def status_of(refusal: Refusal) -> int:
    """The status that a refusal is answered with."""
    return next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


def refused(refusal: Refusal, *, documented: bool) -> Answer:
    """A refusal as an answer.

    Parameters:
        documented: whether the route's document fixes the body to `{"error": …}` alone.
    """
    status = status_of(refusal)
    headers: Headers = []
    if isinstance(refusal, Unauthenticated):
        headers.append((b"www-authenticate", b'Bearer realm="tocsin"'))
    if isinstance(refusal, (TooMany, Unavailable)):
        headers.append((b"retry-after", str(refusal.retry_after).encode()))
    field = refusal.where if isinstance(refusal, Invalid) else ""
    return failed(status, refusal.sentence, refusal.code, documented=documented, headers=headers, field=field)


def failed(
    status: int,
    sentence: str,
    code: str,
    *,
    documented: bool,
    headers: Headers | None = None,
    field: str = "",
) -> Answer:
    """An error with a sentence for its reader."""
    if documented:
        return Answer(status, wire.encode(DocumentedError(sentence)), JSON, headers or [])
    title = HTTPStatus(status).phrase
    problem = Problem(title=title, status=status, detail=sentence, error=sentence, code=code, field=field)
    return Answer(status, wire.encode(problem), PROBLEM, headers or [])
