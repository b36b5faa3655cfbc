"""Changing one's own password."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec

from tocsin.api.answer import Answer, ok
from tocsin.api.call import Call
from tocsin.api.session import begin, is_session
from tocsin.api.sign_in import SignedIn, ended, signed_in, told, verified
from tocsin.credentials.password import hash_password, password_refusal
from tocsin.errors import Conflict, Forbidden, Invalid, Unauthenticated
from tocsin.wire import timestamp


class PasswordBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `PUT /api/auth/password`."""

    current: str
    new: Annotated[str, msgspec.Meta(min_length=1)]


async def change_password(call: Call) -> Answer:
    """`PUT /api/auth/password`: ends every other token and session of the user, and answers a new one."""
    if call.principal.kind != "user":
        raise Forbidden("An API key does not change a password")
    form = await call.read(PasswordBody)
    parts, id_ = call.parts, call.user_id
    why = password_refusal(form.new, user=id_, dev=parts.config.dev)
    if why is not None:
        raise Invalid("new", why)
    try:
        user = await verified(call, "password.change", id_, form.current)
    except Unauthenticated:
        raise Forbidden("The current password is wrong") from None
    async with parts.hashing.turn(call.request.address):
        hashed = await asyncio.to_thread(hash_password, form.new)
    async with parts.identity:
        now = await parts.store.user(id_)
        if now is None or now.password != user.password or now.disabled:
            raise Conflict("The user was changed meanwhile")
        changed = msgspec.structs.replace(now, password=hashed, tokens_after=ended(now, parts.clock.now()))
        await parts.store.put_user(changed, call.audit("password.change", id_))
    if is_session(call):
        expires_at, cookie = await begin(call, changed, None)
        return ok(SignedIn(expires_at=timestamp(expires_at), user=told(changed)), headers=[cookie])
    return signed_in(call, changed)
