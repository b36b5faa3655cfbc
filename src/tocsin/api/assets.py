"""The files of the web app, in memory: read once, joined, hashed as one tree, compressed where that pays.

What `/assets/<hash>/…` serves never changes, so that browsers may keep it for good; relative imports in it, and
URLs in style sheets, work as they were written. Nothing is read after the start: no name leads to the disk.
"""

from __future__ import annotations

import gzip
import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec

from tocsin import wire
from tocsin.api.joining import joined

ROOTS = ("index.html", "admin.html", "demo.html", "worker.js", "manifest.webmanifest")
"""Files that have a URL of their own, at the top; what they name below `assets/~/` is served under the hash."""

ENTRIES = {"element.js": "element/index.js", "client.js": "client.js"}
"""Modules with a stable URL for pages of others: each gives on what the one under the hash exports."""

_LEFT_OUT = ("docs", "__pycache__")
_PLACE = b"assets/~/"
_LEAST_TO_COMPRESS = 256
_WORTH_IT = 0.9

KINDS = {
    "html": b"text/html; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "json": b"application/json",
    "webmanifest": b"application/manifest+json",
    "svg": b"image/svg+xml",
    "txt": b"text/plain; charset=utf-8",
    "png": b"image/png",
    "ico": b"image/vnd.microsoft.icon",
    "woff2": b"font/woff2",
    "mp3": b"audio/mpeg",
    "ogg": b"audio/ogg",
    "wav": b"audio/wav",
}
"""What is served, and as what; other files stay where they are."""


class Asset(msgspec.Struct, frozen=True):
    """One file.

    Attributes:
        kind: content type.
        tag: of the plain body, for `ETag`, without quotes.
        packed: the body in gzip; None where that is not worth it.
    """

    body: bytes
    kind: bytes
    tag: str
    packed: bytes | None


class Assets(msgspec.Struct, frozen=True):
    """All of them.

    Attributes:
        version: the hash of the tree.
        roots: by name: those with a URL of their own.
        below: by path in the tree.
    """

    version: str
    roots: dict[str, Asset]
    below: dict[str, Asset]


def folder() -> Traversable:
    """Where the web app lies in the installed package."""
    return files("tocsin").joinpath("web")


def load(top: Traversable) -> Assets:
    """Read a folder.

    Raises:
        OSError: a file cannot be read.
    """
    found: dict[str, bytes] = {}
    _collect(top, "", found)
    vendored = frozenset(path for path in found if path.endswith(".js") and "vendor" in path.split("/"))
    scripts = joined(
        {
            path: body
            for path, body in found.items()
            if path.endswith(".js") and path not in vendored and path not in ROOTS
        },
        vendored,
    )
    found.update(scripts.files)
    digest = hashlib.sha256()
    for path in sorted(found):
        digest.update(b"%b\0%d\0%b" % (path.encode(), len(found[path]), found[path]))
    version = digest.hexdigest()[:16]
    roots = {name: found.pop(name) for name in ROOTS if name in found}
    place = f"assets/{version}/"
    for name, path in ENTRIES.items():
        if path in found:
            roots[name] = f'export * from "./{place}{path}";\n'.encode()
    if "worker.js" in roots:
        kept = [place + path for path in sorted(found) if path not in scripts.aside and not path.startswith("element/")]
        shell = wire.encode(Shell(version, kept))
        roots["worker.js"] = b"self.SHELL = %b;\n%b" % (shell, roots["worker.js"])
    return Assets(
        version,
        {name: _asset(name, body.replace(_PLACE, place.encode())) for name, body in roots.items()},
        {path: _asset(path, body) for path, body in found.items()},
    )


class Shell(msgspec.Struct, frozen=True):
    """What the service worker is told: the hash, and the URLs of what is served under it and has no other."""

    version: str
    files: list[str]


def _collect(at: Traversable, path: str, found: dict[str, bytes]) -> None:
    for entry in at.iterdir():
        name = entry.name
        if name.startswith(".") or name in _LEFT_OUT:
            continue
        if entry.is_dir():
            _collect(entry, f"{path}{name}/", found)
        elif name.rpartition(".")[2] in KINDS:
            found[path + name] = entry.read_bytes()


def _asset(path: str, body: bytes) -> Asset:
    packed = gzip.compress(body, 9, mtime=0) if len(body) >= _LEAST_TO_COMPRESS else body
    tag = hashlib.sha256(body).hexdigest()[:24]
    kind = KINDS[path.rpartition(".")[2]]
    return Asset(body, kind, tag, packed if len(packed) < len(body) * _WORTH_IT else None)
