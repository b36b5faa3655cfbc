"""What is refused, with which status, in which order, and that nothing of it is kept."""

import json
import re
import socket
from typing import Any

import pytest

from harness.http import DEV_KEY, SEND, Http
from harness.patience import PATIENCE
from harness.server import Server
from send.posting import fields, newest, post, refused, sent, status_of

KIB = 1024


# -- the order: 401, 403, 415, 413, 400, 422, 404


BROKEN = b'{"title": '
HUGE = b"x" * (64 * KIB + 1)


@pytest.mark.parametrize(
    ("body", "kind"),
    [(fields(), "application/json"), (BROKEN, "application/json"), (HUGE, "text/plain"), (b"", None)],
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "wrong"},
        {"X-API-Key": ""},
        {"X-API-Key": "tsn_abc_wrong"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer a.b.c"},
        {"Authorization": "Basic YWRtaW46YWRtaW4="},
        {"Authorization": DEV_KEY},
        {"Authorization": "Bearer \xe9\xff"},
        {"Authorization": "Basic x", "X-API-Key": DEV_KEY},
    ],
)
def test_401_comes_before_anything_is_parsed(dev: Server, headers: dict[str, str], body: bytes, kind: str) -> None:
    sent_headers = {**headers, **({"Content-Type": kind} if kind else {})}

    answer = Http(dev.url).request("POST", SEND, body=body, headers=sent_headers)

    assert (answer.status, answer.body) == (401, b'{"error":"Authentication required"}')


@pytest.mark.parametrize("body", [BROKEN, HUGE, b""])
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_403_comes_before_the_body_is_looked_at(dev: Server, body: bytes, kind: str) -> None:
    answer = post(dev, body, client=dev.user("viewer"), kind=kind)

    assert (answer.status, answer.body) == (403, b'{"error":"Missing required permissions: notifications"}')


def test_415_comes_before_413(dev: Server) -> None:
    refused(dev, HUGE, 415, kind="text/plain")


def test_413_comes_before_400(dev: Server) -> None:
    refused(dev, HUGE, 413)


def test_400_comes_before_422(dev: Server) -> None:
    refused(dev, b'{"title": "", "message": "", "type": "loud", "x": NaN}', 400)


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"type": "loud"},
        {"deviceId": "x" * 129},
        {"deviceId": ""},
        {"metadata": {"k": "x" * 17 * KIB}},
        {"message": "x" * 9 * KIB},
        {"url": "javascript:x"},
        {"sendAt": "2030-01-01T00:00:00Z"},
        {"appId": "no-such-app"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_422_comes_before_404(dev: Server, wrong: dict[str, Any]) -> None:
    refused(dev, fields(**{"userId": "nobody-at-all", **wrong}), 422)


# -- wrong fields


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", None),
        ("title", ""),
        ("title", 5),
        ("title", ["t"]),
        ("message", None),
        ("message", ""),
        ("message", {"text": "m"}),
        ("type", "critical"),
        ("type", "INFO"),
        ("type", ""),
        ("type", 1),
        ("userId", 5),
        ("deviceId", ["device123"]),
        ("deviceId", "a\tb"),
        ("dismissible", "yes"),
        ("dismissible", 1),
        ("metadata", []),
        ("metadata", "{}"),
        ("metadata", 5),
        ("url", 5),
        ("url", "https://example.org/" + "x" * 2048),
        ("tags", "night"),
        ("tags", [5]),
        ("tags", [""]),
        ("tags", ["x" * 65]),
        ("tags", ["x"] * 17),
        ("group", ["g"]),
        ("group", "x" * 129),
        ("appId", 5),
    ],
)
def test_a_wrong_field_is_422_and_named(dev: Server, name: str, value: object) -> None:
    refused(dev, fields(**{name: value}), 422, name)


@pytest.mark.parametrize("missing", ["title", "message"])
def test_a_missing_required_field_is_422_and_named(dev: Server, missing: str) -> None:
    body = json.loads(fields())
    del body[missing]

    refused(dev, json.dumps(body).encode(), 422, missing)


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"5", b"null", b"true", b'[{"title":"t","message":"m"}]'])
def test_json_that_is_no_object_is_422(dev: Server, body: bytes) -> None:
    refused(dev, body, 422)


