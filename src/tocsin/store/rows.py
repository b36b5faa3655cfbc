"""Rows as words."""

from __future__ import annotations

from typing import Any

import msgspec

from tocsin.app import App, Secret
from tocsin.errors import Damaged
from tocsin.principal import Key, Session, User

Row = tuple[Any, ...]


def user_of(row: Row) -> User:
    """A row of `users`."""
    id_, name, password, permissions, superuser, disabled, joined, tokens_after = row
    return User(
        id=id_,
        name=name,
        password=password,
        permissions=frozenset(permissions_of(id_, permissions)),
        superuser=bool(superuser),
        disabled=bool(disabled),
        joined=joined,
        tokens_after=tokens_after,
    )


def permissions_of(user: str, text: str | bytes) -> list[str]:
    """What a row of `users` keeps as JSON.

    Raises:
        Damaged: it is not as it was written.
    """
    try:
        return msgspec.json.decode(text, type=list[str])
    except msgspec.DecodeError:
        raise Damaged(f"the user {user!r:.100}") from None


def key_of(row: Row) -> Key:
    """A row of `keys`."""
    return Key(id=row[0], user_id=row[1], name=row[2], hash=row[3], created_at=row[4], expires_at=row[5])


def session_of(row: Row) -> Session:
    """A row of `sessions`."""
    return Session(id=row[0], user_id=row[1], hash=row[2], created_at=row[3], expires_at=row[4])


def app_of(row: Row) -> App:
    """A row of `apps`."""
    return App(id=row[0], name=row[1], quota_per_hour=row[2], install_for_all=bool(row[3]), joined=row[4])


def secret_of(row: Row) -> Secret:
    """A row of `secrets`."""
    return Secret(id=row[0], app_id=row[1], hash=row[2], created_at=row[3])
