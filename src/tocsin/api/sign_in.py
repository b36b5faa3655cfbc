"""Signing in for a token, who one is, and tickets for streams."""

from __future__ import annotations

import asyncio

import msgspec

from tocsin.api.answer import Answer, ok
from tocsin.api.call import Call
from tocsin.api.recording import record_if_possible
from tocsin.credentials.password import password_holds
from tocsin.errors import Invalid, TooMany, Unauthenticated
from tocsin.principal import User, UserId, parse_id
from tocsin.wire import timestamp

_UNKNOWN = "(no such user)"
"""What the audit log says of a name that is nobody's: people type their password into that field, too."""


class LoginBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /api/auth/login`."""

    username: str
    password: str


class Me(msgspec.Struct, frozen=True):
    """Who is signed in, and what they may do."""

    id: str
    name: str
    permissions: list[str]
    superuser: bool


class SignedIn(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A token, until when it holds, and whose it is.

    Attributes:
        token: not for who came by the session cookie, which is set anew instead.
    """

    token: str | msgspec.UnsetType = msgspec.UNSET
    expires_at: str
    user: Me


class Ticket(msgspec.Struct, frozen=True, rename="camel"):
    """What opens one stream, once, as `?ticket=`."""

    ticket: str
    expires_at: str


async def login(call: Call) -> Answer:
    """`POST /api/auth/login`: the same answer, after the same work, for an unknown user and a wrong password."""
    form = await call.read(LoginBody)
    user = await verified(call, "sign-in", form.username, form.password)
    entry = msgspec.structs.replace(call.audit("sign-in", user.id), who=f"user:{user.id} by password")
    await record_if_possible(call.parts.store, entry)
    return signed_in(call, user)


async def me(call: Call) -> Answer:
    """`GET /api/auth/me`."""
    return ok(await who(call))


async def who(call: Call) -> Me:
    """Who makes a call, and what they may do by the credential that they came with.

    Raises:
        Unauthenticated: they are gone.
    """
    user = await call.parts.directory.user(call.user_id)
    if user is None:
        raise Unauthenticated
    principal = call.principal
    return Me(user.id, user.name, sorted(principal.permissions), principal.superuser)


def told(user: User) -> Me:
    """A user as told to themself."""
    return Me(user.id, user.name, sorted(user.permissions), user.superuser)


async def make_ticket(call: Call) -> Answer:
    """`POST /api/auth/ticket`."""
    ticket, expires_at = call.parts.tickets.issue(call.principal)
    return ok(Ticket(ticket, timestamp(expires_at)), status=201)


def ended(user: User, now: int) -> int:
    """A `tokens_after` that ends every token of a user.

    Parameters:
        now: milliseconds UTC; a token of this very millisecond ends as well.
    """
    return max(now, user.tokens_after) + 1


async def verified(call: Call, action: str, username: str, password: str) -> User:
    """The user of that name, whose password it is; a refusal is recorded as one of that action.

    Raises:
        Unauthenticated: no such user, a wrong password, or a disabled user: all alike.
        TooMany: too many failures, whatever this one would have been. Unavailable: too many at once.
    """
    try:
        return await _judged(call, username, password)
    except (TooMany, Unauthenticated) as refusal:
        known = await _user_named(call, username)
        entry = call.audit(action, known.id if known is not None else _UNKNOWN, refusal.code)
        await call.parts.recording.add(call.parts.store, entry, call.parts.clock.monotonic())
        raise


async def _judged(call: Call, username: str, password: str) -> User:
    parts, address = call.parts, call.request.address
    parts.attempts.check(username, address)
    async with parts.hashing.turn(address):
        # Whoever waited may find that others have used up the failures meanwhile.
        parts.attempts.check(username, address)
        user = await _user_named(call, username)
        kept = user.password if user is not None else None
        holds = await asyncio.to_thread(password_holds, password, kept)
    # Looked at again: a password that was changed during the hashing must not give a token.
    user = await _user_named(call, username)
    if not holds or user is None or user.disabled or user.password != kept:
        parts.attempts.failed(username, address)
        raise Unauthenticated
    parts.attempts.succeeded(username, address)
    return user


async def _user_named(call: Call, username: str) -> User | None:
    try:
        return await call.parts.store.user(UserId(parse_id(username, where="username")))
    except Invalid:
        return None


def signed_in(call: Call, user: User) -> Answer:
    """A new token of that user."""
    token, expires_at = call.parts.tokens.issue(user, call.parts.clock.now())
    whose = told(user)
    return ok(SignedIn(token=token, expires_at=timestamp(expires_at), user=whose))
