"""What the writer takes together, where nothing runs beside a commit and where something does."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from store.adapters import ADAPTERS, Recorder, draft
from tocsin.store.sqlite import writer

SENDERS = 16
SENDS = 20


async def two_rounds_of_senders(store: Any) -> int:
    """Senders that send again as soon as they are answered, half of them during the first half's commit."""

    async def send() -> None:
        for _ in range(SENDS):
            await store.append(draft("x"))

    first = [asyncio.create_task(send()) for _ in range(SENDERS)]
    while not store._writer._handed:  # noqa: ASYNC110  (a turn of the loop is what is waited for)
        await asyncio.sleep(0)
    before = store.batches
    await asyncio.gather(*first, *[send() for _ in range(SENDERS)])
    return int(store.batches - before)


@pytest.mark.parametrize("one_core", [True, False])
def test_on_one_core_those_who_were_just_answered_come_along(
    one_core: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Turns of the loop end the waiting here, not a clock that goes on while others have the processor.
    monkeypatch.setattr(writer, "_AFTER_A_COMMIT", (4, 60.0))

    async def test(store: Any, recorder: Recorder) -> None:
        store._writer._one_core = one_core
        batches = await two_rounds_of_senders(store)
        if one_core:
            assert batches <= SENDS + 3
        else:
            assert batches >= 2 * SENDS - 3

    ADAPTERS["sqlite"].run(tmp_path, test)


def test_one_who_sends_alone_does_not_wait_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_AFTER_A_COMMIT", (4, 60.0))

    async def test(store: Any, recorder: Recorder) -> None:
        store._writer._one_core = True
        before = store.batches
        for _ in range(SENDS):
            await store.append(draft("x"))
        assert store.batches - before == SENDS

    ADAPTERS["sqlite"].run(tmp_path, test)
