"""JSON that is none, or that would lose its meaning on the way through other readers, is refused."""

import time
from contextlib import suppress

import pytest

from harness.server import Server
from send.posting import fields, post, refused, sent
from tocsin import wire
from tocsin.errors import Malformed

KIB = 1024


def with_metadata(text: bytes) -> bytes:
    return b'{"title":"t","message":"m","userId":"user123","metadata":{"k":' + text + b"}}"


@pytest.mark.parametrize(
    "text",
    [
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"-1e999",
        b"9" * 5000,
        b"-" + b"9" * 5000,
        b"9" * 400,
        b"1" + b"0" * 309,
        b"9" * 400 + b".0",
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'{"\\udfff":1}',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\xc0\xaf"',
        b'"a\nb"',
        b'"\x00"',
        b'"\\x41"',
        b'{"a":1,"a":2}',
        b'{"a":1,"\\u0061":2}',
        b'[{"b":{"c":1,"c":1}}]',
        b"01",
        b"+1",
        b".5",
        b"1.",
        b"0x10",
        b"'a'",
        b"[1,]",
        b"{a:1}",
        b"1 /* c */",
        b"True",
        b"",
        b"[" * 100_000,
        b"[" * 30_000 + b"]" * 30_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    ],
    ids=lambda text: repr(text[:20]) + ("…" if len(text) > 20 else ""),
)
def test_json_that_is_none_or_loses_meaning_is_400(dev: Server, text: bytes) -> None:
    body = with_metadata(text)
    refused(dev, body, 413 if len(body) > 64 * KIB else 400)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"title=t&message=m",
        fields() + fields(),
        fields() + b"x",
        fields() + b"\x00",
        b'{"title":"a","title":"b","message":"m"}',
        b'{"title":"t","message":"m","x":1,"x":1}',
        b"[" * 60_000,
        b'{"x":' * 12_000,
        b'"' + b"\\" * 1001,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_no_json_is_400(dev: Server, body: bytes) -> None:
    refused(dev, body, 400)


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
@pytest.mark.parametrize("more", [{}, {"metadata": {"a": 1}}], ids=["bare", "metadata"])
def test_a_body_in_another_encoding_or_with_a_byte_order_mark_is_400(
    dev: Server, encoding: str, more: dict[str, object]
) -> None:
    refused(dev, fields(**more).decode().encode(encoding), 400)


def test_a_byte_order_mark_is_named(dev: Server) -> None:
    assert post(dev, b"\xef\xbb\xbf" + fields()).json == {"error": "not valid JSON: it begins with a byte order mark"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"title":"a",\n "x":{"k":1,"a b\\u2028":2,"k":3}}', 'JSON with a key twice in one object: "k"'),
        (b'{"\\n":1,"\\n":2}', r'JSON with a key twice in one object: "\n"'),
        (b'{"title":"a"\n "x":1}', "not valid JSON: line 2, column 2"),
        (b"", "not valid JSON: line 1, column 1"),
        (b'{"metadata":{"k":1e999}}', "a number beyond the range of a double: 1e999"),
        (
            rb'{"title":"\ud83d"}',
            r'half a character in a string of "title" (\ud83d alone): was an emoji cut in two?',
        ),
    ],
)
def test_what_is_no_json_is_refused_with_where_it_is_not(dev: Server, body: bytes, says: str) -> None:
    answer = post(dev, body)
    assert (answer.status, answer.json) == (400, {"error": says})


def test_a_key_of_the_body_with_u_0000_is_named(dev: Server) -> None:
    bodies = {
        b'{"title":"t","message":"m","a\\u0000b":1}': "a key",
        b'["\\u0000"]': "a text",
        b'{"%s":"\\u0000"}' % (b"k" * 30_000): "a member",
        b'{"k\\nforged":"\\u0000"}': "a member",
    }
    for body, where in bodies.items():
        answer = post(dev, body)
        assert (answer.status, answer.json) == (422, {"error": f"{where}: must not contain U+0000"})


@pytest.mark.parametrize("name", ["title", "message", "deviceId", "metadata", "group", "tags"])
def test_u_0000_is_refused_in_every_text(dev: Server, name: str) -> None:
    texts: dict[str, object] = {"metadata": {"deep": [{"k": "a\0b"}]}, "tags": ["a\0b"]}

    refused(dev, fields(**{name: texts.get(name, "a\0b")}), 422, name)


def test_u_0000_is_refused_in_keys_too(dev: Server) -> None:
    refused(dev, fields(metadata={"a\0b": 1}), 422, "metadata")


@pytest.mark.parametrize(
    "text", ["9" * 300, "9" * 308, "1" + "0" * 308, "1e308", "-" + "9" * 308, "1" + "0" * 307 + ".5"]
)
def test_every_number_that_a_double_can_hold_is_taken(dev: Server, text: str) -> None:
    sent(post(dev, with_metadata(text.encode())))


def cpu_seconds_to_read(body: bytes) -> float:
    took = []
    for _ in range(5):
        began = time.thread_time()
        with suppress(Malformed):
            wire.read(body, list)
        took.append(time.thread_time() - began)
    return min(took)


@pytest.mark.parametrize(
    "body",
    [b"[" * 64_000, b"[" * 32_000 + b"]" * 32_000, b'{"":' * 16_000, b"[" + b"[]," * 21_000 + b"[]]", b'["' * 32_000],
    ids=lambda body: repr(body[:12]),
)
def test_brackets_take_no_longer_to_read_than_numbers_do(body: bytes) -> None:
    """Whoever reads a first frame from anybody holds up everybody meanwhile."""
    numbers = b"[" + b"1," * 32_000 + b"1]"

    assert cpu_seconds_to_read(body) < 4 * cpu_seconds_to_read(numbers)