# -- content types


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON ; charset="UTF-8"',
        "application/json;x=y",
    ],
)
def test_json_by_any_spelling_is_taken(dev: Server, kind: str) -> None:
    sent(post(dev, fields(), kind=kind))


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/jsonp",
        "application/problem+json",
        "text/plain, application/json",
    ],
)
def test_every_other_content_type_is_415(dev: Server, kind: str | None) -> None:
    refused(dev, fields(), 415, kind=kind)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "x"])
def test_an_encoded_body_is_415(dev: Server, encoding: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}

    assert dev.service().request("POST", SEND, body=fields(), headers=headers).status == 415


# -- half a request


def test_a_sender_who_goes_away_in_the_middle_leaves_nothing(dev: Server) -> None:
    before = newest(dev)
    with socket.create_connection(("127.0.0.1", dev.port)) as connection:
        head = f"POST {SEND} HTTP/1.1\r\nHost: x\r\nX-API-Key: {DEV_KEY}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {len(fields())}\r\n\r\n".encode() + fields()[:-5])

    assert post(dev, fields(), client=dev.user("user456")).status == 200
    assert newest(dev) == before


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE", "HEAD"])
def test_another_method_is_405_and_says_what_is_allowed(dev: Server, method: str) -> None:
    answer = dev.service().request(method, SEND)

    assert answer.status == 405
    assert "POST" in answer.headers["allow"]
    if method != "HEAD":
        assert list(answer.json) == ["error"]


@pytest.mark.parametrize("offer", ["h2c", "TLS/1.0", "websocket"])
@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("pieces", ["one by one", "at once", "in shreds"])
def test_an_offer_of_another_protocol_is_passed_over_and_the_request_answered(
    dev: Server, offer: str, framing: str, pieces: str
) -> None:
    """As Java's own client, Spring's with it, and `curl --http2` make it (RFC 9110 §7.8); the connection stays."""
    body = fields()
    head = f"POST {SEND} HTTP/1.1\r\nHost: x\r\nX-API-Key: {DEV_KEY}\r\nContent-Type: application/json\r\n"
    head += f"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {offer}\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
    if framing == "length":
        request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    else:
        request = f"{head}Transfer-Encoding: chunked\r\n\r\n5\r\n".encode() + body[:5]
        request += b"\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body) - 5, body[5:])

    with socket.create_connection(("127.0.0.1", dev.port), timeout=PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers = bytearray()
        for part in {
            "one by one": [request, request, request],
            "at once": [3 * request],
            "in shreds": [(3 * request)[at : at + 40] for at in range(0, 3 * len(request), 40)],
        }[pieces]:
            connection.sendall(part)
            if pieces == "one by one":
                answers += connection.recv(4000)
        while answers.count(b'"notificationId"') < 3:
            more = connection.recv(4000)
            assert more, bytes(answers)
            answers += more

    assert answers.count(b"HTTP/1.1 200 ") == 3, bytes(answers)
    assert b"connection: close" not in answers
    [*_, last] = re.findall(rb'"notificationId":"([^"]+)"', answers)
    assert newest(dev) == last.decode()


def test_expect_100_continue_is_answered_before_the_body_and_not_before_the_refusal(dev: Server) -> None:
    body = fields()
    head = f"POST {SEND} HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", dev.port), timeout=PATIENCE) as connection:
        connection.sendall((head % DEV_KEY).encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert status_of(connection.recv(4000)) == 200
    with socket.create_connection(("127.0.0.1", dev.port), timeout=PATIENCE) as connection:
        connection.sendall((head % "wrong").encode())
        assert status_of(connection.recv(4000)) == 401


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"title": ""}, "title: must not be empty"),
        ({"title": "x" * 257}, "title: must have at most 256 characters"),
        ({"title": 5}, "title: must be a string, not a whole number"),
        ({"message": None}, "message: must be a string, not null"),
        ({"type": "loud"}, "type: must be one of info, success, warning, error, emergency"),
        ({"dismissible": "yes"}, "dismissible: must be true or false, not a string"),
        ({"metadata": [1]}, "metadata: must be an object, not an array"),
        ({"tags": ["a"] * 17}, "tags: must have at most 16 entries"),
        ({"tags": ["a", ""]}, "tags[1]: must not be empty"),
    ],
)
def test_a_refusal_says_where_and_why_in_words_for_people(dev: Server, wrong: dict[str, Any], said: str) -> None:
    answer = post(dev, fields(**wrong))
    assert (answer.status, answer.json) == (422, {"error": said})
