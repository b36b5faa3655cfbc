"""Files that are deleted, read-only, somebody else's or locked: an honest 503, and nothing made up."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import apsw
import pytest

from faults.database import database_file
from faults.load import Publishers
from faults.sending import eventually_sends, try_send
from harness.http import Answer, inbox
from harness.patience import PATIENCE, SLACK
from harness.server import Server


@pytest.fixture(scope="module")
def at_rest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a server that has stopped, only to be copied."""
    server = Server(tmp_path_factory.mktemp("at-rest") / "data")
    server.start()
    assert server.service().send("before").status == 200
    assert server.stop() == 0
    server.check_log()
    return server.data


@pytest.fixture(scope="module")
def held_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose database may be locked by somebody else."""
    server = Server(tmp_path_factory.mktemp("held-up") / "data")
    server.start()
    yield server
    server.close()
    server.check_log()


def test_a_deleted_database_is_noticed_and_not_made_anew(start_server: Callable[..., Server]) -> None:
    server = start_server()
    assert server.service().send("before").status == 200
    path = database_file(server.data)
    for file in server.data.glob(path.name + "*"):
        file.unlink()
    deadline = time.monotonic() + PATIENCE
    while server.running and server.ready() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert server.running
    assert server.http().get("/readyz").status == 503
    assert server.http().get("/healthz").status == 200
    answer = server.service().send("into the void")
    assert answer.status == 503, "a send into a deleted database was answered as if it were kept"
    assert not path.exists(), "a new database was made without a word"


def test_a_deleted_lock_is_there_again_and_keeps_others_out(start_server: Callable[..., Server]) -> None:
    """As somebody does who takes it for a leftover."""
    first = start_server()
    (first.data / "tocsin.lock").unlink()
    assert first.service().send("after that").status == 200
    second = start_server(data=first.data, log=first.data.parent / "second.log", ready=False)
    second.launch()
    assert second.wait_exit() == 2
    assert "another tocsin process" in second.log()
    (first.data / "tocsin.lock").unlink()
    # Without a send, too.
    deadline = time.monotonic() + PATIENCE
    while not (first.data / "tocsin.lock").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (first.data / "tocsin.lock").exists()
    assert first.service().send("undisturbed").status == 200


def test_while_another_has_the_lock_nothing_is_taken(start_server: Callable[..., Server]) -> None:
    server = start_server()
    assert server.service().send("before").status == 200
    lock = server.data / "tocsin.lock"
    lock.unlink()
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        answer = server.service().send("into another's folder")
        assert (answer.status, "retry-after" in answer.headers) == (503, True)
        assert server.http().get("/readyz").status == 503
        assert [row["title"] for row in inbox(server.user("user123"))].count("into another's folder") == 0
    assert eventually_sends(server)


def test_what_another_process_writes_ends_the_server(start_server: Callable[..., Server]) -> None:
    """It has told its streams nothing of that, and cannot any more in its order; the next one has it all."""
    server = start_server()
    assert server.service().send("before").status == 200
    database = apsw.Connection(str(database_file(server.data)))
    database.execute("UPDATE log SET head = head + 3")
    database.close()
    assert server.service().send("after").status == 503
    assert server.wait_exit() == 1
    assert "another process has written to the log" in server.log()
    server.start()
    assert server.service().send("again").status == 200


def test_what_another_process_wrote_while_it_had_the_lock_ends_the_server(start_server: Callable[..., Server]) -> None:
    """However long the server looked on: the numbers of the other are not to be taken for its own."""
    server = start_server()
    assert server.service().send("before").status == 200
    lock = server.data / "tocsin.lock"
    lock.unlink()
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        deadline = time.monotonic() + PATIENCE
        while server.http().get("/readyz").status == 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        database = apsw.Connection(str(database_file(server.data)))
        database.execute("UPDATE log SET head = head + 3")
        database.close()
        # It looks once a second.
        time.sleep(2.5)
    assert server.wait_exit() == 1
    assert "another process has written to the log" in server.log()
    server.start()
    assert server.service().send("again").status == 200


def test_a_database_that_is_missing_is_not_made_anew_without_a_word(
    start_server: Callable[..., Server], at_rest: Path, tmp_path: Path
) -> None:
    server = start_server(data=shutil.copytree(at_rest, tmp_path / "data"), ready=False)
    path = database_file(server.data)
    path.rename(tmp_path / "aside")
    server.launch()
    assert server.wait_exit() == 2
    assert "is gone" in server.log()
    assert not path.exists()
    (tmp_path / "aside").rename(path)
    server.start()
    assert "before" in [row["title"] for row in inbox(server.user("user123"))]
    assert server.stop() == 0
    for file in [*server.data.glob(path.name + "*"), server.data / "tocsin.lock"]:
        file.unlink()
    server.start()
    assert server.ready()


def test_files_that_turn_read_only_are_reported_and_recovered_from(
    start_server: Callable[..., Server],
) -> None:
    server = start_server()
    assert server.service().send("before").status == 200
    path = database_file(server.data)
    frozen = [str(file) for file in server.data.glob(path.name + "*") if not file.name.endswith("-shm")]
    if os.geteuid() != 0 or shutil.which("chattr") is None:
        pytest.skip("making an open file immutable needs root and chattr")
    if subprocess.run(["chattr", "+i", *frozen], capture_output=True, check=False).returncode != 0:
        pytest.skip("this file system knows no immutable files")
    try:
        answer = server.service().send("while read-only")
        assert answer.status == 503, (answer.status, answer.text)
        assert "retry-after" in answer.headers
        assert server.running
        assert server.http().get("/healthz").status == 200
        assert server.http().get("/readyz").status == 503
        assert server.user("user123").get("/api/notifications").status == 200
    finally:
        subprocess.run(["chattr", "-i", *frozen], check=True)
    assert eventually_sends(server), "writes do not work after the files are writable again"
    titles = [row["title"] for row in inbox(server.user("user123"))]
    assert "before" in titles


@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_store_that_cannot_be_written_is_refused_at_the_start(
    start_server: Callable[..., Server], at_rest: Path, tmp_path: Path, what: str
) -> None:
    server = start_server(data=shutil.copytree(at_rest, tmp_path / "data"), ready=False)
    path = database_file(server.data)
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("as root, permissions can only be tried with setpriv")
        server.wrap = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        for folder in server.data.parents:
            if not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o011)
        if subprocess.run([*server.wrap, *server.command()[len(server.wrap) :][:1], "-c", ""], check=False).returncode:
            pytest.skip("the interpreter is not reachable for another user")
    server.data.chmod(0o555 if what == "folder" else 0o777)
    path.chmod(0o444)
    before = path.read_bytes()
    try:
        server.launch()
        assert server.wait_exit() in (1, 2)
    finally:
        server.data.chmod(0o700)
    assert path.read_bytes() == before
    assert "Traceback" not in server.log()
    assert str(server.data.name) in server.tail(3), server.tail()


def test_a_foreign_write_lock_delays_sends_for_two_seconds_at_most(held_up: Server) -> None:
    server = held_up
    assert server.service().send("before").status == 200
    # To sign in is noted, so it is a write.
    user = server.user("user123")
    holder = apsw.Connection(str(database_file(server.data)))
    holder.execute("BEGIN IMMEDIATE")
    answers: list[tuple[float, Answer | None]] = []

    def send_once() -> None:
        began = time.monotonic()
        answer = try_send(server, "held up")
        answers.append((time.monotonic() - began, answer))

    try:
        senders = [Thread(target=send_once) for _ in range(5)]
        for sender in senders:
            sender.start()
        answered, ends = 0, time.monotonic() + PATIENCE
        while all(sender.is_alive() for sender in senders) and time.monotonic() < ends:
            assert server.http().get("/healthz").status == 200
            assert user.get("/api/notifications").status == 200
            answered += 1
        for sender in senders:
            sender.join()
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert [answer and answer.status for _, answer in answers] == [503] * 5
    assert all("retry-after" in answer.headers for _, answer in answers if answer)
    assert max(took for took, _ in answers) < 2.5 * SLACK, "that is not two seconds: they waited for the lock"
    assert answered >= 3, "nothing was answered while senders waited: the loop stood still"
    assert eventually_sends(server)


def test_control_without_the_lock_sends_pass_at_once(held_up: Server) -> None:
    publishers = Publishers(held_up.service, threads=4)
    publishers.wait_for(20)
    publishers.stop()
    assert set(publishers.statuses) == {200}
