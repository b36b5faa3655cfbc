"""Power cuts: what was answered 2xx was on disk before the answer, whatever the drive's cache loses."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import apsw
import pytest

from faults.database import DATABASE, ids, integrity
from faults.recording import Answer, Disk, Event, SyncEnded, answered, events, tracing, why_not
from faults.weakening import WEAKENED
from harness.http import inbox
from harness.server import Server

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

SENDERS = 8


@pytest.fixture
def record(start_server: Callable[..., Server], tmp_path: Path) -> Callable[..., tuple[list[Event], Path]]:
    """Run a traced server, send to it from eight clients at once, and return what it did to its files."""

    def run(sends: int, *options: str, **settings: str) -> tuple[list[Event], Path]:
        trace = tmp_path / "trace"
        server = start_server(wrap=tracing(trace, *options), env=settings)
        acked: list[str] = []

        def send_all(sender: int) -> None:
            client = server.service()
            for n in range(sends // SENDERS):
                target = {"userId": "user123"} if sender % 2 else {}
                answer = client.send(f"{sender}.{n}", "x" * random.randrange(1, 3000), **target)
                assert answer.status == 200, answer.text
                acked.append(answer.json["notificationId"])

        threads = [Thread(target=send_all, args=(sender,)) for sender in range(SENDERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.kill()
        found = list(events(trace, server.data))
        # As sets: of a process that is killed, strace may show a call twice.
        assert set(answered(found)) == set(acked), "the recording missed answers"
        return found, server.data

    return run


def too_early(found: list[Event]) -> list[str]:
    """The ids that were answered before any file durably held them."""
    disk, early = Disk(), []
    for event in found:
        disk.apply(event)
        if isinstance(event, Answer) and not disk.holds(event.id.encode()):
            early.append(event.id)
    return early


def lost_in_cuts(found: list[Event], folder: Path, cuts: int) -> Iterator[tuple[int, set[str]]]:
    """Cut the power at random moments; yield each number of acknowledged sends and those then missing."""
    dice = random.Random(20)
    first = next(n for n, event in enumerate(found) if isinstance(event, Answer))
    moments = sorted(dice.randrange(first, len(found)) for _ in range(cuts))
    disk, acked, done = Disk(), set(), 0
    for n, event in enumerate(found):
        disk.apply(event)
        if isinstance(event, Answer):
            acked.add(event.id)
        while done < len(moments) and moments[done] == n:
            done += 1
            shutil.rmtree(folder, ignore_errors=True)
            files = disk.cut(folder, dice)
            [file] = [path for path in files if path.name == DATABASE]
            try:
                assert (said := integrity(file)) == "ok", f"cut {done}: {said}"
                there = ids(file)
            except (apsw.Error, AssertionError):
                there = set()
            yield len(acked), acked - there


def test_every_answer_was_sent_after_its_commit_was_on_disk(
    record: Callable[..., tuple[list[Event], Path]],
) -> None:
    found, _ = record(160)
    assert any(isinstance(event, SyncEnded) and event.path.endswith("-wal") for event in found)
    assert too_early(found) == []


def test_nothing_acknowledged_is_lost_in_a_power_cut(
    record: Callable[..., tuple[list[Event], Path]],
    start_server: Callable[..., Server],
    tmp_path: Path,
    soak: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cuts = 2000 if soak else 80
    found, _ = record(2000 if soak else 160)
    folder, judged, acked = tmp_path / "cut", 0, 0
    for count, lost in lost_in_cuts(found, folder, cuts):
        assert not lost, f"{len(lost)} of {count} acknowledged are gone after a power cut"
        judged, acked = judged + count, count
    with capsys.disabled():
        print(f"\n  power cut: {cuts} cuts, 0 of {judged} acknowledged lost")
    # The last disk is not only readable by SQLite: the server starts on it and lists what it promised.
    server = start_server(data=folder)
    assert len(inbox(server.user("user123"))) >= acked


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        pytest.param((), {"WEAKENED_SYNCHRONOUS": "NORMAL"}, id="synchronous-normal"),
        pytest.param((), {"WEAKENED_SYNCHRONOUS": "OFF"}, id="synchronous-off"),
        pytest.param(("-e", "inject=fdatasync,fsync:retval=0"), {}, id="syncs-that-do-nothing"),
    ],
)
def test_control_commits_that_do_not_reach_the_disk_are_found_out(
    record: Callable[..., tuple[list[Event], Path]],
    tmp_path: Path,
    options: tuple[str, ...],
    settings: dict[str, str],
) -> None:
    found, _ = record(80, *options, **(settings and {**settings, "PYTHONPATH": WEAKENED}))
    assert too_early(found)
    assert any(lost for _, lost in lost_in_cuts(found, tmp_path / "cut", 30))
