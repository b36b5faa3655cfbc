"""What every store promises about those who are known, those who go, and those who ask again."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from store.adapters import NOW, Recorder, all_changes, audit, draft, number, outcome, pages, put_app, put_users
from tocsin.app import App, AppId, Secret
from tocsin.device import Device, DeviceId
from tocsin.errors import NotFound, TooMany, UsedKey
from tocsin.idempotency import KEPT_MS, Once
from tocsin.notification import Draft
from tocsin.ports import Entry, Replay, Store
from tocsin.principal import Key, KeyId, User, UserId

# -- people who go


def test_a_deleted_user_and_one_made_again_see_nothing_old(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a", "b")
        await put_app(store, "app")
        await store.put_install(AppId("app"), UserId("a"), audit())
        key = Key(id=KeyId("k"), user_id=UserId("a"), name="k", hash=b"h", created_at=NOW)
        await store.put_key(key, audit())
        start = store.head
        made = [await store.append(draft(f"{n}", user="a" if n % 2 else None)) for n in range(20)]

        assert await store.delete_user(UserId("a"), audit()) is True
        assert await store.delete_user(UserId("a"), audit()) is False
        assert await pages(store, "a", 10) == []
        assert await all_changes(store, "a", start, 10) == []
        assert type(await outcome(store.append(draft("x", user="a")))) is NotFound
        assert await store.key(KeyId("k")) is None
        assert await store.installed(AppId("app"), UserId("a")) is False

        again = await store.put_user(User(id=UserId("a"), name="another"), audit())
        assert again.joined >= made[-1].seq
        assert await pages(store, "a", 10) == []
        assert await all_changes(store, "a", start, 10) == []
        for entry in made:
            assert entry.notification is not None
            assert await store.notification(UserId("a"), entry.notification.id) is None
        assert await store.installed(AppId("app"), UserId("a")) is False
        fresh = await store.append(draft("new", user="a"))
        assert [number(item) for item in await pages(store, "a", 10)] == [fresh.seq]
        assert len(await pages(store, "b", 100)) == 10, "the broadcasts are still everybody else's"

    adapter.run(folder, test)


def test_an_app_made_again_joins_anew_and_one_that_is_changed_stays_joined(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        async def joined() -> int:
            app = await store.app(AppId("app"))
            assert app is not None
            assert [one.joined for one in await store.apps(None, 9)] == [app.joined]
            return app.joined

        await put_users(store, "a")
        before = store.head
        await put_app(store, "app")
        at_first = await joined()
        sent = await store.append(draft("x", user="a", app="app"))
        assert before <= at_first < sent.seq

        await store.put_app(App(id=AppId("app"), name="changed"), audit())
        assert await joined() == at_first
        await store.delete_app(AppId("app"), audit())
        await put_app(store, "app")
        assert await joined() >= sent.seq

    adapter.run(folder, test)


def test_who_is_made_again_has_the_whole_quota_and_no_marks_of_before(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        async def spend(*then: Any) -> list[type]:
            sends = [store.append(draft("x", user="a", app="app", quota=1)) for _ in range(2)]
            found = await asyncio.gather(*(outcome(write) for write in (*sends, *then)))
            return [type(one) for one in found[:2]]

        await put_users(store, "a")
        await put_app(store, "app")
        assert await spend() == [Entry, TooMany]
        await store.delete_user(UserId("a"), audit())
        await put_users(store, "a")
        # Deleted in the batch that has spent it, too.
        assert await spend(store.delete_app(AppId("app"), audit())) == [Entry, TooMany]
        await put_app(store, "app")
        assert await spend() == [Entry, TooMany]

        await store.append(draft("y", user="a"))
        started = store.head
        marked = (store.delete_user(UserId("a"), audit()), store.mark(UserId("a"), None, None, None, NOW))
        await asyncio.gather(*(outcome(write) for write in marked))
        await put_users(store, "a")
        assert [type(one).__name__ for one in (await store.changes(UserId("a"), None, started, 9)).changes] == []

    adapter.run(folder, test)


def test_who_is_made_again_is_answered_with_nothing_that_went(adapter: Any, folder: Path) -> None:
    """A send under a key and the deletion of who sent it come in one batch, in this order or between others."""
    once = Once(scope="user:a send", key="k", fingerprint=b"f" * 32)

    def to_oneself() -> Draft:
        return msgspec.structs.replace(draft("x", user="a"), once=once)

    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        await asyncio.gather(store.append(to_oneself()), store.delete_user(UserId("a"), audit()))
        await put_users(store, "a")
        assert isinstance(again := await store.append(to_oneself()), Entry)
        assert [number(item) for item in await pages(store, "a", 10)] == [again.seq]

        *_, last = await asyncio.gather(
            store.delete_user(UserId("a"), audit()),
            put_users(store, "a"),
            store.append(to_oneself()),
            store.delete_user(UserId("a"), audit()),
            put_users(store, "a"),
            store.append(to_oneself()),
        )
        assert isinstance(last, Entry)
        assert [number(item) for item in await pages(store, "a", 10)] == [last.seq]
        assert isinstance(await store.append(to_oneself()), Replay)

    adapter.run(folder, test)


def test_who_has_an_app_is_told_from_both_sides(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a", "b", "c")
        await put_app(store, "one")
        await store.put_app(App(id=AppId("two"), name="two", install_for_all=True), audit())
        await store.put_install(AppId("one"), UserId("b"), audit())
        await store.delete_install(AppId("two"), UserId("a"), audit())
        assert await store.users_of_app(AppId("one"), None, 9) == ["b"]
        assert await store.users_of_app(AppId("two"), None, 9) == ["b", "c"]
        assert await store.users_of_app(AppId("two"), "b", 9) == ["c"]
        assert await store.users_of_app(AppId("two"), None, 1) == ["b"]
        assert await store.users_of_app(AppId("none"), None, 9) == []
        assert [await store.apps_of_user(UserId(user), None, 9) for user in "abcd"] == [[], ["one", "two"], ["two"], []]
        assert await store.apps_of_user(UserId("b"), "one", 9) == ["two"]
        assert await store.apps_of_user(UserId("b"), None, 1) == ["one"]

    adapter.run(folder, test)


def test_deleting_and_making_again_at_once_lets_nothing_through(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        user = User(id=UserId("a"), name="a")
        writes = [store.append(draft("old", user="a")), store.append(draft("old for all"))]
        writes += [store.delete_user(UserId("a"), audit()), store.append(draft("nobody's", user="a"))]
        writes += [store.put_user(user, audit()), store.append(draft("new", user="a"))]
        found = await asyncio.gather(*(outcome(write) for write in writes))

        assert type(found[3]) is NotFound
        assert [number(item) for item in await pages(store, "a", 10)] == [found[5].seq]

    adapter.run(folder, test)


def test_replacing_a_user_keeps_when_they_joined(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        entry = await store.append(draft("x"))
        await store.put_user(User(id=UserId("a"), name="renamed", superuser=True), audit())

        assert [number(item) for item in await pages(store, "a", 10)] == [entry.seq]
        found = await store.user(UserId("a"))
        assert found is not None
        assert (found.name, found.superuser) == ("renamed", True)

    adapter.run(folder, test)


# -- who is known


def test_every_change_of_identity_takes_a_number_and_is_announced(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        start = store.head
        a, app, device = UserId("a"), AppId("app"), DeviceId("d")
        await put_users(store, "a")
        await store.put_key(Key(id=KeyId("k"), user_id=a, name="k", hash=b"h", created_at=NOW), audit())
        await put_app(store, "app")
        await store.put_secret(Secret(id="s", app_id=app, hash=b"h", created_at=NOW), audit())
        await store.put_install(app, a, audit())
        await store.put_device(Device(id=device, name="D"), audit())
        await store.delete_device(device, audit())
        await store.delete_install(app, a, audit())
        await store.delete_secret(app, "s", audit())
        await store.delete_app(app, audit())
        await store.delete_user(a, audit())

        told = [entry.identity for entry in recorder.entries]
        assert [kind for kind, _ in filter(None, told)] == (
            ["user", "key", "app", "secret", "install", "device", "device", "install", "secret", "app", "key", "user"]
        )
        assert [entry.seq for entry in recorder.entries] == list(range(start + 1, start + 13))
        assert await store.delete_key(KeyId("k"), audit()) is False
        assert store.head == start + 12, "what changed nothing takes no number"

    adapter.run(folder, test)


def test_installed_is_by_ones_own_choice_else_by_the_apps(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        await put_app(store, "some")
        await store.put_app(App(id=AppId("all"), name="all", install_for_all=True), audit())

        async def installed() -> list[bool]:
            return [await store.installed(AppId(app), UserId("a")) for app in ("some", "all", "none")]

        assert await installed() == [False, True, False]
        assert await store.installed(AppId("all"), UserId("nobody")) is False
        await store.put_install(AppId("some"), UserId("a"), audit())
        await store.delete_install(AppId("all"), UserId("a"), audit())
        assert await installed() == [True, False, False]

    adapter.run(folder, test)


def test_settings_are_made_once_and_kept(adapter: Any, folder: Path) -> None:
    made: list[int] = []

    def make() -> str:
        made.append(1)
        return f"value {len(made)}"

    async def test(store: Store, recorder: Recorder) -> None:
        values = await asyncio.gather(*(store.setting("s", make) for _ in range(5)))
        assert set(values) == {"value 1"}

    adapter.run(folder, test, test)
    assert len(made) == 1


def test_the_audit_log_is_read_newest_first(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        for n in range(5):
            await store.record(audit("look", f"{n}"))
        first = await store.audits(None, 3)
        rest = await store.audits(first[-1][0], 10)

        assert [entry.what for _, entry in first + rest] == ["4", "3", "2", "1", "0"]

    adapter.run(folder, test)


# -- the same send again


def test_the_same_send_again_gives_what_it_gave_the_first_time(adapter: Any, folder: Path) -> None:
    def once(text: str, *, request: bytes = b"1", scope: str = "user:a send") -> Once:
        return Once(scope=scope, key=text, fingerprint=request)

    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        await put_app(store, "app")
        start = store.head

        def send(key: Once, **more: Any) -> Any:
            return store.append(msgspec.structs.replace(draft("x", user="a", app="app", quota=10), once=key, **more))

        twins = await asyncio.gather(*(send(once("k")) for _ in range(30)))
        assert len({twin.id for twin in twins}) == 1
        assert store.head == start + 1, "one number"
        assert (await send(once("k"))).id == twins[0].id, "also in a later batch"
        found = await store.replay(once("k"), NOW)
        assert found is not None
        assert found.id == twins[0].id

        assert type(await outcome(send(once("k", request=b"2")))) is UsedKey
        assert type(await outcome(store.replay(once("k", request=b"2"), NOW))) is UsedKey
        mixed = await asyncio.gather(*(outcome(send(once("m", request=one))) for one in (b"1", b"2", b"1")))
        assert [type(one) is UsedKey for one in mixed] == [False, True, False]

        assert (await send(once("k", scope="user:b send"))).id != twins[0].id, "keys of others never meet"

        spent = await send(once("last", scope="key:1 send"))
        assert spent.quota.remaining == 6, "a replay spends nothing"
        later = await send(once("k"), created_at=NOW + KEPT_MS + 1)
        assert later.id != twins[0].id, "a day later the key is free"
        assert await store.delete_user(UserId("a"), audit()) is True
        repeated = await send(once("last", scope="key:1 send"))
        assert repeated.id == spent.id, "before it is seen that the user is gone"
        gone = await outcome(send(once("k")))
        assert type(gone) is NotFound, "what the deleted user sent under keys is forgotten with them"

    adapter.run(folder, test)
