"""The quick way of reading JSON strictly takes nothing that the slow one refuses, and makes of it what that makes."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin import strict_json
from tocsin.errors import Refusal
from tocsin.strict_json import elements, lines
from tocsin.wire import SendBody

LOOKED_AT = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))

texts = st.text(alphabet=st.sampled_from('ab"\\\0ä\ud83c\udf89\n\ud800{}[]:,'), max_size=5)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**310) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=15,
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """JSON, often with an object that has a key twice, sometimes mangled."""
    text = json.dumps(draw(values), ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        names = draw(st.lists(st.sampled_from(["a", "b", 'a"', "\\", "\\u0061", ""]), min_size=1, max_size=5))
        members = [f"{json.dumps(name)}:{json.dumps(draw(values))}" for name in names]
        text = f'{{"x":{text},"y":{{{",".join(members)}}}}}'.replace("\\\\u0061", "\\u0061")
    body = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.sampled_from([b'"', b"\\", b"\\\\", b"}", b",", b"\xff", b"\x00"])) + body[at:]
    return body


def slowly(body: bytes) -> Any:
    """What the slow way makes of it, or the refusal."""
    quick, strict_json._quickly = strict_json._quickly, lambda _body: strict_json._UNSURE
    try:
        return strict_json._strict_json(body)
    except Refusal as refusal:
        return refusal
    finally:
        strict_json._quickly = quick


def test_what_the_quick_way_takes_is_what_the_slow_way_makes(soak: bool) -> None:
    @settings(LOOKED_AT, max_examples=20_000 if soak else 250)
    @given(bodies())
    def look(body: bytes) -> None:
        quick = strict_json._quickly(body)
        if quick is not strict_json._UNSURE:
            slow = slowly(body)
            assert not isinstance(slow, Refusal), (body, slow)
            assert repr(quick) == repr(slow), body

    look()


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a":"x","b":{"c":[],"c":"y"}}',
        b'{"a":1,"\\u0061":1}',
        b'{"a":"\\\\","a":1}',
        b'{"\\"":1,"\\"":2}',
        b'[{"a":""},{"b":"","b":""}]',
        b'"\\u0000"',
        b'{"\\u0000":1}',
        b'{"a":"\xff"}',
        b"1e999",
        b"9" * 400,
        b'{"a":[-1' + b"0" * 310 + b"]}",
        b"NaN",
    ],
)
def test_what_loses_meaning_is_left_to_the_slow_way(body: bytes) -> None:
    assert strict_json._quickly(body) is strict_json._UNSURE


@pytest.mark.parametrize(
    "body",
    [
        b'{"title":"a \\"b\\" \\n","message":"m","metadata":{"a":[1,"b",{"c":"d"}]}}',
        '{"title":"\u00e4","message":"\\u00e4"}'.encode(),
        b'{"a":{"b":"","c":null},"d":[[],"e"],"f":1.5}',
    ],
)
def test_what_is_usual_goes_the_quick_way(body: bytes) -> None:
    assert strict_json._quickly(body) == json.loads(body)


@st.composite
def sends(draw: st.DrawFn) -> bytes:
    """A body of a send with fields that are there twice, not known, null or wrong, in any order."""
    names = draw(st.lists(st.sampled_from([*FIELDS, "title", "message", "metadata", "x"]), min_size=2, max_size=9))
    members = [f"{json.dumps(name)}:{json.dumps(draw(FIELDS.get(name, values)))}" for name in names]
    instead = draw(st.sampled_from(["[1]", "1e999", "9" * 320, '{"k":1,"k":2}']))
    return f"{{{','.join(members).replace('[1]', instead)}}}".encode("utf-8", "surrogatepass")


FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from(["t", "", 'a "b"', "\0"]),
    "message": st.sampled_from(["m", "\u00e4", "x" * 300]),
    "type": st.sampled_from(["info", "none of them", None]),
    "userId": st.sampled_from(["ada", None]),
    "dismissible": st.sampled_from([True, False, None, "true"]),
    "metadata": st.sampled_from([{}, {"a": [1]}, {"a": {"b": [1], "c": "d"}}, [1], None]) | values,
    "tags": st.sampled_from([["a", "b"], [], ["a", 1]]),
}
QUICKLY = strict_json.quick_reader(SendBody)


def test_a_send_that_is_read_quickly_is_what_the_slow_way_makes_of_it(soak: bool) -> None:
    @settings(LOOKED_AT, max_examples=20_000 if soak else 250)
    @given(sends())
    def look(body: bytes) -> None:
        quick = QUICKLY(body)
        if quick is not None:
            slow = slowly(body)
            assert not isinstance(slow, Refusal), (body, slow)
            assert repr(quick) == repr(msgspec.convert(slow, SendBody)), body

    look()


@pytest.mark.parametrize(
    "body",
    [
        b'{"title":"t","message":"m","message":"n"}',
        b'{"title":"t","message":"m","metadata":{"k":1,"k":2}}',
        b'{"title":"t","message":"m","x":1,"x":2}',
        b'{"title":"t","message":"m","type":"info","type":null}',
        b'{"title":"t","message":"m","metadata":{"a":' + b"9" * 400 + b"}}",
        b'{"title":"t","message":"m","metadata":{"a":1e999}}',
        b'{"title":"t","message":"m","metadata":' + b'{"a":' * 40 + b"1" + b"}" * 41,
        b'{"title":"\\u0000","message":"m"}',
        b'{"title":"t","message":"m\xff"}',
    ],
)
def test_a_send_that_may_lose_meaning_is_not_read_quickly(body: bytes) -> None:
    assert QUICKLY(body) is None


def test_a_usual_send_is_read_quickly() -> None:
    body = b'{"title":"t", "message":"m\xc3\xa4", "tags":["a"], "dismissible":false, "metadata":{"a":[{"b":"c"}, 1.5]}}'
    assert QUICKLY(body) == msgspec.convert(json.loads(body), SendBody)


@given(st.lists(values, max_size=6), st.integers(1, 8), st.booleans())
@settings(deadline=None, database=None)
def test_elements_are_given_as_they_were_written(found: list[Any], most: int, many: bool) -> None:
    texts = [text for text in map(json.dumps, found) if "Infinity" not in text and "NaN" not in text]
    few = strict_json._FEW
    strict_json._FEW = 0 if many else few
    try:
        assert elements(f"[{' , '.join(texts)}]".encode(), most) == [text.encode() for text in texts[: most + 1]]
    finally:
        strict_json._FEW = few


@pytest.mark.parametrize(
    "text",
    [rb"\ud800", rb"\udc00", rb"\\\ud800", rb"\ud800\\", rb"\ud800\ud83d\ude00", rb"\uD83D\\uDE00", rb"\"\ud800\"]"],
)
def test_half_a_letter_does_not_hide_where_elements_end(text: bytes) -> None:
    found = [b'"' + text + b'"', b"[ 1,2 ]", b'{"a" : "' + text + b'"}', rb'"\\ud800"']
    assert elements(b" [" + b" ,\n".join(found) + b"] ", 10) == found


def test_lines_are_given_without_blank_ones_and_no_more_than_asked_for() -> None:
    assert lines(b"1\n\n2 \r\n \n3", 3) == [b"1", b"2 \r", b"3"]
    assert len(lines(b"1\n2\n3\n4\n5", 3)) == 4
    assert len(lines(b"\n" * 7, 3)) > 3
    assert lines(b"\n" * 6, 3) == []
