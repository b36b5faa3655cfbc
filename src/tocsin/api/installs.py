"""Who has which app: decided by the user themself, or for them by a superuser."""

from __future__ import annotations

from tocsin.api.answer import Answer, nothing
from tocsin.api.apps import known_app
from tocsin.api.call import Call
from tocsin.errors import NotFound
from tocsin.principal import UserId


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
