"""`/docs`: the API as a page, with assets of our own."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from tocsin.api.answer import Answer, Headers
from tocsin.api.call import Call
from tocsin.errors import NotFound

_KINDS = {
    "docs.js": b"text/javascript; charset=utf-8",
    "docs.css": b"text/css; charset=utf-8",
    "icon.svg": b"image/svg+xml",
}
_ICON = "app/favicon/0.svg"

_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS: Headers = [(b"content-security-policy", _POLICY), (b"cache-control", b"no-cache")]


async def page(call: Call) -> Answer:
    """`GET /docs`."""
    return Answer(200, _read("index.html"), b"text/html; charset=utf-8", _HEADERS)


async def asset(call: Call) -> Answer:
    """`GET /docs/{asset}`."""
    name = call.param("asset")
    if name not in _KINDS:
        raise NotFound("Page")
    return Answer(200, _read(name), _KINDS[name], _HEADERS)


@cache
def _read(name: str) -> bytes:
    return files("tocsin").joinpath("web", _ICON if name == "icon.svg" else f"docs/{name}").read_bytes()
