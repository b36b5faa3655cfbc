"""`tocsin backup` and `tocsin restore`: whole, sound, secret, and never taken for what they are not."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import apsw
import pytest

from cli.backups import back_up, change, refused, restore
from cli.command import PROGRAM, environment, tocsin
from faults.load import Publishers
from harness.http import DEV_KEY, inbox
from harness.patience import PATIENCE
from harness.server import Server
from harness.websocket import WebSocket

NOBODY = "http://127.0.0.1:1"
MIB = 1 << 20

pytestmark = pytest.mark.one_file(reason="a backup is a copy of the file of SQLite; PostgreSQL has pg_dump")


# -- there and back


def test_what_was_kept_before_a_backup_under_load_is_in_it(start_server: Callable[..., Server], tmp_path: Path) -> None:
    server = start_server()
    with WebSocket(server.url, token=server.token("user123"), subprotocol="tocsin.v1") as stream:
        before = stream.recv_event("hello")["position"]
    publishers = Publishers(server.service, threads=4)
    ends = time.monotonic() + PATIENCE
    while len(publishers.acked) < 200:
        assert time.monotonic() < ends
        time.sleep(0.02)
    owed = {id_ for id_, (_title, audience) in list(publishers.acked.items()) if audience in (None, "user123")}
    ran = back_up(server, tmp_path / "b.db", "--json")
    more = len(publishers.acked)
    publishers.stop()
    assert ran.status == 0, ran.err
    assert set(publishers.statuses) == {200}
    assert more > len(owed)

    assert restore(tmp_path / "b.db", tmp_path / "again").status == 0
    again = start_server(data=tmp_path / "again")
    listed = {row["id"] for row in inbox(again.user("user123"))}
    assert owed <= listed
    assert len(listed) <= len(publishers.acked)
    assert ran.json["notifications"] >= len(owed)
    # What was signed by the one holds at the other, and a position of the one does not.
    with WebSocket(again.url, token=server.token("user123"), subprotocol="tocsin.v1", since=before) as stream:
        told = [stream.recv_json()["event"], stream.recv_json()["event"]]
        position = stream.recv_event("caught-up")["position"]
    assert "gap" in told
    assert position.partition("-")[0] != before.partition("-")[0]
    assert again.service().send("goes on").status == 200


def test_without_a_server_the_folder_is_opened_and_its_wal_is_read(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server()
    ids = {server.service().send(f"{n}", userId="user123").json["notificationId"] for n in range(20)}
    server.kill()
    ran = tocsin("backup", str(tmp_path / "b.db"), "--data", str(server.data), "--json", env={"TOCSIN_URL": NOBODY})
    assert ran.status == 0, ran.err
    assert ran.json["from"] == str(server.data)
    with closing(apsw.Connection(str(tmp_path / "b.db"))) as connection:
        assert {row[0] for row in connection.execute("SELECT id FROM notifications")} == ids
    assert [path.name for path in tmp_path.glob("b.db*")] == ["b.db"]


def test_a_backup_is_one_file_that_only_its_owner_can_read(good: Path) -> None:
    assert stat.S_IMODE(good.stat().st_mode) == 0o600
    assert sorted(path.name for path in good.parent.glob("good.db*")) == ["good.db"]
    # Bytes 18 and 19 are 2 where there is a WAL (https://www.sqlite.org/fileformat.html).
    assert good.read_bytes()[18:20] == b"\1\1"


def test_a_database_that_is_there_is_put_aside_or_not_touched(copy: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert restore(copy, data).status == 0
    change(data / "tocsin.db", "INSERT INTO devices VALUES ('mine', 'mine')")
    held = (data / "tocsin.db").read_bytes()

    ran = restore(copy, data)
    assert ran.status == 2
    assert "--replace" in ran.err
    assert (data / "tocsin.db").read_bytes() == held

    ran = tocsin("restore", str(copy), "--data", str(data), "--replace", "--json")
    assert ran.status == 0
    with closing(apsw.Connection(ran.json["aside"])) as connection:
        assert connection.execute("SELECT id FROM devices WHERE id = 'mine'").fetchall() == [("mine",)]
    assert sorted(path.name for path in data.glob("*.db")) == ["tocsin.db"]


def test_each_restore_begins_an_epoch_of_its_own(copy: Path, tmp_path: Path) -> None:
    epochs = set()
    for name in ("a", "b"):
        assert restore(copy, tmp_path / name).status == 0
        with closing(apsw.Connection(str(tmp_path / name / "tocsin.db"))) as connection:
            epochs |= {row[0] for row in connection.execute("SELECT epoch FROM log")}
    with closing(apsw.Connection(str(copy))) as connection:
        epochs |= {row[0] for row in connection.execute("SELECT epoch FROM log")}
    assert len(epochs) == 3


# -- what is refused


@pytest.mark.parametrize("told", ["by a variable", "by the folder's settings"])
def test_what_is_in_postgresql_is_not_looked_for_in_a_folder(told: str, copy: Path, tmp_path: Path) -> None:
    url, data = "postgresql://127.0.0.1:1/tocsin", tmp_path / "data"
    assert restore(copy, data).status == 0
    given = {"TOCSIN_DATABASE": url} if told == "by a variable" else {}
    if not given:
        (data / "tocsin.toml").write_text(f'database = "{url}"\n')
    before = sorted(data.iterdir())
    # A file that has stayed behind after a move is not what the server keeps; nor is an empty folder.
    ran = tocsin("backup", str(tmp_path / "b.db"), "--data", str(data), env=given)
    assert (ran.status, "pg_dump" in ran.err) == (2, True), ran
    ran = tocsin("restore", str(copy), "--data", str(data), "--replace", env=given)
    assert (ran.status, "pg_restore" in ran.err) == (2, True), ran
    assert sorted(data.iterdir()) == before
    assert not (tmp_path / "b.db").exists()
    if given:
        ran = tocsin("backup", str(tmp_path / "b.db"), env=given | {"TOCSIN_DATA": str(tmp_path / "none")})
        assert (ran.status, "pg_dump" in ran.err) == (2, True), ran


def test_a_file_that_is_damaged_is_refused(copy: Path, tmp_path: Path) -> None:
    content = bytearray(copy.read_bytes())
    for at in range(8 * 4096, len(content) - 4096, 4096):
        content[at : at + 200] = os.urandom(200)
    copy.write_bytes(content)
    assert "damaged" in refused(copy, tmp_path / "data")


def test_a_file_that_was_cut_short_is_refused(copy: Path, tmp_path: Path) -> None:
    copy.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    assert "damaged" in refused(copy, tmp_path / "data")


def test_a_single_altered_text_is_found(copy: Path, tmp_path: Path) -> None:
    change(copy, "UPDATE notifications SET body = replace(body, 't3', 't4') WHERE body ->> '$.title' = 't3'")
    assert "not as it was written" in refused(copy, tmp_path / "data")


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("Dear diary")
    assert "no SQLite file" in refused(text, tmp_path / "data")
    other = tmp_path / "other.db"
    change(other, "CREATE TABLE t (a)")
    assert "no database of Tocsin" in refused(other, tmp_path / "data")
    assert "no such file" in refused(tmp_path / "none", tmp_path / "data")


def test_a_newer_schema_is_refused(copy: Path, tmp_path: Path) -> None:
    change(copy, "INSERT INTO migrations VALUES (9000, '9000_later.sql', '', 0)")
    assert "newer version" in refused(copy, tmp_path / "data")


def test_the_file_of_a_running_server_is_no_backup(dev: Server, tmp_path: Path) -> None:
    dev.service().send("in the WAL")
    assert "in use" in refused(dev.data / "tocsin.db", tmp_path / "data")


def test_a_running_server_is_not_restored_under(dev: Server, copy: Path) -> None:
    ran = restore(copy, dev.data, "--replace")
    assert ran.status == 2
    assert "another tocsin process" in ran.err
    assert dev.service().send("still here").status == 200


def test_a_damaged_database_gives_no_backup(copy: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert restore(copy, data).status == 0
    change(data / "tocsin.db", "UPDATE notifications SET body = '{}' WHERE body ->> '$.title' = 't3'")
    ran = tocsin("backup", str(tmp_path / "b.db"), "--data", str(data))
    assert ran.status == 1
    assert "not as it was written" in ran.err
    assert not list(tmp_path.glob("b.db*"))


def test_only_superusers_get_a_backup(dev: Server, tmp_path: Path) -> None:
    ran = tocsin("backup", str(tmp_path / "b.db"), server=dev, token=dev.token("user123"))
    assert ran.status == 5
    ran = tocsin("backup", str(tmp_path / "b.db"), server=dev)
    assert ran.status == 4
    assert not list(tmp_path.glob("b.db*"))


def test_where_the_server_of_a_folder_listens_is_read_off_its_settings_or_asked_for(
    dev: Server, tmp_path: Path
) -> None:
    asked = ("backup", str(tmp_path / "b.db"), "--data", str(dev.data), "--json")
    ran = tocsin(*asked, token=DEV_KEY, env={"TOCSIN_PORT": str(dev.port)})
    assert ran.status == 0, ran.err
    assert ran.json["from"] == dev.url
    ran = tocsin(*asked, "--replace", token=DEV_KEY, env={"TOCSIN_PORT": "1"})
    assert ran.status == 3
    assert f"A server runs on {dev.data}" in ran.err
    assert "--url" in ran.err


def test_a_file_that_is_there_is_not_overwritten_unasked(dev: Server, copy: Path) -> None:
    held = copy.read_bytes()
    assert back_up(dev, copy).status == 2
    assert copy.read_bytes() == held
    assert back_up(dev, copy, "--replace").status == 0
    assert copy.read_bytes() != held


def test_what_is_no_file_is_not_replaced_by_one(dev: Server, copy: Path, tmp_path: Path) -> None:
    """Else a superuser of the machine who writes to /dev/stdout has none afterwards."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    for ran in (back_up(dev, pipe), back_up(dev, pipe, "--replace")):
        assert ran.status == 2
        assert "is no file" in ran.err
    assert pipe.is_fifo()
    assert "is no file" in refused(tmp_path, tmp_path / "data")


