"""What a change of users and keys does to the streams of a node."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from harness.patience import PATIENCE
from store.adapters import ADAPTERS, NOW, Recorder, audit, put_users
from tocsin.clock import SystemClock
from tocsin.credentials.jwt import Verifier
from tocsin.directory import Directory
from tocsin.errors import Unavailable
from tocsin.path.announce import Announce
from tocsin.path.authorize import Authorize
from tocsin.ports import Store
from tocsin.principal import Key, KeyId, Principal, UserId

ANNA, KEY = UserId("anna"), KeyId("k")


class Stream:
    """One that is open with a key, and remembers how it ended."""

    principal = Principal(kind="service", credential=f"key:{KEY}", user_id=ANNA)
    ended = ""

    def revoke(self) -> None:
        self.ended = "revoked"

    def suspect(self) -> None:
        self.ended = "to come back"


class Streams:
    last = 0

    def __init__(self, *streams: Stream) -> None:
        self.streams = streams

    def fan_out(self, span: Any) -> None:
        self.last = span.last

    def restart(self) -> None: ...


class Unreachable:
    """A store whose keys cannot be read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def key(self, _id: KeyId) -> Key | None:
        raise Unavailable

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.mark.fault
@pytest.mark.parametrize(("reached", "ended"), [(True, "revoked"), (False, "to come back")])
def test_a_stream_whose_key_has_gone_is_closed_though_the_store_cannot_be_asked(
    reached: bool,
    ended: str,
    tmp_path: Path,
) -> None:
    async def test(store: Store, recorder: Recorder) -> None:
        await put_users(store, ANNA)
        await store.put_key(Key(id=KEY, user_id=ANNA, name="k", hash=b"k", created_at=NOW), audit())
        await store.delete_key(KEY, audit())
        asked: Any = store if reached else Unreachable(store)
        directory, stream = Directory(asked), Stream()
        authorize = Authorize(directory, Verifier(None, [], None), asked, SystemClock())  # type: ignore[arg-type]
        announce = Announce(directory, authorize, Streams(stream))
        for span in recorder.spans:
            announce(span)
        ends = time.monotonic() + PATIENCE
        while not stream.ended:
            assert time.monotonic() < ends, "it stays open"
            await asyncio.sleep(0)
        assert stream.ended == ended

    ADAPTERS["sqlite"].run(tmp_path, test)
