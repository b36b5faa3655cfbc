"""JSON that is read strictly: what would lose meaning on its way through other readers is refused."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import msgspec

from tocsin.errors import Invalid, Malformed
from tocsin.notification import TYPES

T = TypeVar("T")

BODY_BYTES = 64 * 1024
"""Most bytes in a request body."""

BODY_DEPTH = 33
"""Deepest nesting in a request body: the body itself, and 32 levels in its metadata."""


def read(body: bytes, form: type[T]) -> T:
    """Decode a JSON body strictly into one of our structs.

    What would lose meaning on its way through other readers is refused: duplicate keys, NaN and
    infinities, numbers beyond a double, lone surrogates, U+0000, nesting deeper than BODY_DEPTH.

    Raises:
        Malformed: not JSON, or JSON that loses meaning.
        Invalid: JSON, but a field is wrong, missing or over its limit.
    """
    value = _strict_json(body)
    try:
        return msgspec.convert(value, form)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None


def reader(form: type[T]) -> Callable[[bytes], T]:
    """`read` for one form that is read often: where nothing can be lost, the form alone is made of a body.

    Parameters:
        form: a struct that omits its defaults, which are all None; the only open value in it is an object.
    """
    quickly = quick_reader(form)

    def read_one(body: bytes) -> T:
        value = quickly(body)
        return value if value is not None else read(body, form)

    return read_one


def quick_reader(form: type[T]) -> Callable[[bytes], T | None]:
    """The quick half of `reader`: None where the slow one has to look, which then says what is wrong."""
    decode = msgspec.json.Decoder(form).decode

    def read_quickly(body: bytes) -> T | None:
        # Without a backslash, quotation marks stand around strings and nowhere else. A key that is there twice, is not
        # known or is null does not come out again: where as many strings come out as went in, nothing was lost.
        if _BACKSLASH in body or _too_deep(body) or (len(body) > _LONG and _LONG_NUMBER.search(body)):
            return None
        try:
            value = decode(body)
            return value if _encode(value).count(b'"') == body.count(b'"') else None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError):
            return None

    return read_quickly


_encode = msgspec.json.Encoder().encode


def _strict_json(body: bytes) -> Any:
    if _too_deep(body):
        raise Malformed(f"JSON nested deeper than {BODY_DEPTH - 1} levels")
    if (quick := _quickly(body)) is not _UNSURE:
        return quick
    try:
        value = _decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
    except (ValueError, RecursionError) as error:
        if body.startswith(BOM_UTF8):
            raise Malformed("not valid JSON: it begins with a byte order mark") from None
        place = f": line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Malformed(f"not valid JSON{place}") from None
    if _BACKSLASH in body:
        _check_escapes(body, value)
    return value


# Bytes are asked for a number at no cost; asked for bytes, they first fail to make a number of those.
_BACKSLASH = ord("\\")
_UNSURE = object()
_LONG = 300
_LONG_NUMBER = re.compile(rb"[0-9]{%d}" % _LONG)
_BIG = 10**_LONG
_SAID_MOST = 100


def _quickly(body: bytes) -> Any:
    # The quick decoder is strict but for three things: it passes U+0000 and integers beyond a double, and of a key
    # that is there twice it keeps the last. Every string of the text is a key or a value of what it makes, unless
    # a key was there twice. So where as many came out as went in, nothing was lost; otherwise the slow one says
    # what is wrong.
    if _BACKSLASH in body and (b"\\u0000" in body or b"\\\\" in body):
        return _UNSURE
    try:
        value = msgspec.json.decode(body)
        came_out = 2 * _strings([value])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError):
        return _UNSURE
    # With no two backslashes in a row, one before a quote always escapes it.
    return value if came_out == body.count(b'"') - body.count(b'\\"') else _UNSURE


def _strings(value: Any) -> int:
    """How many strings a value is made of; OverflowError where an integer in it may be beyond a double."""
    count = 0
    if type(value) is dict:
        count = len(value)
        value = value.values()
    for inner in value:
        kind = type(inner)
        if kind is str:
            count += 1
        elif kind is dict or kind is list:
            count += _strings(inner)
        elif kind is int and not -_BIG < inner < _BIG:
            raise OverflowError
    return count


def elements(body: bytes, most: int) -> list[bytes]:
    """The elements of a JSON array, each as it was written and still to be read strictly; of too many, the first.

    Parameters:
        most: how many are wanted; one more is given where there are more.

    Raises:
        Malformed: not JSON. Invalid: not an array.
    """
    try:
        return _split(body, most)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except (msgspec.DecodeError, RecursionError):
        # Half a letter is not taken by the decoder, though it stands in JSON: only its element is to suffer for it.
        # So it looks for them in the same body with something as long in place of what is escaped.
        plain = body.replace(b"\\\\", b"xx").replace(b"\\u", b"xx")
        if plain == body:
            raise Malformed("not valid JSON") from None
    parts, found = elements(plain, most), []
    end = plain.find(b"[") + 1
    for part in parts:
        # Nothing but blanks and a comma stands before it.
        begin = plain.index(part, end)
        end = begin + len(part)
        found.append(body[begin:end])
    return found


def _split(body: bytes, most: int) -> list[bytes]:
    if body.count(b",") < _FEW:
        return [bytes(raw) for raw in _all_elements(body)[: most + 1]]
    found = msgspec.structs.astuple(_first_elements(most + 1).decode(body))
    return [bytes(raw) for raw in found[: found.index(None) if found[-1] is None else None]]


_FEW = 200_000
_all_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


@cache
def _first_elements(most: int) -> msgspec.json.Decoder[msgspec.Struct]:
    # A list takes as many as come: of `[0,0,…` in 8 MiB 300 MB. This takes so many, and steps over the rest; making
    # it takes about 30 ms, so it is made for those who send such things only.
    fields = [(f"_{place}", msgspec.Raw, None) for place in range(most)]
    return msgspec.json.Decoder(msgspec.defstruct("Elements", fields, array_like=True))


def lines(body: bytes, most: int) -> list[bytes]:
    """The lines of NDJSON that are not blank, each still to be read strictly; of too many, the first.

    Parameters:
        most: as for `elements`; more than as many blank ones count as too many, too.
    """
    found = body.split(b"\n", 2 * most + 1)
    if len(found) > 2 * most + 1:
        return found[: most + 1]
    return [line for line in found if line and not line.isspace()][: most + 1]


def _too_deep(body: bytes) -> bool:
    if body.count(b"[") + body.count(b"{") <= BODY_DEPTH:
        return False
    depth = 0
    # A loop over matches would cost twelve times this, which whoever sends brackets only would make others wait for.
    for byte in _STRINGS.sub(b"", body).translate(None, _NO_BRACKETS):
        if byte in b"[{":
            depth += 1
            if depth > BODY_DEPTH:
                return True
        else:
            depth -= 1
    return False


# Strings are stepped over whole, so that brackets in texts do not count. Linear: the closing quote is
# optional, since with a string that never ends each quote in it would be tried as a start again.
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Malformed(f"JSON with a key twice in one object: {_said(twice)}")
    return value


def _said(text: str) -> str:
    """As it may stand in a sentence: in quotation marks, printable, and not all of it where it is long."""
    return json.dumps(text if len(text) <= _SAID_MOST else f"{text[:_SAID_MOST]}…", ensure_ascii=not text.isprintable())


def _constant(name: str) -> float:
    raise Malformed(f"{name} is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise Malformed(f"a number beyond the range of a double: {text if len(text) <= 40 else f'{text[:40]}…'}")
    return value


def _int(text: str) -> int:
    if len(text) > 300:
        _float(text)
    return int(text)


_decode = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float, parse_int=_int
).decode


def _check_escapes(body: bytes, value: Any) -> None:
    # Escapes are the only way a lone surrogate or a NUL gets through a UTF-8 check and a JSON parser.
    if b"\\u" not in body:
        return
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        half = text[error.start]
        place = f" of {_said(where)}" if (where := _where(value, half)) else ""
        raise Malformed(
            f"half a character in a string{place} (\\u{ord(half):04x} alone): was an emoji cut in two?"
        ) from None
    if "\\u0000" in text and _holds(value, "\0"):
        where = _where(value, "\0") or ("a key" if isinstance(value, dict) else "a text")
        raise Invalid(
            where if len(where) <= _SAID_MOST and where.isprintable() else "a member", "must not contain U+0000"
        )


def _holds(value: Any, character: str) -> bool:
    if isinstance(value, str):
        return character in value
    if isinstance(value, list):
        return any(_holds(item, character) for item in value)
    if isinstance(value, dict):
        return any(_holds(key, character) or _holds(item, character) for key, item in value.items())
    return False


def _where(value: Any, character: str) -> str:
    """The member of an object that holds a character; empty where it is a key, or there is no object."""
    if isinstance(value, dict):
        return next((key for key, item in value.items() if character not in key and _holds(item, character)), "")
    return ""


_PLACE = re.compile(r"^(?P<why>.*?)(?: - at `(?P<where>key in )?\$?\.?(?P<path>.*)`)?$", re.DOTALL)


def _invalid(text: str) -> Invalid:
    found = _PLACE.match(text)
    why, where = (found["why"], found["path"] or "") if found else (text, "")
    if missing := re.fullmatch(r"Object missing required field `(.+)`", why):
        return Invalid(missing[1], "is required")
    if why.startswith("Invalid enum value"):
        # No form has another closed set of words.
        return Invalid(where, f"must be one of {', '.join(TYPES)}")
    for pattern, words in _SAID:
        if said := pattern.fullmatch(why):
            return Invalid(where, said.expand(words))
    if wrong := _WRONG_KIND.fullmatch(why):
        wanted = [_KINDS.get(kind, kind) for kind in wrong["wanted"].split(" | ") if kind != "null"]
        return Invalid(where, f"must be {' or '.join(wanted)}, not {_KINDS.get(wrong['got'], wrong['got'])}")
    return Invalid(where, why[:1].lower() + why[1:])


# What the library says of a value, and the same for people.
_SAID = [
    (re.compile(r"Expected `\w+(?: \| null)?` of length >= 1"), "must not be empty"),
    (re.compile(r"Expected `str(?: \| null)?` of length <= (\d+)"), r"must have at most \1 characters"),
    (re.compile(r"Expected `array(?: \| null)?` of length <= (\d+)"), r"must have at most \1 entries"),
    (re.compile(r"Expected `\w+(?: \| null)?` >= (-?\d+)"), r"must be at least \1"),
    (re.compile(r"Expected `\w+(?: \| null)?` <= (-?\d+)"), r"must be at most \1"),
    (re.compile(r"Invalid RFC3339 encoded datetime"), "must be a time like 2030-01-31T12:00:00Z"),
]
_WRONG_KIND = re.compile(r"Expected `(?P<wanted>[\w |]+)`, got `(?P<got>\w+)`")
_KINDS = {
    "str": "a string",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "datetime": "a time like 2030-01-31T12:00:00Z",
    "null": "null",
}
