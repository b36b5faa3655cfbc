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
from harness.http import inbox
from harness.patience import PATIENCE
from harness.server import Server


@pytest.mark.skipif(recording.why_not() is not None, reason=str(recording.why_not()))
@pytest.mark.parametrize("nth", [20, pytest.param(25, marks=pytest.mark.soak)])
def test_a_failed_sync_is_never_answered_with_success(
    start_server: Callable[..., Server], tmp_path: Path, nth: int, soak: bool
) -> None:
    """From its n-th sync on, each thread's syncs fail with EIO, as on a dying disk."""
    trace = tmp_path / "trace"
    failing = ("-e", f"inject=fdatasync,fsync:error=EIO:when={nth}+")
    server = start_server(wrap=recording.tracing(trace, *failing), ready=False)
    server.tracebacks_expected = "the disk fails"
    server.start()
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
    assert "INJECTED" in trace.read_text(encoding="latin-1")
    deadline = time.monotonic() + PATIENCE
    while server.running and time.monotonic() < deadline:
        time.sleep(0.02)
    if server.running:
        assert server.http().get("/healthz").status == 200
        assert server.http().get("/readyz").status == 503
    else:
        assert server.wait_exit() == 1
    server.kill()
    server.wrap = []
    server.start()
    judge_inbox(inbox(server.user("user123")), acked, "user123")
    assert try_send(server).status == 200  # type: ignore[union-attr]


@pytest.mark.skipif(recording.why_not() is not None, reason=str(recording.why_not()))
def test_one_failed_sync_is_not_papered_over_by_a_second(start_server: Callable[..., Server], tmp_path: Path) -> None:
    """The kernel reports a lost write once; whoever syncs again is told that all is well.

    So after one EIO either nothing more is promised, or what is promised is durable without the lost write:
    the recording drops what the failed sync covered, and every answer must still be found on that disk.
    """
    trace = tmp_path / "trace"
    server = start_server(wrap=recording.tracing(trace, "-e", "inject=fdatasync,fsync:error=EIO:when=20"), ready=False)
    server.tracebacks_expected = "the disk fails"
    server.start()
    outcomes: list[int | None] = []
    for n in range(60):
        answer = try_send(server, f"n {n}")
        outcomes.append(answer and answer.status)
        if not server.running:
            break
    server.kill()
    assert set(outcomes) - {200}, "no sync ever failed: the injection did not work"
    disk, folder, acked = recording.Disk(), tmp_path / "cut", set()
    for event in recording.events(trace, server.data):
        disk.apply(event)
        if isinstance(event, recording.Answer):
            acked.add(event.id)
            assert disk.holds(event.id.encode()), f"{event.id} was answered and is on no disk: {outcomes}"
    files = disk.cut(folder, random.Random(1))
    [file] = [path for path in files if path.name == DATABASE]
    assert acked <= ids(file), f"{len(acked - ids(file))} of {len(acked)} are lost after the cut: {outcomes}"
