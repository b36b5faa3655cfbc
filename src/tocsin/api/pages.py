"""The web app's pages and files."""

from __future__ import annotations

from tocsin.api.answer import Answer, Headers
from tocsin.api.assets import Asset
from tocsin.api.call import Call
from tocsin.api.packing import takes_gzip
from tocsin.errors import NotFound

POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    b"media-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; "
    b"form-action 'none'; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'; trusted-types lit-html tocsin-worker"
)
"""Nothing inline, nothing from elsewhere. The policies named make Lit's templates and the address of the worker."""

FRESH: Headers = [(b"cache-control", b"no-cache")]
FOR_GOOD: Headers = [(b"cache-control", b"public, max-age=31536000, immutable")]
_OF_A_PAGE: Headers = [*FRESH, (b"content-security-policy", POLICY)]


async def home(call: Call) -> Answer:
    """`GET /`: the inbox; the description of the API where there is none."""
    if "index.html" not in call.parts.assets.roots:
        return Answer(307, b"", b"", [(b"location", b"docs")])
    return _served(call, call.parts.assets.roots["index.html"], _OF_A_PAGE)


async def admin(call: Call) -> Answer:
    """`GET /admin`."""
    return _root(call, "admin.html", _OF_A_PAGE)


async def demo(call: Call) -> Answer:
    """`GET /demo`: the elements in a page as somebody else would write it."""
    return _root(call, "demo.html", _OF_A_PAGE)


async def worker(call: Call) -> Answer:
    """`GET /worker.js`: the service worker, whose scope is everything because it lies at the top."""
    return _root(call, "worker.js", _OF_A_PAGE)


async def manifest(call: Call) -> Answer:
    """`GET /manifest.webmanifest`."""
    return _root(call, "manifest.webmanifest", FRESH)


async def element(call: Call) -> Answer:
    """`GET /element.js`: the inbox as an element, for pages of others."""
    return _root(call, "element.js", FRESH)


async def client(call: Call) -> Answer:
    """`GET /client.js`: the client, for pages of others."""
    return _root(call, "client.js", FRESH)


async def web_file(call: Call) -> Answer:
    """`GET /assets/{version}/{path}`: what never changes; under another hash there is nothing."""
    assets = call.parts.assets
    found = assets.below.get(call.param("path")) if call.param("version") == assets.version else None
    if found is None:
        raise NotFound("File")
    return _served(call, found, FOR_GOOD)


def _root(call: Call, name: str, headers: Headers) -> Answer:
    found = call.parts.assets.roots.get(name)
    if found is None:
        raise NotFound("Page")
    return _served(call, found, headers)


def _served(call: Call, found: Asset, headers: Headers) -> Answer:
    """A file, compressed for who takes that; 304 for who has it."""
    packs = found.packed is not None and takes_gzip(call.request)
    tag = f'"{found.tag}-gzip"' if packs else f'"{found.tag}"'
    headers = [*headers, (b"vary", b"Accept-Encoding, Origin")]
    # Of what never changes nobody asks whether it has.
    if headers[0] not in FOR_GOOD:
        headers.append((b"etag", tag.encode()))
    if tag in (call.request.header(b"if-none-match") or ""):
        return Answer(304, b"", b"", headers)
    if packs and found.packed is not None:
        return Answer(200, found.packed, found.kind, [*headers, (b"content-encoding", b"gzip")])
    return Answer(200, found.body, found.kind, headers)
