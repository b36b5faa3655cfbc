"""A SQLite database that goes over to PostgreSQL is the same there, and goes on."""

import asyncio
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from harness.postgresql import cluster
from store.adapters import ADAPTERS, NOW, Recorder, audit, draft, kept, outcome, pages, put_app, put_users
from store.test_contract_sessions import session
from tocsin.errors import StartError
from tocsin.idempotency import Once
from tocsin.notification import Draft
from tocsin.ports import Replay, Store
from tocsin.principal import Key, KeyId, SessionId, UserId
from tocsin.store.postgresql.copying import copy
from tocsin.store.postgresql.store import PostgresqlStore
from tocsin.store.sqlite.restore import undo_move

ANNA, BERT = UserId("anna"), UserId("bert")
ONCE = Once(scope="key:tests send", key="k", fingerprint=b"print")
BATCH = Once(scope="key:tests batch", key="b", fingerprint=b"batch")


async def lived_in(store: Store, _recorder: Recorder) -> None:
    await put_users(store, ANNA, BERT, "gone")
    await put_app(store, "app")
    await store.put_install("app", ANNA, audit())
    await store.put_key(Key(id=KeyId("k"), user_id=ANNA, name="Zoë", hash=b"\0\xff", created_at=NOW), audit())
    await store.setting("a setting", lambda: "its value")
    sent = [
        await kept(store, f"{n} ü \U0001f389", user=[ANNA, BERT, None, "gone"][n % 4], device="d") for n in range(40)
    ]
    await store.append_all([draft("x", user=ANNA), draft("y", user="nobody")], BATCH, NOW, whole=False)
    await store.append(keyed())
    await store.act(ANNA, sent[0].id, "read", NOW)
    await store.act(ANNA, sent[2].id, "dismiss", NOW + 1)
    await store.mark(BERT, sent[20].first, None, None, NOW)
    await store.act(BERT, sent[1].id, "unread", NOW)
    await store.withdraw(sent[4].id, NOW, audit())
    await store.withdraw(sent[6].id, NOW, None)
    await store.put_session(session("s", ANNA), NOW, audit())
    await store.confirm(ANNA, 0, sent[8].seq, NOW)
    await store.confirm(ANNA, sent[12].seq, store.head, NOW + 1)
    await store.delete_user(UserId("gone"), audit())


def keyed() -> Draft:
    return msgspec.structs.replace(draft("keyed", user="anna"), once=ONCE)


async def seen(store: Any) -> dict[str, Any]:
    """All that can be seen of a store from outside."""
    found: dict[str, Any] = {"epoch": store.epoch, "head": store.head}
    for user in (ANNA, BERT):
        found[f"inbox {user}"] = await pages(store, user, 7)
        found[f"unread {user}"] = await store.unread(user)
        found[f"changes {user}"] = await store.changes(user, None, 0, 500)
        found[f"since {user}"] = await store.changes(user, None, 30, 500)
    for item in found["inbox anna"]:
        found[item.notification.id] = await store.whereabouts(item.notification.id, None, 10)
    found["users"] = await store.users(None, 10)
    found["keys"] = await store.keys(None, 10)
    found["session"] = await store.session(SessionId("s"))
    found["sent"] = await store.sent(None, 0, 100)
    found["apps"] = await store.apps(None, 10)
    found["installed"] = [await store.installed("app", user) for user in (ANNA, BERT)]
    found["audits"] = await store.audits(None, 100)
    found["setting"] = await store.setting("a setting", lambda: "another")
    return found


def target(name: str) -> str:
    return cluster().database(name)


def test_what_went_over_is_the_same_and_goes_on(folder: Path) -> None:
    before: dict[str, Any] = {}

    async def look(store: Store, _recorder: Recorder) -> None:
        before.update(await seen(store))

    ADAPTERS["sqlite"].run(folder, lived_in, look)
    url = target("copied")

    async def test() -> None:
        copied = await copy(folder, url)
        assert (copied.epoch, copied.head) == (before["epoch"], before["head"])
        assert copied.rows["notifications"] > 30
        store = await PostgresqlStore.open(url, Recorder(), node="a")
        try:
            assert await seen(store) == before
            assert isinstance(await store.append(keyed()), Replay)
            again = await store.append_all([draft("x", user=ANNA), draft("y", user="nobody")], BATCH, NOW, whole=False)
            assert isinstance(again[0], Replay)
            entry = await store.append(draft("next", user=ANNA))
            assert entry.seq == before["head"] + 1
        finally:
            await store.close()
        undo_move(folder)
        refused = await outcome(copy(folder, url))
        assert isinstance(refused, StartError)
        assert "not empty" in refused.sentence

    asyncio.run(test())


def test_a_damaged_row_does_not_go_over_unseen_and_leaves_nothing_there(folder: Path) -> None:
    ADAPTERS["sqlite"].run(folder, lived_in)
    connection = apsw.Connection(str(folder / "tocsin.db"))
    connection.execute("UPDATE notifications SET body = replace(body, '17', '71')")
    connection.close()
    url = target("refused")
    with pytest.raises(StartError, match="damaged"):
        asyncio.run(copy(folder, url))
    assert cluster().sql("SELECT count(*) FROM notifications", "refused") == "0"
    assert cluster().sql("SELECT head FROM log", "refused") == "0"


def test_a_folder_that_a_server_has_is_left_alone(folder: Path) -> None:
    async def test(_store: Store, _recorder: Recorder) -> None:
        refused = await outcome(copy(folder, target("in_use")))
        assert isinstance(refused, StartError)

    ADAPTERS["sqlite"].run(folder, test)


def test_no_refusal_has_the_password_in_it(folder: Path) -> None:
    ADAPTERS["sqlite"].run(folder, lived_in)
    for url in (
        "postgresql://tocsin:secret-word@127.0.0.1:1/nowhere",
        f"postgresql://tocsin:secret-word@127.0.0.1:{cluster().port}/nowhere",
        "postgresql://tocsin:secret-word@127.0.0.1:port/nowhere",
    ):
        refused = asyncio.run(outcome(copy(folder, url)))
        assert isinstance(refused, StartError), refused
        assert "secret-word" not in refused.sentence
