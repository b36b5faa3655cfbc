"""Metadata is kept and streamed as the text that was accepted."""

import json
import re

import pytest

from harness.http_stream import Ndjson, Sse
from harness.server import Server
from harness.websocket import WebSocket
from send.posting import post, sent, stored


def body(metadata: str, *, key: str = '"metadata"') -> bytes:
    return f'{{"title":"t","message":"m",{key}: {metadata} ,"userId":"user123"}}'.encode()


def metadata_in(text: str) -> str:
    """The text of metadata in a flat object: it stands before the timestamp."""
    found = re.fullmatch(r'\{.*"metadata":(.*),"timestamp":"[^"]*"\}', text, re.DOTALL)
    assert found is not None, text
    return found[1]


@pytest.mark.parametrize(
    "text",
    [
        '{"z":1,"a":2,"m":{"y":1,"b":2}}',
        '{"n":1.0,"e":1e2,"E":1E+2,"big":12345678901234567890,"small":-0.0,"zero":-0,"many":0.1000000000000000055}',
        '{"x":1.7976931348623157e308,"tiny":5e-324,"gone":1e-400}',
        '{"u":"\\u00e9\\u20AC\\ud83d\\ude00","slash":"\\/","raw":"é€😀","del":"\\u007f","ls":"\\u2028"}',
        '{ "space" :  [ 1 ,2,   3 ] }',
        '{"tab":\t1}',
        '{"\\u0061":1,"":2," ":3}',
        '{"quote":"\\"}{][","backslash":"\\\\"}',
        '{"nl":"\\n\\r\\ndata: x\\n\\nid: 9"}',
        '{"deep":[[[[{"a":[null,true,false]}]]]]}',
        '{"__proto__":{"x":1},"constructor":1}',
    ],
)
def test_metadata_comes_back_as_it_was_written(dev: Server, text: str) -> None:
    with (
        WebSocket(dev.url, token=dev.token("user123")) as socket,
        Sse(dev.url, token=dev.token("user123")) as events,
        Ndjson(dev.url, token=dev.token("user123"), params={"protocol": "tocsin.v1"}) as lines,
    ):
        id_ = sent(post(dev, body(text)))

        assert metadata_in(socket.recv_text()) == text
        assert metadata_in(events.next_notification().data) == text
        while '"notification"' not in (line := lines.line()):
            pass
        assert text in line
    assert metadata_in(stored(dev, id_)) == text


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", "\n\nid: 9\n\n"[:2]])
def test_line_ends_between_tokens_break_no_stream(dev: Server, end: str) -> None:
    text = f'{{{end}"a"{end}:{end}[1,{end}2]{end},"b":"x\\ny"{end}}}'
    with (
        WebSocket(dev.url, token=dev.token("user123")) as socket,
        Sse(dev.url, token=dev.token("user123")) as events,
        Ndjson(dev.url, token=dev.token("user123")) as lines,
    ):
        id_ = sent(post(dev, body(text)))
        seen = [socket.recv_json(), events.next_notification().json, lines.next()]

    assert seen == [json.loads(stored(dev, id_))] * 3
    assert seen[0]["metadata"] == {"a": [1, 2], "b": "x\ny"}


@pytest.mark.parametrize("text", ["{}", "{ }", "{\n}", "null"])
def test_empty_metadata_is_an_empty_object(dev: Server, text: str) -> None:
    assert metadata_in(stored(dev, sent(post(dev, body(text))))) == "{}"


def test_the_name_of_the_field_may_be_escaped_like_any_json(dev: Server) -> None:
    id_ = sent(post(dev, body('{"a":1.0}', key='"\\u006detadata"')))

    assert metadata_in(stored(dev, id_)) == '{"a":1.0}'


def test_metadata_inside_other_fields_is_not_taken_for_it(dev: Server) -> None:
    raw = b'{"x":{"metadata":{"a":1}},"title":"t","message":"\\"metadata\\":{}","metadata":{"b":2},"userId":"user123"}'

    assert metadata_in(stored(dev, sent(post(dev, raw)))) == '{"b":2}'
