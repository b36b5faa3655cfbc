"""A body whose framing says more, or something else, than its head does."""

from __future__ import annotations

import pytest

from attacks.raw import statuses
from harness.http import DEV_KEY, SEND, exchange
from harness.server import Server

BODY = b'{"title":"framed","message":"m","userId":"user123"}'


def chunked(*fields: str, trailers: bytes = b"", version: str = "1.1") -> bytes:
    """A send in one chunk, with nothing about its framing in the head but `fields`."""
    head = [f"POST {SEND} HTTP/{version}", "Host: localhost", "Content-Type: application/json", "Connection: close"]
    chunk = b"%x\r\n%b\r\n" % (len(BODY), BODY)
    return "\r\n".join([*head, *fields, "", ""]).encode() + chunk + b"0\r\n" + trailers + b"\r\n"


KEY = f"X-API-Key: {DEV_KEY}"
CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("fields", "trailer", "status"),
    [
        pytest.param([], KEY, 401, id="a credential"),
        pytest.param([KEY], "X-API-Key: wrong", 200, id="another credential"),
        pytest.param([KEY], "Content-Type: text/plain", 200, id="another content type"),
        pytest.param([KEY], "Content-Encoding: gzip", 200, id="an encoding"),
        pytest.param([KEY], "Idempotency-Key: " + "k" * 300, 200, id="a key"),
    ],
)
def test_what_follows_a_body_is_no_part_of_its_head(dev: Server, fields: list[str], trailer: str, status: int) -> None:
    raw = exchange(dev.port, chunked(CHUNKED, *fields, trailers=f"{trailer}\r\n".encode()))
    assert statuses(raw) == [status]


@pytest.mark.parametrize("coding", ["gzip, chunked", "xchunked, chunked", "chunked, chunked", "identity, chunked"])
def test_a_transfer_coding_that_is_not_undone_is_refused(dev: Server, coding: str) -> None:
    raw = exchange(dev.port, chunked(KEY, f"Transfer-Encoding: {coding}"))
    assert statuses(raw) == [400]


def test_a_transfer_coding_named_twice_is_refused(dev: Server) -> None:
    assert statuses(exchange(dev.port, chunked(KEY, "Transfer-Encoding: gzip", CHUNKED))) == [400]


@pytest.mark.parametrize("coding", ["chunked", "Chunked"])
def test_control_a_body_in_chunks_is_taken(dev: Server, coding: str) -> None:
    assert statuses(exchange(dev.port, chunked(KEY, f"Transfer-Encoding: {coding}"))) == [200]
