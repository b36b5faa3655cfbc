"""Where what is printed cannot be: a full disk, a reader that has gone, a standard output that was closed."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from cli.command import PROGRAM, Ran, environment, installed, tocsin
from harness.http import DEV_APP, DEV_KEY, inbox
from harness.patience import PATIENCE
from harness.ports import free_port
from harness.server import Server

FULL = "tocsin: standard output: No space left on device\n"


def ran(to: str, *args: str, server: Server | None = None, token: str | None = DEV_KEY, stdin: str = "") -> Ran:
    """Run the program with its output put elsewhere; `|`: into a pipe that nobody reads any more."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {to.removeprefix("|")}', "sh", str(PROGRAM), *args],
        env=environment(server, token, None),
        input=stdin,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    os.close(write)
    return Ran(done.returncode, "", done.stderr)


@pytest.mark.parametrize(("to", "said"), [(">/dev/full", FULL), ("|", ""), (">&-", ""), (">/dev/full 2>&1", "")])
def test_what_was_kept_is_no_failure_where_it_cannot_be_told(to: str, said: str, dev: Server) -> None:
    title = f"kept {to}"
    assert ran(to, "send", title, "m", server=dev, token=dev.token("user456")) == Ran(0, "", said)
    assert title in [one["title"] for one in inbox(dev.user("user456"))]


@pytest.mark.parametrize(
    "name",
    [
        "user create full-1", "user update full-1 --name n --json", "user disable full-1", "device set full-1 n",
        "device delete full-1", "app create full-1", "app update full-1 --name n", "app install full-1 --json",
        "app uninstall full-1", "app delete full-1", "user password full-1", "user delete full-1",
    ],
)  # fmt: skip
def test_what_was_done_is_no_failure_where_it_cannot_be_told(name: str, dev: Server) -> None:
    for made in ("user create full-1", "app create full-1", "device set full-1 n"):
        tocsin(*made.split(), server=dev, token=DEV_KEY)
    if "create" in name:
        tocsin(*name.replace("create", "delete").split(), server=dev, token=DEV_KEY)

    assert ran(">/dev/full", *name.split(), server=dev, stdin="a long enough password\n") == Ran(0, "", FULL)


@pytest.mark.parametrize("to", [">/dev/full", "|", ">&-"])
@pytest.mark.parametrize(
    ("made", "listed", "revoke"),
    [
        ("key create user456", "key list", r"tocsin (key revoke (\S+))`"),
        (f"app secret create {DEV_APP}", f"app secret list {DEV_APP}", rf"tocsin (app secret revoke {DEV_APP} (\S+))`"),
    ],
)
def test_a_secret_that_could_not_be_shown_is_a_failure_and_can_be_revoked(
    to: str, made: str, listed: str, revoke: str, dev: Server
) -> None:
    lost = ran(to, *made.split(), server=dev)

    assert lost.status == 1
    assert "was made, and could not be shown" in lost.err
    assert ("No space left" in lost.err) == (to == ">/dev/full")
    [(command, id_)] = re.findall(revoke, lost.err)
    assert id_ in tocsin(*listed.split(), server=dev, token=DEV_KEY).out
    assert tocsin(*command.split(), server=dev, token=DEV_KEY).status == 0


def test_a_password_that_was_changed_is_said_to_be_where_the_new_token_could_not_be_shown(dev: Server) -> None:
    tocsin("user", "create", "changing", "--password", server=dev, token=DEV_KEY, stdin="the password of before\n")
    token = tocsin("token", "--user", "changing", server=dev, stdin="the password of before\n").out.strip()
    lost = ran(
        ">/dev/full", "user", "password", server=dev, token=token, stdin="the password of before\nthe one of after\n"
    )

    assert lost.status == 1
    assert "the password was changed" in lost.err
    assert tocsin("token", "--user", "changing", server=dev, stdin="the one of after\n").status == 0


@pytest.mark.parametrize(
    "name",
    ["user list", "user list --json", "config show", "doctor", "--help", "--version", "send --help", "token --ticket"],
)  # fmt: skip
def test_what_only_shows_fails_in_one_sentence_and_is_silent_where_its_reader_has_gone(
    name: str, dev: Server, tmp_path: Path
) -> None:
    args = [*name.split(), *(["--data", str(tmp_path)] if name in ("config show", "doctor") else [])]

    assert ran(">/dev/full", *args, server=dev) == Ran(1, "", FULL)
    assert ran("|", *args, server=dev) == Ran(1, "", "")


def test_a_backup_is_there_where_that_cannot_be_told(dev: Server, tmp_path: Path) -> None:
    file = tmp_path / "b.db"
    assert ran(">/dev/full", "backup", str(file), "--url", dev.url) == Ran(0, "", FULL)
    assert file.stat().st_size

    restored = ran(">/dev/full", "restore", str(file), "--data", str(tmp_path / "data"))
    assert restored == Ran(0, "", FULL)


def test_a_server_starts_where_it_cannot_print_its_address(tmp_path: Path) -> None:
    port = free_port()
    command = ["sh", "-c", 'exec "$@" >/dev/full', "sh", str(PROGRAM)]
    command += ["serve", "--dev", "--data", str(tmp_path / "data"), "--port", str(port)]
    with subprocess.Popen(command, env=environment(None, None, None), stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if line == FULL:
                    break
            url = f"http://127.0.0.1:{port}"
            assert installed("send", "t", "m", "--url", url, token=DEV_KEY).status == 0
        finally:
            process.terminate()
        assert process.stderr.read().count("Traceback") == 0
        assert process.wait(PATIENCE) == 0
