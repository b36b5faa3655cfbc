"""What every store promises of sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from store.adapters import NOW, Recorder, audit, put_users
from tocsin.ports import SESSIONS_KEPT, Store
from tocsin.principal import Session, SessionId, UserId


def session(id_: str, user: str = "a", *, ends: int = NOW + 1_000) -> Session:
    return Session(
        id=SessionId(id_), user_id=UserId(user), hash=id_.encode().ljust(32, b"."), created_at=NOW, expires_at=ends
    )


def identities(recorder: Recorder) -> list[tuple[str, str] | None]:
    return [entry.identity for entry in recorder.entries if entry.identity is None or entry.identity[0] == "session"]


def test_a_session_is_kept_prolonged_and_ended_and_each_is_told(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a")
        start = store.head
        await store.put_session(session("s"), NOW, audit())
        assert await store.session(SessionId("s")) == session("s")
        assert await store.session(SessionId("t")) is None
        assert await store.prolong_session(SessionId("s"), NOW + 9_000) is True
        assert await store.session(SessionId("s")) == session("s", ends=NOW + 9_000)
        assert await store.delete_session(SessionId("s"), audit()) is True
        assert await store.delete_session(SessionId("s"), audit()) is False
        assert await store.prolong_session(SessionId("s"), NOW + 9_000) is False
        assert await store.session(SessionId("s")) is None, "one that was ended stays ended"
        assert identities(recorder) == [("session", "s")] * 3
        assert store.head == start + 3
        assert len(await store.audits(None, 10)) == 3, "one for the user, and two that were asked for"

    adapter.run(folder, test)


def test_the_sessions_that_end_first_go_when_there_are_too_many(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a", "b")
        await store.put_session(session("of b", "b", ends=NOW + 1), NOW, None)
        for number in range(SESSIONS_KEPT):
            await store.put_session(session(f"{number}", ends=NOW + 1_000 + number), NOW, None)
        await store.put_session(session("one more", ends=NOW + 9_000), NOW, None)
        assert await store.session(SessionId("0")) is None
        assert await store.session(SessionId("1")) is not None
        assert await store.session(SessionId("of b")) is not None
        assert identities(recorder)[-2:] == [("session", "one more"), ("session", "0")]

    adapter.run(folder, test)


def test_what_has_ended_goes_without_a_word(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a", "b")
        await store.put_session(session("ended", "b", ends=NOW + 1), NOW, None)
        head = store.head
        await store.put_session(session("s"), NOW + 1, None)
        assert await store.session(SessionId("ended")) is None
        assert store.head == head + 1

    adapter.run(folder, test)


def test_a_deleted_user_leaves_no_session_behind(adapter: Any, folder: Path) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, "a", "b")
        await store.put_session(session("s"), NOW, None)
        await store.put_session(session("t", "b"), NOW, None)
        await store.delete_user(UserId("a"), audit())
        await put_users(store, "a")
        assert await store.session(SessionId("s")) is None
        assert await store.session(SessionId("t")) is not None

    adapter.run(folder, test)
