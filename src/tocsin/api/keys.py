"""API keys, as superusers give them out and take them back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from tocsin.api.answer import Answer, nothing, ok
from tocsin.api.call import Call, text_of
from tocsin.credentials.key import make_key
from tocsin.errors import Invalid, NotFound
from tocsin.principal import Key, KeyId, UserId, parse_id
from tocsin.wire import timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 253_402_300_799_999
"""The end of the year 9999 in milliseconds, after which no timestamp can be written."""


class KeyBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Body of `POST /api/keys`.

    Attributes:
        user_id: whom it acts as.
        expires_at: RFC 3339 with an offset; never unless given.
    """

    user_id: str
    name: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class KeyItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A key as told: never its secret."""

    id: str
    name: str
    user_id: str
    expires_at: str | None


class NewKey(KeyItem, frozen=True, kw_only=True, rename="camel"):
    """A key as told this once, with its secret."""

    key: str


class Keys(msgspec.Struct, frozen=True):
    """A page of keys, by id; `next` is the `before` of the following page, or null."""

    keys: list[KeyItem]
    next: str | None


async def list_keys(call: Call) -> Answer:
    """`GET /api/keys`."""
    limit = call.limit()
    found = await call.parts.store.keys(call.before(), limit + 1)
    next_ = found[limit - 1].id if len(found) > limit else None
    items = [
        KeyItem(id=key.id, name=key.name, user_id=key.user_id, expires_at=_written(key.expires_at))
        for key in found[:limit]
    ]
    return ok(Keys(items, next_))


async def make(call: Call) -> Answer:
    """`POST /api/keys`: the only answer that ever holds the key."""
    parts, form = call.parts, await call.read(KeyBody)
    now = parts.clock.now()
    user_id, expires_at = UserId(parse_id(form.user_id, where="userId")), _expiry(form.expires_at, now)
    name = text_of(form.name or "", where="name")
    made = make_key()
    key = Key(id=KeyId(made.id), user_id=user_id, name=name, hash=made.hash, created_at=now, expires_at=expires_at)
    async with parts.identity:
        if await parts.store.user(user_id) is None:
            raise NotFound("User")
        await parts.store.put_key(key, call.audit("key.create", f"{key.id} of {user_id}"))
    item = NewKey(id=key.id, name=name, user_id=user_id, expires_at=_written(expires_at), key=made.text)
    return ok(item, status=201)


async def delete_key(call: Call) -> Answer:
    """`DELETE /api/keys/{id}`: it holds no more, and its streams end."""
    id_ = KeyId(call.param("id"))
    if not await call.parts.store.delete_key(id_, call.audit("key.delete", id_)):
        raise NotFound("Key")
    return nothing()


def _expiry(given: datetime | None, now: int) -> int | None:
    if given is None:
        return None
    at = (given - _EPOCH) // timedelta(milliseconds=1)
    if not now < at <= _LATEST:
        raise Invalid("expiresAt", "must lie ahead, before the year 10000")
    return at


def _written(expires_at: int | None) -> str | None:
    return None if expires_at is None else timestamp(expires_at)
