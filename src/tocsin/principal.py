"""Who somebody is: principals, and the users and keys behind them."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Literal, NewType

import msgspec

from tocsin.errors import Invalid

UserId = NewType("UserId", str)
KeyId = NewType("KeyId", str)
SessionId = NewType("SessionId", str)

NOTIFICATIONS = "notifications"
"""The permission to send."""

ID_LENGTH = 128
"""Most code points in the id of a user, an app or a device."""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person, or what stands in for one; the id is the login name.

    Attributes:
        password: Argon2id hash in PHC form; None when the user cannot sign in here.
        joined: the log's head when the user came to be; broadcasts up to it are not theirs.
        tokens_after: milliseconds UTC; tokens of ours issued before it do not hold.
    """

    id: UserId
    name: str
    password: str | None = None
    permissions: frozenset[str] = frozenset()
    superuser: bool = False
    disabled: bool = False
    joined: int = 0
    tokens_after: int = 0


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key of a service; acts as the user it belongs to.

    Attributes:
        hash: SHA-256 of the secret half.
        expires_at: milliseconds UTC, or None.
    """

    id: KeyId
    user_id: UserId
    name: str
    hash: bytes
    created_at: int
    expires_at: int | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody is signed in with a browser.

    Attributes:
        hash: SHA-256 of the secret half of what the cookie holds.
        created_at: milliseconds UTC; what was made before the user's `tokens_after` does not hold.
        expires_at: milliseconds UTC.
    """

    id: SessionId
    user_id: UserId
    hash: bytes
    created_at: int
    expires_at: int


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who makes a request, established from a credential.

    Attributes:
        user_id: the user this is or acts for; None for an app.
        app_id: the app, for an app secret.
        credential: which credential established it (`token:…`, `session:…`, `key:…`, `secret:…`), never its secret.
        issued_at: milliseconds UTC at which a token or a session of ours was made; None for all else.
        expires_at: milliseconds UTC after which it no longer holds; None when it does not expire.
    """

    kind: Literal["user", "service", "app"]
    credential: str
    user_id: UserId | None = None
    app_id: str | None = None
    permissions: frozenset[str] = frozenset()
    superuser: bool = False
    issued_at: int | None = None
    expires_at: int | None = None

    @property
    def sender(self) -> str:
        """How the log names this principal as a sender."""
        return f"app:{self.app_id}" if self.kind == "app" else f"user:{self.user_id}"


def parse_id(text: str, *, where: str) -> str:
    """The one canonical form of an id (NFC), or a refusal.

    Parameters:
        text: as the sender wrote it.
        where: the field to name in the refusal.

    Raises:
        Invalid: empty, over 128 code points, holds a control character or surrounding white space.
    """
    # The same few come again and again; what is kept of them is short.
    return _parse_known(text, where) if len(text) <= ID_LENGTH else _parse(text, where)


def _parse(text: str, where: str) -> str:
    form = text if text.isascii() else unicodedata.normalize("NFC", text)
    if not form:
        raise Invalid(where, "must not be empty")
    if len(form) > ID_LENGTH:
        raise Invalid(where, f"must be at most {ID_LENGTH} characters")
    if not form.isprintable() and any(unicodedata.category(c) in _CONTROL for c in form):
        raise Invalid(where, "must not contain control characters")
    if form != form.strip():
        raise Invalid(where, "must not begin or end with white space")
    return form


_parse_known = lru_cache(maxsize=4096)(_parse)


# Zl and Zp break lines in logs and terminals as surely as a control character does.
_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
