"""Readers that are cut off, one by one or all at once, while the server is killed or everybody wants in: all whole."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from faults.crowd import Crowd
from faults.growth import percentile, wait_for_streams
from faults.load import Damage
from faults.paced import Paced
from faults.witness import Witness
from harness.patience import PATIENCE, SLACK
from harness.server import Server


def test_all_who_come_back_at_once_are_whole_in_fifteen_seconds(
    start_server: Callable[..., Server], soak: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each has missed twenty. Half are WebSockets, half Server-Sent Events; sends go on meanwhile."""
    users, each = (50, 100) if soak else (10, 50)
    server = start_server()
    with Crowd(server, users=users, each=each) as crowd:
        crowd.come(over=users * each / 500)
        crowd.all_in(60)
        crowd.leave()
        wait_for_streams(server, 0)
        crowd.send_each(10)
        load = crowd.load(rate=20, broadcasts=1)
        witness = Witness(server, rate=50)
        crowd.come()
        took = crowd.settle(120)
        seen = witness.stop()
        crowd.stop(load)
        crowd.settle(60)
        refused = dict(crowd.findings.refusals)
    with capsys.disabled():
        print(f"\n  {users * each} readers back at once: all whole after {took:.2f} s, refused {refused}, ", end="")
        print(
            f"sends p50 {percentile(seen.answered, 50) * 1000:.0f} ms, p99 {percentile(seen.answered, 99) * 1000:.0f}"
        )
        print(f"  of {len(seen.answered)}; load average {os.getloadavg()[0]:.1f}")
    assert took <= 15 * SLACK, f"whole only after {took:.1f} s"
    if soak:
        assert percentile(seen.answered, 99) <= 0.25, "sends waited for those who came back"
    assert not crowd.findings.without_retry_after, "refused without a word of when to come back"


def test_cuts_and_kills_under_load_leave_every_reader_whole(
    start_server: Callable[..., Server], soak: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """At 200 sends a second, each repeated with its key until it is answered: complete, in order, once."""
    kills, turns, cut = (5, 20, 5) if soak else (2, 5, 5)
    server = start_server()
    with Crowd(server, users=10, each=10) as crowd:
        crowd.come()
        crowd.all_in(PATIENCE)
        load = crowd.load(rate=200, broadcasts=20)
        for _ in range(kills):
            for _ in range(turns):
                crowd.cut_some(cut)
                time.sleep(0.5)
            server.kill()
            server.start()
        crowd.stop(load)
        crowd.settle(60)
        sent, opened = sum(load.serials.values()), crowd.findings.opened
    with capsys.disabled():
        print(
            f"\n  {kills * turns * cut} cuts and {kills} kills: {sent} sent, {load.cut_off} of them repeated, ", end=""
        )
        print(f"{crowd.findings.received} read over {opened} connections, all whole")
    assert opened > len(crowd.readers) * (kills + 1), "the readers were not cut off"
    assert load.cut_off, "no send was under way at a kill"


def wait_for_sends(load: Paced, more: int) -> None:
    due, ends = load.serials.total() + more, time.monotonic() + PATIENCE
    while load.serials.total() < due:
        assert time.monotonic() < ends, "nothing is taken"
        time.sleep(0.02)


def forgotten(data: Path) -> bool:
    """Empty the log beside the database of a killed server; whether commits were in it and nowhere else."""
    heads = []
    for keep in (True, False):
        with tempfile.TemporaryDirectory() as place:
            for name in ("tocsin.db", "tocsin.db-wal") if keep else ("tocsin.db",):
                shutil.copy(data / name, place)
            with closing(sqlite3.connect(Path(place) / "tocsin.db")) as copy:
                heads += copy.execute("SELECT head FROM log").fetchall()
    if heads[0] == heads[1]:
        return False
    (data / "tocsin.db-wal").write_bytes(b"")
    return True


def test_control_readers_of_a_store_that_lost_its_last_commits_are_not_whole(
    start_server: Callable[..., Server],
) -> None:
    """What they were told is not in the log any more, and its numbers are given out again."""
    server = start_server()
    server.tracebacks_expected = "the control has damaged the store"
    with Crowd(server, users=2, each=5) as crowd:
        # What is lost later is not who they are.
        server.restart()
        crowd.come()
        crowd.all_in(PATIENCE)
        load = crowd.load(rate=100, broadcasts=20)
        wait_for_sends(load, 20)
        server.kill()
        for _ in range(20):
            if forgotten(server.data):
                break
            # All of it had just been folded into the file.
            server.start()
            wait_for_sends(load, 10)
            server.kill()
        else:
            pytest.fail("nothing was in the log alone")
        try:
            server.start()
        except AssertionError:
            pytest.skip("the damage was found at the start, which is better still")
        wait_for_sends(load, 20)
        crowd.stop(load)
        with pytest.raises(Damage):
            crowd.settle(10)
