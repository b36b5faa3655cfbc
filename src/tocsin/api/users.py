"""Users, as superusers look after them."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec

from tocsin.api.answer import Answer, nothing, ok
from tocsin.api.call import Call, text_of
from tocsin.api.sign_in import ended
from tocsin.credentials.password import hash_password, password_refusal
from tocsin.errors import Conflict, Invalid, NotFound
from tocsin.principal import NOTIFICATIONS, User, UserId, parse_id

PERMISSIONS = frozenset({NOTIFICATIONS})
"""The permissions there are."""

_AT_ONCE = 200


class UserBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `PUT /api/users/{id}`: all of the user; what is left out gets its default.

    Attributes:
        id: the same as in the path.
        name: the id unless given.
        password: the old one stays unless given; a new one ends all tokens of the user.
        permissions: there is only `notifications`, to send.
        disabled: cannot sign in; their tokens, keys and streams end.
    """

    id: str | None = None
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None
    password: str | None = None
    permissions: list[str] | None = None
    superuser: bool | None = None
    disabled: bool | None = None


class UserItem(msgspec.Struct, frozen=True, kw_only=True):
    """A user as told: never the password, nor what is kept of it."""

    id: str
    name: str
    permissions: list[str]
    superuser: bool
    disabled: bool


class Users(msgspec.Struct, frozen=True):
    """A page of users, by id; `next` is the `before` of the following page, or null."""

    users: list[UserItem]
    next: str | None


async def list_users(call: Call) -> Answer:
    """`GET /api/users`."""
    limit = call.limit()
    found = await call.parts.store.users(call.before(), limit + 1)
    next_ = found[limit - 1].id if len(found) > limit else None
    return ok(Users([_item(user) for user in found[:limit]], next_))


async def get_user(call: Call) -> Answer:
    """`GET /api/users/{id}`."""
    user = await call.parts.store.user(UserId(call.named("id", "User")))
    if user is None:
        raise NotFound("User")
    return ok(_item(user))


async def put_user(call: Call) -> Answer:
    """`PUT /api/users/{id}`: create or replace."""
    parts, form = call.parts, await call.read(UserBody)
    id_ = UserId(parse_id(call.param("id"), where="id"))
    _check(form, id_, dev=parts.config.dev)
    hashed = None
    if form.password is not None:
        async with parts.hashing.turn(call.request.address):
            hashed = await asyncio.to_thread(hash_password, form.password)
    async with parts.identity:
        old = await parts.store.user(id_)
        new = _made(form, id_, hashed, old, parts.clock.now())
        if new.disabled or not new.superuser:
            await _keep_a_superuser(call, old)
        stored = await parts.store.put_user(new, call.audit("user.create" if old is None else "user.replace", id_))
    return ok(_item(stored), status=201 if old is None else 200)


async def delete_user(call: Call) -> Answer:
    """`DELETE /api/users/{id}`: with their notifications, keys and installs."""
    parts, id_ = call.parts, UserId(call.named("id", "User"))
    async with parts.identity:
        await _keep_a_superuser(call, await parts.store.user(id_))
        if not await parts.store.delete_user(id_, call.audit("user.delete", id_)):
            raise NotFound("User")
    return nothing()


def _check(form: UserBody, id_: UserId, *, dev: bool) -> None:
    if form.id is not None and parse_id(form.id, where="id") != id_:
        raise Invalid("id", "is another than in the path")
    if form.name is not None:
        text_of(form.name, where="name")
    if unknown := sorted(set(form.permissions or ()) - PERMISSIONS):
        raise Invalid("permissions", f"there is no permission {unknown[0]!r:.100}")
    if form.password is not None:
        why = password_refusal(form.password, user=id_, dev=dev)
        if why is not None:
            raise Invalid("password", why)


def _made(form: UserBody, id_: UserId, hashed: str | None, old: User | None, now: int) -> User:
    disabled = bool(form.disabled)
    if old is None:
        # Tokens of a deleted user of the same id do not open this one.
        tokens_after = now + 1
    elif hashed is not None or (disabled and not old.disabled):
        tokens_after = ended(old, now)
    else:
        tokens_after = old.tokens_after
    return User(
        id=id_,
        name=form.name if form.name is not None else id_,
        password=hashed if hashed is not None or old is None else old.password,
        permissions=frozenset(form.permissions or ()),
        superuser=bool(form.superuser),
        disabled=disabled,
        tokens_after=tokens_after,
    )


async def _keep_a_superuser(call: Call, leaving: User | None) -> None:
    """Raise Conflict when nobody would be left who could let anybody in again."""
    if leaving is None or leaving.disabled or not leaving.superuser:
        return
    last: str | None = None
    while page := await call.parts.store.users(last, _AT_ONCE):
        if any(user.superuser and not user.disabled and user.id != leaving.id for user in page):
            return
        last = page[-1].id
    raise Conflict("The last active superuser stays: make another one first")


def _item(user: User) -> UserItem:
    return UserItem(
        id=user.id,
        name=user.name,
        permissions=sorted(user.permissions),
        superuser=user.superuser,
        disabled=user.disabled,
    )
