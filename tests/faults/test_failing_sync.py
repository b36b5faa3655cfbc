"""A sync that fails: nothing it covered is ever promised, and nothing promised is lost."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from faults import recording
from faults.database import DATABASE, ids
from faults.load import judge_inbox
from faults.sending import try_send
from faults.weakening import without
from harness.http import inbox
from harness.patience import PATIENCE
from harness.server import Server

pytestmark = pytest.mark.skipif(recording.why_not() is not None, reason=str(recording.why_not()))


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "trace"


@pytest.fixture
def start_on_failing_disk(start_server: Callable[..., Server], trace: Path) -> Callable[..., Server]:
    """Start a traced server; `when`: which syncs of each of its threads fail with EIO, as on a dying disk."""

    def start(when: str, **settings: str) -> Server:
        failing = ("-e", f"inject=fdatasync,fsync:error=EIO:when={when}")
        server = start_server(wrap=recording.tracing(trace, *failing), env=settings, ready=False)
        server.tracebacks_expected = "the disk fails"
        server.start()
        return server

    return start


def send_until_it_ends(server: Server) -> dict[str, tuple[str, str | None]]:
    """What was acknowledged until syncs began to fail; from then on nothing more is, and it is not ready again."""
    acked: dict[str, tuple[str, str | None]] = {}
    refused = 0
    deadline = time.monotonic() + PATIENCE
    while refused < 5 and server.running and time.monotonic() < deadline:
        title = f"n {len(acked) + refused}"
        answer = try_send(server, title)
        if answer is not None and answer.status == 200:
            assert not refused, "a sync has failed, and a later send was answered 200"
            acked[answer.json["notificationId"]] = (title, None)
        else:
            assert answer is None or (answer.status == 503 and "retry-after" in answer.headers), answer
            refused += 1
    assert refused, "no sync ever failed: the injection did not work"
    deadline = time.monotonic() + PATIENCE
    while server.running and time.monotonic() < deadline:
        assert not server.ready(), "a sync has failed, and it says that it is ready"
        time.sleep(0.02)
    assert server.wait_exit(within=0) == 1
    return acked


def judge_disk(trace: Path, data: Path, folder: Path) -> None:
    """Whatever was answered is on the disk by then, and there after a power cut, without what a failed sync covered.

    Parameters:
        folder: where the cut disk is put.
    """
    disk, acked = recording.Disk(), set()
    for event in recording.events(trace, data):
        disk.apply(event)
        if isinstance(event, recording.Answer):
            acked.add(event.id)
            assert disk.holds(event.id.encode()), (
                f"{event.id} was answered and is on no disk: it is number {len(acked)}"
            )
    files = disk.cut(folder, random.Random(1))
    [file] = [path for path in files if path.name == DATABASE]
    assert acked <= ids(file), f"{len(acked - ids(file))} of {len(acked)} are lost after the cut"


def send_sixty(server: Server) -> list[int | None]:
    """The answers to so many sends, or to those until it has ended."""
    outcomes: list[int | None] = []
    while len(outcomes) < 60 and server.running:
        answer = try_send(server, f"n {len(outcomes)}")
        outcomes.append(answer and answer.status)
    return outcomes


@pytest.mark.parametrize("nth", [20, pytest.param(25, marks=pytest.mark.soak)])
def test_a_failed_sync_is_never_answered_with_success(start_on_failing_disk: Callable[..., Server], nth: int) -> None:
    server = start_on_failing_disk(f"{nth}+")
    acked = send_until_it_ends(server)
    server.wrap = []
    server.start()
    judge_inbox(inbox(server.user("user123")), acked, "user123")
    assert try_send(server).status == 200  # type: ignore[union-attr]


def test_control_a_server_that_goes_on_after_a_failed_sync_is_found_out(
    start_on_failing_disk: Callable[..., Server],
) -> None:
    server = start_on_failing_disk("20+", **without("ending"))
    with pytest.raises(AssertionError, match="says that it is ready"):
        send_until_it_ends(server)


def test_one_failed_sync_is_not_papered_over_by_a_second(
    start_on_failing_disk: Callable[..., Server], trace: Path, tmp_path: Path
) -> None:
    """The kernel reports a lost write once; whoever syncs again is told that all is well.

    So after one EIO either nothing more is promised, or what is promised is durable without the lost write:
    the recording drops what the failed sync covered, and every answer must still be found on that disk.
    """
    server = start_on_failing_disk("20")
    outcomes = send_sixty(server)
    server.kill()
    assert set(outcomes) - {200}, "no sync ever failed: the injection did not work"
    judge_disk(trace, server.data, tmp_path / "cut")


def test_control_a_server_that_syncs_again_and_believes_it_is_found_out(
    start_on_failing_disk: Callable[..., Server], trace: Path, tmp_path: Path
) -> None:
    server = start_on_failing_disk("20", **without("doubting"))
    assert set(send_sixty(server)) == {200}
    server.kill()
    with pytest.raises(AssertionError, match="is on no disk"):
        judge_disk(trace, server.data, tmp_path / "cut")
