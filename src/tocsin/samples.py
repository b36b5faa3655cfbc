"""The people, devices, app and key of the API documents, for `serve --dev`; and their like kept out of real stores."""

from __future__ import annotations

import asyncio

from tocsin.app import App, AppId, Secret
from tocsin.credentials.key import DEV_APP_SECRET, DEV_KEY, secret_hash
from tocsin.credentials.password import password_holds
from tocsin.device import Device, DeviceId
from tocsin.errors import StartError
from tocsin.path.authorize import SAMPLE_KEY_ID
from tocsin.ports import AuditEntry, Clock, Store
from tocsin.principal import NOTIFICATIONS, Key, User, UserId

_USERS = {
    "user123": (frozenset({NOTIFICATIONS}), False),
    "user456": (frozenset({NOTIFICATIONS}), False),
    "viewer": (frozenset[str](), False),
    "admin": (frozenset({NOTIFICATIONS}), True),
}
PASSWORDS = {
    "user123": "$argon2id$v=19$m=19456,t=2,p=1$HJ+E3iSSovZo2jb4sMbwKw$SkNqVA3rkm8ynqqF5b0Ub3KAJd40EponFhbth8i9hBE",
    "user456": "$argon2id$v=19$m=19456,t=2,p=1$jH9vWXvfJGAdoRkiGWHeJQ$2EKkdSIDWLeApcwM98EZz24W/4sruOhnGYFymkaFxCk",
    "viewer": "$argon2id$v=19$m=19456,t=2,p=1$vmK6Ep3DVZPc817gysArjg$QH63bm7/wGR0ZcheDd/5x1cFJQ+NBgsQj2eCZPw+L8w",
    "admin": "$argon2id$v=19$m=19456,t=2,p=1$TZuJqgSVTetD/XHLml3fNQ$p3HQL0vL3r9Qul5dOX/e0ugJ04Vw5IV+k7rrG+5hUTg",
}
"""What is kept of their passwords: everybody's is the name. Kept, as making four is a tenth of a first start."""

_SERVICE = UserId("system")
_DEVICES = ("device123", "device456")
_APP = AppId("demo-app")
_SECRET_ID = "sample"  # noqa: S105  (an id, no secret)


async def put_in(store: Store, clock: Clock) -> None:
    """Put in what is missing of the samples.

    Raises:
        StartError: somebody else's people are in there, and none of the samples.
    """
    # In this order: samples that another node is just putting in are as they are here, or their service is there.
    there = await store.users(None, 20)
    real = [one.id for one in there if one.id not in PASSWORDS or one.password != PASSWORDS[one.id]]
    if real and await store.user(_SERVICE) is None and await store.key(SAMPLE_KEY_ID) is None:
        raise StartError(
            f"this data is that of a server without --dev (it knows {', '.join(real)});"
            " --dev would put in users and a key that everybody knows: use another --data"
        )

    def audit(what: str) -> AuditEntry:
        return AuditEntry(at=clock.now(), who="tocsin", action="sample", what=what, origin="")

    async def put_user(id_: str, permissions: frozenset[str], *, superuser: bool) -> None:
        if await store.user(UserId(id_)) is None:
            password = PASSWORDS.get(id_)
            user = User(id=UserId(id_), name=id_, password=password, permissions=permissions, superuser=superuser)
            await store.put_user(user, audit(id_), replace=False)

    async def put_key() -> None:
        await put_user(_SERVICE, frozenset({NOTIFICATIONS}), superuser=True)
        if await store.key(SAMPLE_KEY_ID) is None:
            key = Key(
                id=SAMPLE_KEY_ID,
                user_id=_SERVICE,
                name="system",
                hash=secret_hash(DEV_KEY),
                created_at=clock.now(),
            )
            await store.put_key(key, audit(SAMPLE_KEY_ID))

    async def put_app() -> None:
        if await store.app(_APP) is None:
            await store.put_app(App(id=_APP, name="Demo"), audit(_APP))
            secret = Secret(id=_SECRET_ID, app_id=_APP, hash=secret_hash(DEV_APP_SECRET), created_at=clock.now())
            await store.put_secret(secret, audit(_APP))
            for user in ("user123", "user456"):
                await store.put_install(_APP, UserId(user), audit(f"{_APP} {user}"))

    async def put_devices() -> None:
        for id_ in _DEVICES:
            if await store.device(DeviceId(id_)) is None:
                await store.put_device(Device(id=DeviceId(id_), name=id_), audit(id_))

    people = [put_user(id_, permissions, superuser=superuser) for id_, (permissions, superuser) in _USERS.items()]
    await asyncio.gather(*people, put_key(), put_devices())
    await put_app()


async def refuse_in(store: Store) -> None:
    """Refuse to run for real on a store that the whole world has the keys of.

    Raises:
        StartError: the store holds the sample key, the sample app secret or a sample password.
    """
    found = []
    if await store.key(SAMPLE_KEY_ID) is not None:
        found.append("the sample API key")
    if await store.secret(_SECRET_ID) is not None:
        found.append("the sample app secret")
    admin = await store.user(UserId("admin"))
    if admin is not None and admin.password and await asyncio.to_thread(password_holds, "admin", admin.password):
        found.append("the password of admin")
    if found:
        raise StartError(
            f"a server was started on this data with --dev, which put in {', '.join(found)}, known to everybody:"
            " use another --data; or, where it holds what is real, start it once more with --dev on 127.0.0.1, and"
            f" take out the key {SAMPLE_KEY_ID}, the app {_APP} and the users {', '.join(_USERS)} and {_SERVICE}"
        )
