"""What holds for every command: `--json`, a help text, the exit statuses in the documents, a quick start."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest

from cli.command import PROGRAM, environment, installed, tocsin
from harness.http import DEV_KEY
from harness.patience import PATIENCE
from harness.server import Server
from tocsin.cli import exits
from tocsin.cli.main import main
from tocsin.config import Config, Issuer

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


def commands(group: click.Group, *above: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)
        else:
            yield " ".join((*above, name)), command


COMMANDS = dict(commands(main))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_json_has_help_and_is_documented(name: str) -> None:
    command = COMMANDS[name]
    reference = (REFERENCE / "command-line.md").read_text()

    assert any("--json" in parameter.opts for parameter in command.params)
    assert command.help
    assert f"tocsin {name}" in reference
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert any(f"`{option}" in reference for option in parameter.opts), parameter.opts
            assert parameter.help, parameter.name


def test_the_help_says_which_commands_need_no_server() -> None:
    said = " ".join(installed("--help").out.split())
    assert "config and doctor work on this machine, and so does backup where no server runs." in said


def test_exit_statuses_are_in_the_help_and_in_the_reference() -> None:
    told = installed("--help").out
    reference = (REFERENCE / "command-line.md").read_text()
    for status, meaning in exits.MEANINGS.items():
        assert f"{status}  {meaning}" in told
        assert f"| {status} | {meaning} |" in reference


@pytest.mark.parametrize("form", [Config, Issuer])
def test_every_setting_is_in_the_reference_with_its_default(form: type[msgspec.Struct]) -> None:
    lines = (REFERENCE / "settings.md").read_text().splitlines()
    for name, default in flat(form):
        row = next((line for line in lines if line.startswith(f"| `{name}` |")), None)
        assert row is not None, f"{name} is not in settings.md"
        if default is not None:
            assert f"| `{default}` |" in row, row


def flat(form: type[msgspec.Struct], above: str = "") -> Iterator[tuple[str, str | None]]:
    """Every setting's dotted name, and its default as tocsin.toml writes it."""
    for field in msgspec.structs.fields(form):
        default = field.default if field.default is not msgspec.NODEFAULT else None
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        if isinstance(default, msgspec.Struct):
            yield from flat(type(default), f"{above}{field.name}.")
        else:
            written = msgspec.json.encode(default).decode() if default is not None else None
            yield f"{above}{field.name}", written


def test_sending_does_not_load_the_server(dev: Server) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", PROGRAM, "send", "t", "m"],
        env=environment(dev, DEV_KEY, None),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "tocsin.client" in loaded
    assert {"uvicorn", "starlette", "apsw", "uvloop", "tocsin.server", "tocsin.api"} & loaded == set()


@pytest.mark.parametrize(
    "url", ["http://joe:secret@127.0.0.1", "http://a..b", "http://127.0.0.1/#f", "http://127.0.0.1/?a", "ftp://x"]
)
@pytest.mark.parametrize("name", ["send t m", "listen", "user list", "token --user anna", "backup there-is-none"])
def test_every_command_judges_an_address_alike(url: str, name: str) -> None:
    ran = tocsin(*name.split(), env={"TOCSIN_URL": url}, token=DEV_KEY, stdin="a password\n")

    assert (ran.status, ran.out) == (2, ""), ran
    assert "address of a server" in ran.err
    assert "secret" not in ran.err


@pytest.mark.parametrize(
    "name",
    [
        "user show {}", "user delete {}", "key revoke {}", "device set {} name", "device delete {}",
        "app secret list {}", "app secret revoke a {}", "app send a u {}", "app send {} u m",
    ],
)  # fmt: skip
def test_an_id_that_no_url_can_hold_is_a_mistake_of_usage(name: str, dev: Server) -> None:
    ran = tocsin(*name.format("x" * 70_000).split(), server=dev, token=DEV_KEY)

    assert (ran.status, ran.out) == (2, ""), ran
    assert "longer than a URL can be" in ran.err


@pytest.mark.parametrize("name", ["send t -", "app send a u -", "token --user admin", "user password admin"])
def test_a_standard_input_that_is_closed_is_a_mistake_of_usage(name: str, dev: Server) -> None:
    command = ["sh", "-c", 'exec "$@" <&-', "sh", PROGRAM, *name.split()]
    env = environment(dev, DEV_KEY, None)
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.endswith("\nError: there is no standard input to read from\n"), done.stderr


def test_a_password_that_is_no_text_is_a_mistake_of_usage(dev: Server) -> None:
    # As in a locale such as de_DE.UTF-8; in that of C, Python lets such bytes through.
    env = {"PYTHONIOENCODING": "utf-8:strict"}
    ran = installed("token", "--user", "admin", server=dev, stdin=b"\xff\n", env=env)

    assert ran.status == 2
    assert "the password given is not UTF-8" in ran.err


def test_an_interruption_while_modules_are_read_ends_it_without_a_trace(tmp_path: Path) -> None:
    # In place of the library that is read first.
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    env = environment(None, None, {"PYTHONPATH": str(tmp_path)})
    done = subprocess.run([PROGRAM, "--help"], env=env, capture_output=True, timeout=PATIENCE, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")
