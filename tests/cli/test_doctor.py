"""`tocsin doctor` finds what is wrong, and says nothing is when nothing is."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import apsw
import pytest

from cli.command import Ran, tocsin
from harness.ports import free_port
from harness.server import Server
from tocsin.ownership import ownership_trouble

T = TypeVar("T")

pytestmark = pytest.mark.one_file(reason="looks into the folder of SQLite; test_doctor_of_servers.py has the others")


def doctor(data: Path, *args: str, env: dict[str, str] | None = None) -> Ran:
    return tocsin("doctor", "--json", "--data", str(data), *args, env=env)


def graded(ran: Ran, grade: str) -> list[tuple[str, str]]:
    findings: list[dict[str, Any]] = ran.json["findings"]
    return [(one["about"], one["sentence"]) for one in findings if one["grade"] == grade]


@pytest.fixture(scope="module")
def kept_ten(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a `--dev` server that kept ten notifications and was stopped; to be copied, not changed."""
    server = Server(tmp_path_factory.mktemp("doctor") / "data")
    server.start()
    try:
        for number in range(10):
            assert server.service().send(f"t{number}", "m").status == 200
        assert server.stop() == 0
    finally:
        server.close()
    server.check_log()
    return server.data


@pytest.fixture
def stopped(kept_ten: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(kept_ten, tmp_path / "data")


def test_a_sound_installation_gets_no_complaint(stopped: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in stopped.iterdir()}
    ran = doctor(stopped, "--dev")

    assert ran.status == 0
    assert ran.json["ok"] is True
    assert graded(ran, "problem") == graded(ran, "warning") == []
    assert ("database", "10 notifications are as they were written") in graded(ran, "good")
    assert {path.name: path.stat().st_mtime_ns for path in stopped.iterdir()} == before


def test_a_new_installation_is_sound_but_for_the_first_password(start_server: Callable[..., Server]) -> None:
    server = start_server(dev=False)
    server.stop()
    ran = doctor(server.data)

    assert ran.status == 0, ran.out
    assert [about for about, _ in graded(ran, "warning")] == ["password"]


def test_a_first_password_that_was_changed_is_only_to_be_deleted(start_server: Callable[..., Server]) -> None:
    server = start_server(dev=False)
    note = server.data / "first-superuser.txt"
    warning = dict(graded(doctor(server.data), "warning"))["password"]
    assert f"{note} still holds the first superuser's password" in warning

    current = note.read_text().split("password: ")[1].strip()
    signed_in = tocsin("token", "--user", "admin", server=server, stdin=f"{current}\n")
    given = f"{current}\nanother one, and long enough\n"
    changed = tocsin("user", "password", server=server, token=signed_in.out.strip(), stdin=given)
    assert changed.status == 0, changed.err
    for look in range(2):
        ran = doctor(server.data)
        assert "password" not in [about for about, _ in graded(ran, "warning")]
        assert ("password", f"{note} has a password that nobody signs in with any more: delete the file") in graded(
            ran, "note"
        )
        if look == 0:
            server.stop()

    note.write_text("what is this?")
    assert "or an old one" in dict(graded(doctor(server.data), "warning"))["password"]


def test_sample_secrets_are_a_problem_outside_dev(stopped: Path) -> None:
    ran = doctor(stopped)

    assert ran.status == 1
    [(about, sentence)] = graded(ran, "problem")
    assert about == "secrets"
    for name in ("sample API key", "sample app secret", "password of admin"):
        assert name in sentence


@pytest.mark.parametrize("name", ["", "tocsin.db"])
def test_what_others_can_open_is_found(name: str, stopped: Path) -> None:
    path = stopped / name
    path.chmod(stat.S_IMODE(path.stat().st_mode) | 0o044)
    ran = doctor(stopped, "--dev")

    assert ran.status == 1
    [(about, sentence)] = graded(ran, "problem")
    assert about == "permissions"
    assert str(path) in sentence


@pytest.mark.parametrize("change", ["body = replace(body, 't3', 'T3')", "user_id = 'user456'", "crc = crc + 1"])
@pytest.mark.fault
def test_a_row_that_is_not_as_it_was_written_is_named(change: str, stopped: Path) -> None:
    database = apsw.Connection(str(stopped / "tocsin.db"))
    [(id_,)] = database.execute(
        f"UPDATE notifications SET {change} WHERE body ->> '$.title' = 't3' RETURNING id"
    ).fetchall()
    database.close()
    ran = doctor(stopped, "--dev")

    assert ran.status == 1
    [(about, sentence)] = graded(ran, "problem")
    assert about == "database"
    assert str(id_) in sentence


@pytest.mark.parametrize(
    "change",
    ["permissions = '[\"notificati'", "permissions = CAST(x'ff41' AS TEXT)", "name = CAST(x'ff41' AS TEXT)"],
)
def test_a_damaged_user_is_named_and_nobody_serves_that(stopped: Path, change: str) -> None:
    database = apsw.Connection(str(stopped / "tocsin.db"))
    database.execute(f"UPDATE users SET {change} WHERE id = 'admin'")
    database.close()
    ran = doctor(stopped, "--dev")
    assert graded(ran, "problem") == [("database", "the user 'admin' is not as it was written; restore a backup")]
    ran = tocsin("serve", "--dev", "--port", str(free_port()), "--data", str(stopped))
    assert (ran.status, "Traceback" in ran.err) == (2, False), ran.err
    who = "the user 'admin'" if change.startswith("permissions = '") else "a text that this needs"
    assert f"{who} is damaged on disk: restore a backup" in ran.err


@pytest.mark.parametrize("key", ["'####'", "CAST(x'ff41' AS TEXT)"])
def test_a_damaged_key_of_tokens_is_named_and_nobody_serves_with_it(stopped: Path, key: str) -> None:
    database = apsw.Connection(str(stopped / "tocsin.db"))
    database.execute(f"UPDATE settings SET value = {key} WHERE name = 'token_key'")
    database.close()
    sentence = "the key that tokens are signed with is not as it was written; restore a backup"
    assert graded(doctor(stopped, "--dev"), "problem") == [("database", sentence)]
    ran = tocsin("serve", "--dev", "--port", str(free_port()), "--data", str(stopped))
    assert ran.status == 2, ran.err
    assert "is damaged on disk: restore a backup" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.fault
def test_a_damaged_file_is_a_problem_and_no_crash(stopped: Path, soak: bool) -> None:
    path = stopped / "tocsin.db"
    whole = path.read_bytes()
    page = 4096
    found = 0
    places = range(0, len(whole), page if soak else 3 * page)
    for at in places:
        path.write_bytes(whole[:at] + os.urandom(page) + whole[at + page :])
        ran = doctor(stopped, "--dev")
        assert ran.status in (0, 1), ran.err
        assert "Traceback" not in ran.err
        found += ran.status
    # A page on the free list, or one that holds nothing, may change unseen.
    assert found > len(places) // 2
    path.write_bytes(whole[: len(whole) // 2])
    assert doctor(stopped, "--dev").status == 1


def test_a_folder_that_a_server_runs_on_is_left_alone_and_the_server_asked(start_server: Callable[..., Server]) -> None:
    server = start_server()
    ran = doctor(server.data, "--url", server.url)
    assert ran.status == 0
    assert [about for about, _ in graded(ran, "note")] == ["lock"]
    assert ("server", f"{server.url} is ready") in graded(ran, "good")

    # Where it listens is not known from the folder, so a wrong guess is a warning and no more.
    ran = doctor(server.data, env={"TOCSIN_PORT": str(free_port())})
    assert ran.status == 0
    assert [about for about, _ in graded(ran, "warning")] == ["server"]

    ran = doctor(server.data, env={"TOCSIN_PORT": str(server.port)})
    assert ("server", f"{server.url} is ready") in graded(ran, "good")


def test_a_database_left_by_a_kill_is_read_with_what_its_log_holds(start_server: Callable[..., Server]) -> None:
    server = start_server()
    for number in range(3):
        server.service().send(f"t{number}", "m")
    server.kill()
    ran = doctor(server.data, "--dev")

    assert ran.status == 0, ran.out
    assert ("database", "3 notifications are as they were written") in graded(ran, "good")


def test_a_server_that_does_not_answer_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    monkeypatch.chdir(tmp_path)
    ran = tocsin("doctor", "--url", nobody, "--json")

    assert ran.status == 1
    assert [about for about, _ in graded(ran, "problem")] == ["server"]


@pytest.mark.parametrize("more", [(), ("--url", f"http://127.0.0.1:{free_port()}")])
def test_a_folder_that_is_not_there_is_a_problem(more: tuple[str, ...], tmp_path: Path) -> None:
    """Whoever has named it has misspelt it, also where a server is asked besides."""
    ran = doctor(tmp_path / "none", *more)

    assert ran.status == 1
    assert "data folder" in [about for about, _ in graded(ran, "problem")]


def test_a_schema_of_a_newer_version_is_found(stopped: Path) -> None:
    database = apsw.Connection(str(stopped / "tocsin.db"))
    database.execute("INSERT INTO migrations VALUES (999, 'x', 'x', 0)")
    database.close()
    ran = doctor(stopped, "--dev")

    assert ran.status == 1
    assert [about for about, _ in graded(ran, "problem")] == ["schema"]


def test_plain_http_that_others_can_reach_is_warned_of(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    ran = doctor(tmp_path, env={"TOCSIN_HOST": "0.0.0.0"})

    assert ran.status == 0
    assert [about for about, _ in graded(ran, "warning")] == ["TLS"]


def test_an_address_in_plain_http_is_warned_of_and_one_on_loopback_is_not(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    proxied = {"TOCSIN_HOST": "127.0.0.1", "TOCSIN_TRUSTED_PROXIES": "127.0.0.1"}

    ran = doctor(tmp_path, env={**proxied, "TOCSIN_BASE_URL": "http://tocsin.example/inbox"})
    assert ran.status == 0
    [(about, sentence)] = graded(ran, "warning")
    assert about == "TLS"
    assert "http://tocsin.example/inbox" in sentence
    for address in ("http://127.0.0.1:8000", "http://localhost:8000", "https://tocsin.example"):
        assert graded(doctor(tmp_path, env={**proxied, "TOCSIN_BASE_URL": address}), "warning") == []


def test_tls_files_that_cannot_be_served_are_found(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    ran = doctor(
        tmp_path, env={"TOCSIN_TLS_CERT": str(tmp_path / "no.pem"), "TOCSIN_TLS_KEY": str(tmp_path / "no.pem")}
    )

    assert ran.status == 1
    [(about, sentence)] = graded(ran, "problem")
    assert about == "TLS"
    assert "cannot be read" in sentence


def test_for_people_each_finding_is_a_line(stopped: Path) -> None:
    ran = tocsin("doctor", "--data", str(stopped))

    assert ran.status == 1
    assert "FAIL  secrets" in ran.out
    assert "ok    SQLite" in ran.out


SOMEBODY_ELSE = 65534
"""The number of a user who is not root; the tests of owners are root's."""


@pytest.fixture
def open_to_all(stopped: Path) -> Iterator[Path]:
    """The same folder, where others than its owner can come to it."""
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    doctor(stopped, "--dev")  # What it imports may lie where others may not look.
    way = Path(tempfile.mkdtemp())
    way.chmod(0o755)
    yield shutil.copytree(stopped, way / "data")
    shutil.rmtree(way)


def as_somebody_else(call: Callable[[], T]) -> T:
    os.seteuid(SOMEBODY_ELSE)
    try:
        return call()
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_files_of_another_owner_are_to_be_given_back_and_nothing_else_is_advised(mode: int, open_to_all: Path) -> None:
    for path in (open_to_all, *open_to_all.iterdir()):
        os.chown(path, SOMEBODY_ELSE, -1)
    os.chown(open_to_all / "tocsin.db", 0, -1)
    (open_to_all / "tocsin.db").chmod(mode)
    asked = ("doctor", "--json", "--dev", "--data", str(open_to_all))
    # Root is not asked about itself: the folder says whose the files should be.
    for ran in (as_somebody_else(lambda: tocsin(*asked)), tocsin(*asked)):
        assert ran.status == 1
        [(about, sentence)] = graded(ran, "problem")
        assert about == "owner"
        assert f"tocsin.db in {open_to_all} belong to root" in sentence
        assert f"chown -R nobody {open_to_all}" in sentence
        assert "chmod" not in ran.out
        assert "restore" not in ran.out
    os.chown(open_to_all / "tocsin.db", SOMEBODY_ELSE, -1)
    (open_to_all / "tocsin.db").chmod(0o600)
    assert tocsin(*asked).status == 0
    assert as_somebody_else(lambda: ownership_trouble(open_to_all)) == ""


def test_a_folder_that_is_wholly_somebody_elses_is_perhaps_looked_at_by_the_wrong_user(
    open_to_all: Path,
) -> None:
    sentences = graded(as_somebody_else(lambda: doctor(open_to_all)), "problem")
    assert all(
        "run it as root" in sentence and f"chown -R nobody {open_to_all}" in sentence for _, sentence in sentences
    )
    [(about, _)] = sentences
    assert about == "settings", "it could not be read"
