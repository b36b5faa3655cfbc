"""The session cookie: its names, its attributes, and how it is read (RFC 6265 §4)."""

from __future__ import annotations

NAME = "__Host-tocsin"
"""Over https and on loopback: the prefix keeps every other host from setting it."""

PLAIN_NAME = "tocsin"
"""Over http, where a browser would not keep the other one."""


def name_of(*, secure: bool) -> str:
    """What the cookie is called.

    Parameters:
        secure: whether the browser takes what is Secure from here.
    """
    return NAME if secure else PLAIN_NAME


def read_cookie(header: str, name: str) -> str | None:
    """The value of a cookie in a `Cookie` header, or None; of two, the first, whose path is the longer one."""
    for pair in header.split(";"):
        found, equals, value = pair.strip().partition("=")
        if equals and found == name:
            return value
    return None


def set_cookie(value: str, seconds: int, *, secure: bool) -> bytes:
    """A `Set-Cookie` field that keeps it, or with 0 seconds takes it away.

    Strict loses nothing: the pages themselves are public, and what they ask for comes from their own site.
    """
    attributes = f"; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"
    return f"{name_of(secure=secure)}={value}{attributes}".encode()
