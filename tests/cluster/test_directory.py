"""What a node knows of who somebody is, when it has lost sight of the log."""

from pathlib import Path
from typing import Any

from store.adapters import ADAPTERS, NOW, Recorder, audit, put_app, put_users
from store.test_contract_sessions import session
from tocsin.app import AppId, Secret
from tocsin.directory import Directory
from tocsin.ports import Store
from tocsin.principal import Key, KeyId, SessionId, UserId

ANNA, APP, KEY, SESSION = UserId("anna"), AppId("app"), KeyId("k"), SessionId("s")


def test_what_it_knew_of_anybody_is_looked_up_anew(tmp_path: Path) -> None:
    async def known(directory: Directory) -> list[Any]:
        return [
            await directory.user(ANNA),
            await directory.key(KEY),
            await directory.session(SESSION),
            await directory.app(APP),
            await directory.secrets(APP),
            await directory.installed(APP, ANNA),
        ]

    async def test(store: Store, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        await put_app(store, APP)
        await store.put_key(Key(id=KEY, user_id=ANNA, name="k", hash=b"k", created_at=NOW), audit())
        await store.put_session(session(SESSION, ANNA), NOW, None)
        await store.put_secret(Secret(id="x", app_id=APP, hash=b"s", created_at=NOW), audit())
        await store.put_install(APP, ANNA, audit())
        directory = Directory(store)
        before = await known(directory)
        assert all(before)
        await store.delete_user(ANNA, audit())
        await store.delete_app(APP, audit())
        assert await known(directory) == before, "nobody told it"
        directory.forget_all()
        assert not any(await known(directory))

    ADAPTERS["sqlite"].run(tmp_path, test)
