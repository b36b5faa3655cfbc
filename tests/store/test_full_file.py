"""A file that cannot grow, as on a full disk: SQLite takes back the whole transaction in the midst of a command."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from store.adapters import ADAPTERS, NOW, Recorder, audit, draft, kept, outcome, put_app, put_users
from tocsin.app import AppId
from tocsin.errors import NotFound, Unavailable
from tocsin.idempotency import Once
from tocsin.notification import Notification
from tocsin.ports import Entry
from tocsin.principal import Session, SessionId, UserId
from tocsin.store.sqlite.store import SqliteStore

ADAPTER = ADAPTERS["sqlite"]
ANNA = UserId("anna")
FULL = "the store cannot take writes now: database or disk is full"
AGAIN = "the store takes writes again"


async def room(store: SqliteStore, pages: int) -> None:
    """Let the file grow by so many pages at most."""
    await store._writer.aside(
        lambda file: file.execute(f"PRAGMA max_page_count = {file.pragma('page_count') + pages}").fetchall()
    )


async def read(store: SqliteStore, of: Notification) -> None:
    await store.act(ANNA, of.id, "read", NOW)


async def mark(store: SqliteStore, of: Notification) -> None:
    await store.mark(ANNA, of.first, None, None, NOW)


async def sign_in(store: SqliteStore, of: Notification) -> None:
    id_, user = SessionId(f"session-{of.first}"), UserId(f"user-{of.first}")
    session = Session(id=id_, user_id=user, hash=b"h" * 32, created_at=NOW, expires_at=2 * NOW)
    await store.put_session(session, NOW, None)


async def install(store: SqliteStore, of: Notification) -> None:
    await store.put_install(AppId(f"app-{of.first}"), ANNA, audit())


async def set_large(store: SqliteStore, _of: Notification | None = None) -> None:
    # More than there is free room in the pages of a file.
    await store.setting("large", lambda: "v" * 100_000)


@pytest.mark.parametrize("write", [read, mark, sign_in, install, set_large])
def test_whatever_finds_no_room_says_so(
    folder: Path, caplog: pytest.LogCaptureFixture, write: Callable[[SqliteStore, Notification], Awaitable[None]]
) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        sent = await asyncio.gather(*(kept(store, user=ANNA) for _ in range(1_500)))
        await room(store, 0)
        found = None
        for one in sent:
            if (found := await outcome(write(store, one))) is not None:
                break
        assert isinstance(found, Unavailable)
        assert FULL in caplog.text
        await room(store, 1_000)
        await write(store, sent[-1])
        assert not store.troubles()

    ADAPTER.run(folder, test)
    assert "a command failed" not in caplog.text


def test_what_a_full_file_took_back_is_thought_kept_by_nobody(folder: Path) -> None:
    once = Once(scope="user:tests send", key="k", fingerprint=b"f" * 32)
    with_key = msgspec.structs.replace(draft("with a key", user=ANNA), once=once)
    of_app = draft("counted", user=ANNA, app="app", quota=2)

    async def test(store: SqliteStore, recorder: Recorder) -> None:
        await put_users(store, ANNA)
        await put_app(store, "app")
        before, spans = store.head, len(recorder.spans)
        await room(store, 20)

        # In one turn of the loop, and so in one transaction.
        found = await asyncio.gather(
            store.append(with_key),
            store.append(of_app),
            put_users(store, "new"),
            store.append(draft("to the new one", user="new")),
            store.append(draft("to all")),
            set_large(store),
            store.append(draft("after it")),
            return_exceptions=True,
        )

        assert [type(one) for one in found] == [Unavailable] * len(found)
        assert not any(one.outcome_unknown for one in found if isinstance(one, Unavailable))
        assert (store.head, len(recorder.spans)) == (before, spans)
        await room(store, 1_000)
        again = [await outcome(store.append(one)) for one in (draft("to a stranger", user="new"), with_key, of_app)]
        assert isinstance(again[0], NotFound)
        assert [one.seq for one in again[1:] if isinstance(one, Entry)] == [before + 1, before + 2]
        assert again[2].quota.remaining == 1
        assert (await store.unread(ANNA)).types["info"] == 2
        seqs = [entry.seq for entry in recorder.entries]
        assert seqs == list(range(1, store.head + 1))

    ADAPTER.run(folder, test)
    assert ADAPTER.rows(folder, "SELECT count(*), max(first) = (SELECT head FROM log) FROM notifications") == [(2, 1)]


def test_a_full_file_is_told_of_once_a_minute(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def test(store: SqliteStore, _recorder: Recorder) -> None:
        await put_users(store, ANNA)
        one = await kept(store, user=ANNA)
        await room(store, 0)
        for _ in range(20):
            with pytest.raises(Unavailable):
                await set_large(store)
            assert store.troubles()
            # What takes no room goes on, between the large ones.
            await read(store, one)
            await store.act(ANNA, one.id, "unread", NOW)
            assert not store.troubles()

    ADAPTER.run(folder, test)
    assert caplog.text.count(FULL) == 1
    assert caplog.text.count(AGAIN) == 1