def test_nobody_at_the_url_and_no_such_folder_are_told_apart(tmp_path: Path) -> None:
    assert tocsin("backup", str(tmp_path / "b.db"), "--url", NOBODY).status == 3
    assert tocsin("backup", str(tmp_path / "b.db"), "--data", str(tmp_path / "none")).status == 2
    assert not list(tmp_path.glob("b.db*"))


def test_a_backup_into_no_folder_says_which(copy: Path, tmp_path: Path) -> None:
    ran = tocsin("backup", str(tmp_path / "none" / "b.db"), "--data", str(copy.parent))
    assert ran.status == 2
    assert f"the folder {tmp_path / 'none'} is not there" in ran.err


def test_whoever_has_a_backup_may_ask_for_another_at_once(dev: Server) -> None:
    client = dev.service()
    for _ in range(20):
        answer = client.request("POST", "/api/backup")
        assert (answer.status, answer.body[:15]) == (200, b"SQLite format 3"), answer.body


# -- cut off


def fill(data: Path, mib: int) -> None:
    """Make a stopped server's database so much larger."""
    change(data / "tocsin.db", "CREATE TABLE ballast (content BLOB)")
    for _ in range(mib):
        change(data / "tocsin.db", f"INSERT INTO ballast VALUES (zeroblob({MIB}))")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with so much in its database that a backup takes a while; it may be killed."""
    server = Server(tmp_path_factory.mktemp("large") / "data")
    server.start()
    server.stop()
    fill(server.data, 60)
    server.start()
    yield server
    server.close()
    server.check_log()


def cut_off(server: Server, file: Path, at_bytes: int) -> int:
    """Kill a `tocsin backup` once so much of it is there; gives how it ended: refused, it may be, or faster."""
    process = subprocess.Popen(
        [PROGRAM, "backup", str(file)],
        env=environment(server, DEV_KEY, None),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    making = file.with_name(f"{file.name}.partial")
    ends = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < ends:
        with suppress(FileNotFoundError):
            if making.exists() and sum(path.stat().st_size for path in making.iterdir()) >= at_bytes:
                break
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    return process.wait(PATIENCE)


def test_a_kill_in_the_midst_of_a_backup_leaves_no_half_file(large: Server, tmp_path: Path) -> None:
    server = large
    file = tmp_path / "b.db"
    cut = 0
    for mib in (0, 1, 20, 40, 59):
        ends = time.monotonic() + PATIENCE
        # Refused while the server is still at work on the one before, which nobody waits for.
        while (status := cut_off(server, file, mib * MIB)) == 1 and time.monotonic() < ends:
            assert not file.exists()
        assert status in (0, -signal.SIGKILL)
        if file.exists():
            # The kill came after the last step: what has the name is whole.
            with closing(apsw.Connection(str(file))) as copy:
                assert copy.execute("SELECT count(*) FROM ballast").fetchall() == [(60,)]
                assert copy.execute("PRAGMA quick_check").fetchall() == [("ok",)]
            file.unlink()
        elif mib:
            cut += 1
    assert cut, "none was cut off in its midst"
    ends = time.monotonic() + PATIENCE
    while (ran := back_up(server, file)).status and time.monotonic() < ends:
        # The server is still at work on one that nobody waits for.
        time.sleep(0.2)
    assert ran.status == 0, ran.err
    assert [path.name for path in tmp_path.glob("b.db*")] == ["b.db"]
    # The last byte of an answer is there before the server has tidied up.
    while (server.data / "backup.tmp").exists():
        assert time.monotonic() < ends + PATIENCE, "the server keeps its copy"
        time.sleep(0.02)


def test_what_a_killed_server_left_of_a_backup_is_removed(large: Server, tmp_path: Path) -> None:
    server = large
    left = server.data / "backup.tmp"
    process = subprocess.Popen(
        [PROGRAM, "backup", str(tmp_path / "b.db")],
        env=environment(server, DEV_KEY, None),
        stderr=subprocess.DEVNULL,
    )
    ends = time.monotonic() + PATIENCE
    while not left.exists() and time.monotonic() < ends and process.poll() is None:
        time.sleep(0.005)
    server.kill()
    assert process.wait(PATIENCE) != 0
    assert left.exists()
    assert not list(tmp_path.glob("b.db*"))
    server.start()
    assert not left.exists()


def test_json_says_what_the_words_say(copy: Path, tmp_path: Path) -> None:
    ran = restore(copy, tmp_path / "data", "--json")
    said = json.loads(ran.out)
    assert said["notifications"] == 10
    assert said["aside"] is None
    assert "10 notifications" in restore(copy, tmp_path / "other").out
