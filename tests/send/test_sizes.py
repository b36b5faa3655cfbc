"""Every limit of size: what is at it is taken, one more is refused with its status."""

import json
from typing import Any

import pytest

from harness.http import SEND, exchange
from harness.server import Server
from send.posting import fields, post, refused, sent, status_of

KIB = 1024


@pytest.mark.parametrize("letter", ["x", "é", "€", "🎉"])
def test_a_title_has_256_code_points(dev: Server, letter: str) -> None:
    sent(post(dev, fields(title=letter * 256)))
    refused(dev, fields(title=letter * 257), 422, "title")


@pytest.mark.parametrize("letter", ["x", "é", "€", "🎉"])
def test_a_message_has_8_kib_of_utf_8(dev: Server, letter: str) -> None:
    size = len(letter.encode())
    most = letter * (8 * KIB // size) + "x" * (8 * KIB % size)
    sent(post(dev, fields(message=most)))
    refused(dev, fields(message=most + "x"), 422, "message")


@pytest.mark.parametrize("letter", ["x", "é", "🎉"])
def test_metadata_has_16_kib_of_utf_8_as_it_is_written(dev: Server, letter: str) -> None:
    def body(metadata: str) -> bytes:
        return f'{{"title":"t","message":"m","userId":"user123","metadata":{metadata}}}'.encode()

    room = 16 * KIB - len('{"k":""}')
    most = letter * (room // len(letter.encode())) + "x" * (room % len(letter.encode()))
    sent(post(dev, body(f'{{"k":"{most}"}}')))
    refused(dev, body(f'{{"k":"{most}x"}}'), 422, "metadata")


def nested(levels: int, *, kind: str = "object") -> bytes:
    """A body whose metadata is so many levels deep, itself counted."""
    opening, closing = ('{"a":', "}") if kind == "object" else ("[", "]")
    inner = opening * (levels - 2) + "{}" + closing * (levels - 2)
    return f'{{"title":"t","message":"m","userId":"user123","metadata":{{"m":{inner}}}}}'.encode()


@pytest.mark.parametrize("kind", ["object", "array"])
def test_metadata_has_32_levels(dev: Server, kind: str) -> None:
    sent(post(dev, nested(32, kind=kind)))
    refused(dev, nested(33, kind=kind), 400)


def test_brackets_in_texts_are_no_levels(dev: Server) -> None:
    sent(post(dev, fields(message='[{"' * 1000, metadata={"k": '\\"[[[' * 100})))


def test_a_body_has_64_kib(dev: Server) -> None:
    start = fields()[:-1] + b', "unknown": "'
    most = start + b"x" * (64 * KIB - len(start) - 2) + b'"}'
    assert len(most) == 64 * KIB
    sent(post(dev, most))
    refused(dev, most + b" ", 413)


def test_a_chunked_body_has_64_kib_too(dev: Server) -> None:
    start = fields()[:-1] + b', "unknown": "'
    most = start + b"x" * (64 * KIB - len(start) - 2) + b'"}'

    def chunks(body: bytes) -> Any:
        return (body[at : at + 1000] for at in range(0, len(body), 1000))

    headers = {"Content-Type": "application/json"}
    assert dev.service().request("POST", SEND, body=chunks(most), headers=headers).status == 200
    assert dev.service().request("POST", SEND, body=chunks(most + b" "), headers=headers).status == 413


def test_a_url_has_8_kib(dev: Server) -> None:
    def get(size: int) -> bytes:
        target = b"/healthz?" + b"x" * (size - len("/healthz?"))
        return exchange(dev.port, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert status_of(get(8 * KIB)) == 200
    assert status_of(get(8 * KIB + 1)) == 414
    assert json.loads(get(8 * KIB + 1).split(b"\r\n\r\n", 1)[1])["error"]


def test_headers_have_16_kib(dev: Server) -> None:
    def get(size: int, *, name: bytes = b"X-Filler") -> bytes:
        fixed = b"Host: x\r\nConnection: close\r\n"
        counted = len("Hostx") + len("Connectionclose")
        field = name + b": " + b"x" * (size - counted - len(name)) + b"\r\n"
        return exchange(dev.port, b"GET /healthz HTTP/1.1\r\n" + fixed + field + b"\r\n")

    assert status_of(get(15 * KIB)) == 200
    assert status_of(get(16 * KIB)) == 200
    assert status_of(get(16 * KIB + 64)) == 431
    assert status_of(get(60 * KIB)) == 431


def test_every_answer_names_its_request(dev: Server) -> None:
    long_url = b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    wrong = b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"
    foreign = b"GET /notifications HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    foreign += (
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: https://evil.example"
    )
    requests = [
        long_url,
        wrong,
        foreign + b"\r\n\r\n",
        b"GET /no-such-path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ]

    for request in requests:
        assert b"\r\nx-request-id: " in exchange(dev.port, request).lower(), request[:60]
