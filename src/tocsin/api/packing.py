"""Compressing what goes to a browser."""

from __future__ import annotations

import gzip

from tocsin.api.answer import Answer, Headers
from tocsin.api.call import Call
from tocsin.request import Request

LEAST, MOST = 1_024, 65_536
"""Bytes of an answer that is compressed: less gains nothing, and more would hold up others for a millisecond."""

_FAST = 1
"""A page of 30 notifications shrinks to a seventh; the best level takes three times as long for a tenth less."""


def takes_gzip(request: Request) -> bool:
    """Whether the client says that it takes gzip."""
    for part in (request.header(b"accept-encoding") or "").split(","):
        coding, _, quality = part.replace(" ", "").lower().partition(";q=")
        if coding in ("gzip", "*"):
            return quality.strip("0.") != "" or not quality
    return False


def for_a_page(call: Call, body: bytes, headers: Headers) -> Answer:
    """JSON, compressed where a page of this server asks, by its session: the first view of a page has a budget.

    For programs it stays as it is: many are near, and to them it would cost time. And nobody can make a browser send
    the session along from elsewhere, so that the length of what is compressed tells others nothing.
    """
    packs = call.request.credential is None and LEAST <= len(body) <= MOST and takes_gzip(call.request)
    if not packs:
        return Answer(200, body, headers=headers)
    headers = [*headers, (b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding, Cookie")]
    return Answer(200, gzip.compress(body, _FAST, mtime=0), headers=headers)
