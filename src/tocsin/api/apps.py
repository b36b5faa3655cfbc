"""Apps and their secrets, as superusers look after them."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tocsin.api.answer import Answer, nothing, ok
from tocsin.api.call import Call, text_of
from tocsin.app import QUOTA_PER_HOUR, App, AppId, Secret
from tocsin.credentials.key import make_key
from tocsin.errors import Conflict, Invalid, NotFound
from tocsin.principal import parse_id
from tocsin.wire import timestamp

MOST_SECRETS = 20
"""Secrets of one app: each is compared on every send of that app."""


class AppBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Body of `PUT /api/apps/{id}`: all of the app; what is left out gets its default.

    Attributes:
        id: the same as in the path.
        name: shown as the title of what it sends; the id unless given.
        quota_per_hour: notifications to one user in a UTC clock hour; 10 unless given.
        install_for_all: for every user who has not uninstalled it.
    """

    id: str | None = None
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None
    quota_per_hour: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    install_for_all: bool | None = None


class AppItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An app."""

    id: str
    name: str
    quota_per_hour: int
    install_for_all: bool


class Apps(msgspec.Struct, frozen=True):
    """A page of apps, by id; `next` is the `before` of the following page, or null."""

    apps: list[AppItem]
    next: str | None


class SecretItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A secret as told: never itself."""

    id: str
    created_at: str


class Secrets(msgspec.Struct, frozen=True):
    """An app's secrets, oldest first; they are few, so `next` is always null."""

    secrets: list[SecretItem]
    next: str | None


class NewSecret(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A secret as told this once."""

    id: str
    secret: str


async def list_apps(call: Call) -> Answer:
    """`GET /api/apps`."""
    limit = call.limit()
    found = await call.parts.store.apps(call.before(), limit + 1)
    next_ = found[limit - 1].id if len(found) > limit else None
    return ok(Apps([_item(app) for app in found[:limit]], next_))


async def get_app(call: Call) -> Answer:
    """`GET /api/apps/{id}`."""
    return ok(_item(await known_app(call)))


async def put_app(call: Call) -> Answer:
    """`PUT /api/apps/{id}`: create or replace; its secrets and installs stay."""
    parts, form = call.parts, await call.read(AppBody)
    id_ = AppId(parse_id(call.param("id"), where="id"))
    if form.id is not None and parse_id(form.id, where="id") != id_:
        raise Invalid("id", "is another than in the path")
    app = App(
        id=id_,
        name=text_of(form.name, where="name") if form.name is not None else id_,
        quota_per_hour=QUOTA_PER_HOUR if form.quota_per_hour is None else form.quota_per_hour,
        install_for_all=bool(form.install_for_all),
    )
    async with parts.identity:
        old = await parts.store.app(id_)
        await parts.store.put_app(app, call.audit("app.create" if old is None else "app.replace", id_))
    return ok(_item(app), status=201 if old is None else 200)


async def delete_app(call: Call) -> Answer:
    """`DELETE /api/apps/{id}`: with its secrets and installs; what it sent stays."""
    parts, id_ = call.parts, AppId(call.named("id", "App"))
    async with parts.identity:
        if not await parts.store.delete_app(id_, call.audit("app.delete", id_)):
            raise NotFound("App")
    return nothing()


async def list_secrets(call: Call) -> Answer:
    """`GET /api/apps/{id}/secrets`."""
    app = await known_app(call)
    found = await call.parts.store.secrets(app.id)
    return ok(Secrets([SecretItem(id=one.id, created_at=timestamp(one.created_at)) for one in found], None))


async def make_secret(call: Call) -> Answer:
    """`POST /api/apps/{id}/secrets`: the only answer that ever holds it. Earlier ones go on holding."""
    parts, made = call.parts, make_key()
    async with parts.identity:
        app = await known_app(call)
        if len(await parts.store.secrets(app.id)) >= MOST_SECRETS:
            raise Conflict(f"An app has at most {MOST_SECRETS} secrets; delete one first")
        secret = Secret(id=made.id, app_id=app.id, hash=made.hash, created_at=parts.clock.now())
        await parts.store.put_secret(secret, call.audit("secret.create", f"{made.id} of {app.id}"))
    return ok(NewSecret(id=made.id, secret=made.text), status=201)


async def delete_secret(call: Call) -> Answer:
    """`DELETE /api/apps/{id}/secrets/{secretId}`."""
    parts, app, id_ = call.parts, AppId(call.named("id", "Secret")), call.param("secretId")
    if not await parts.store.delete_secret(app, id_, call.audit("secret.delete", f"{id_} of {app}")):
        raise NotFound("Secret")
    return nothing()


async def known_app(call: Call) -> App:
    """The app in the path.

    Raises:
        NotFound: there is none.
    """
    app = await call.parts.store.app(AppId(call.named("id", "App")))
    if app is None:
        raise NotFound("App")
    return app


def _item(app: App) -> AppItem:
    return AppItem(id=app.id, name=app.name, quota_per_hour=app.quota_per_hour, install_for_all=app.install_for_all)
