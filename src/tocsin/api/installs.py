"""Who has which app: decided by the user themself, or for them by a superuser."""

from __future__ import annotations

import msgspec

from tocsin.api.answer import Answer, nothing, ok
from tocsin.api.apps import known_app
from tocsin.api.call import Call
from tocsin.errors import NotFound
from tocsin.principal import UserId


class Install(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A user has an app: by their own choice or a superuser's, or because it is for all."""

    app_id: str
    user_id: str


class Installs(msgspec.Struct, frozen=True):
    """A page of installs, by the id that was not asked for; `next` is the `before` of the following page, or null."""

    installs: list[Install]
    next: str | None


async def list_of_app(call: Call) -> Answer:
    """`GET /api/apps/{id}/installs`: who has it."""
    limit, app = call.limit(), await known_app(call)
    found = await call.parts.store.users_of_app(app.id, call.before(), limit + 1)
    installs = [Install(app_id=app.id, user_id=user) for user in found[:limit]]
    return ok(Installs(installs, installs[-1].user_id if len(found) > limit else None))


async def list_of_user(call: Call) -> Answer:
    """`GET /api/users/{id}/installs`: what they have."""
    limit, user, store = call.limit(), UserId(call.named("id", "User")), call.parts.store
    if await store.user(user) is None:
        raise NotFound("User")
    found = await store.apps_of_user(user, call.before(), limit + 1)
    installs = [Install(app_id=app, user_id=user) for app in found[:limit]]
    return ok(Installs(installs, installs[-1].app_id if len(found) > limit else None))


async def install(call: Call) -> Answer:
    """`PUT /api/apps/{id}/install`."""
    return await _set(call, call.user_id, installed=True)


async def uninstall(call: Call) -> Answer:
    """`DELETE /api/apps/{id}/install`: it can send to this user no more."""
    return await _set(call, call.user_id, installed=False)


async def install_for(call: Call) -> Answer:
    """`PUT /api/apps/{id}/installs/{userId}`."""
    return await _set(call, UserId(call.named("userId", "User")), installed=True)


async def uninstall_for(call: Call) -> Answer:
    """`DELETE /api/apps/{id}/installs/{userId}`."""
    return await _set(call, UserId(call.named("userId", "User")), installed=False)


async def _set(call: Call, user: UserId, *, installed: bool) -> Answer:
    store = call.parts.store
    async with call.parts.identity:
        app = await known_app(call)
        if await store.user(user) is None:
            raise NotFound("User")
        # Saying the same again writes nothing: every user may do this, as often as they like.
        if await store.installed(app.id, user) != installed:
            what = f"{app.id} for {user}"
            if installed:
                await store.put_install(app.id, user, call.audit("install", what))
            else:
                await store.delete_install(app.id, user, call.audit("uninstall", what))
    return nothing()
