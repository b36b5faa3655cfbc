"""The shape of the source: who may import whom, how long a module is, what nothing may be called or name."""

import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from import_rules import breaches

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "tocsin"

SAYS_NOTHING = {"common", "core", "helper", "helpers", "manager", "managers", "misc", "service", "services"}
SAYS_NOTHING |= {"util", "utils"}

AIM, LIMIT = 300, 400  # lines of a module


def test_every_module_has_a_place_and_imports_go_down_only() -> None:
    assert list(breaches(SOURCE)) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("notification", "from tocsin.wire import encode"),
        ("notification", "import tocsin.store.sqlite.store"),
        ("notification", "import asyncio"),
        ("receipt", "import time"),
        ("errors", "from tocsin.config import Config"),
        ("config", "from . import wire"),
        ("wire", "from tocsin import ports"),
        ("ports", "from tocsin.path.accept import accept"),
        ("credentials/jwt", "from tocsin.store.sqlite.store import Store"),
        ("credentials/ticket", "from ..path import authorize"),
        ("path/announce", "from tocsin.live.hub import Hub"),
        ("path/append", "from tocsin.store import sqlite"),
        ("path/append", "def f():\n    from tocsin.broker import local"),
        ("path/append", "import importlib\nimportlib.import_module('tocsin.broker.local')"),
        ("path/accept", "import starlette.requests"),
        ("store/sqlite/store", "from tocsin.path.append import append"),
        ("store/sqlite/store", "from tocsin.broker.local import Broker"),
        ("store/sqlite/store", "from ...credentials import key"),
        ("store/sqlite/store", "import sqlite3"),
        ("broker/local", "from tocsin.store.sqlite.store import Store"),
        ("broker/local", "from ..live import hub"),
        ("channels/webhook", "from tocsin.api import routes"),
        ("live/stream", "import asyncio"),
        ("live/stream", "from socket import socket"),
        ("live/stream", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import asyncio.transports"),
        ("live/stream", "from tocsin.store.sqlite.store import Store"),
        ("live/stream", "from .websocket import Skin"),
        ("live/hub", "from tocsin.path.announce import announce"),
        ("live/websocket", "from tocsin.api.users import users"),
        ("live/websocket", "from tocsin.server import serve"),
        ("api/users", "from tocsin.store.sqlite.store import Store"),
        ("api/routes", "from tocsin.store.sqlite.store import Store"),
        ("api/users", "import apsw"),
        ("client/exchange", "from tocsin.ports import Store"),
        ("cli", "from tocsin.store.sqlite.store import Store"),
        ("server", "from tocsin.cli import main"),
        ("billing", "import json"),
        ("live/stream", "from tocsin.mail import send"),
    ],
)
def test_an_import_that_goes_up_or_aside_is_found(module: str, line: str, tmp_path: Path) -> None:
    write_sound_tree(tmp_path)
    assert list(breaches(tmp_path / "tocsin")) == []

    file = tmp_path / "tocsin" / f"{module}.py"
    file.write_text((file.read_text() if file.exists() else "") + line + "\n")

    found = list(breaches(tmp_path / "tocsin"))
    assert len(found) == 1
    assert found[0].startswith(f"tocsin.{module.replace('/', '.')}")


def test_no_module_is_longer_than_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    lengths = {relative(file): len(file.read_text().splitlines()) for file in modules()}
    near = {name: length for name, length in lengths.items() if AIM < length <= LIMIT}
    if near:
        with capsys.disabled():
            print(f"\nlonger than the {AIM} lines a module aims at: {near}")
    assert {name: length for name, length in lengths.items() if length > LIMIT} == {}


def test_no_name_is_one_that_says_nothing() -> None:
    assert [relative(file) for file in modules() if SAYS_NOTHING & set(names(relative(file)))] == []


def test_names_that_say_nothing_are_seen_in_files_and_folders() -> None:
    for name in ("src/tocsin/utils.py", "src/tocsin/services/mail.py", "tests/helpers/__init__.py"):
        assert SAYS_NOTHING & set(names(name))
    assert not SAYS_NOTHING & set(names("src/tocsin/store/sqlite/writer.py"))


def test_no_text_names_a_place_on_somebodys_machine() -> None:
    found = [
        f"{name}:{number}: {place}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        for place in private_places(line)
    ]
    assert found == []


def test_private_places_are_recognised() -> None:
    slash = "/"
    for line in (
        "cd /work" + "/tocsin",
        "'/root" + "/.ssh'",
        f"{slash}tmp/x{slash}v",
        "/home" + "/ada/tocsin",
    ):
        assert list(private_places(line)), line
    assert list(private_places("ssh build07.fritz" + ".box"))
    for line in (
        "GET /network/",
        "src/work/x.py",
        "~/tocsin",
        "/tmp/xyz",
        "host.docker.internal",
        "a /home page",
    ):
        assert not list(private_places(line)), line


def write_sound_tree(folder: Path) -> None:
    """A small tree that keeps every rule, one module or more in each area."""
    sound = {
        "__init__": "__version__ = '0'",
        "errors": "class Refusal(Exception): ...",
        "notification": "from tocsin.errors import Refusal\nfrom . import position",
        "position": "from dataclasses import dataclass",
        "receipt": "from tocsin.position import Position",
        "config": "import tomllib\nfrom tocsin import __version__, errors",
        "wire": "import msgspec\nfrom tocsin.notification import Notification",
        "ports": "from tocsin.notification import Notification",
        "credentials/__init__": "",
        "credentials/jwt": "import joserfc.jwt\nfrom tocsin.ports import Clock\nfrom . import key",
        "credentials/key": "import secrets",
        "credentials/ticket": "",
        "path/__init__": "",
        "path/accept": "from tocsin import wire",
        "path/announce": "from tocsin.ports import Broker",
        "path/append": "from tocsin.ports import Store\nfrom tocsin.credentials.key import Key",
        "path/authorize": "",
        "store/__init__": "",
        "store/sqlite/__init__": "",
        "store/sqlite/store": "import apsw\nfrom .writer import Writer",
        "store/sqlite/writer": "import threading\nfrom tocsin.ports import Store",
        "broker/__init__": "",
        "broker/local": "import asyncio\nfrom ..ports import Broker",
        "channels/__init__": "",
        "channels/webhook": "import httpx2\nfrom tocsin.ports import Channel",
        "live/__init__": "",
        "live/stream": "from tocsin import wire\nfrom tocsin.position import Position",
        "live/hub": "import asyncio\nfrom tocsin.live.stream import Stream",
        "live/websocket": "import starlette\nfrom tocsin.live.hub import Hub\nfrom tocsin.path import accept",
        "api/__init__": "",
        "api/users": "from tocsin.path.accept import accept",
        "api/routes": "from tocsin.api.users import users\nfrom tocsin.live import websocket",
        "client/__init__": "",
        "client/exchange": "from tocsin.wire import encode",
        "cli": "import click\nfrom tocsin import server\nfrom tocsin.client.exchange import send",
        "__main__": "from tocsin.cli import main",
        "server": "from tocsin.store.sqlite.store import Store\nfrom tocsin.api import routes",
    }
    for name, text in sound.items():
        file = folder / "tocsin" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")


def modules() -> list[Path]:
    return sorted(file for top in ("src", "tests", "bench") for file in (ROOT / top).rglob("*.py"))


def names(path: str) -> Iterator[str]:
    """The folder names and the stem that a relative path is made of."""
    yield from Path(path).with_suffix("").parts


def texts() -> Iterator[tuple[str, str]]:
    """Every text that belongs to the repository, by its path, but for the lock file."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        files = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:  # an unpacked archive
        files = [file for top in ("src", "tests", "bench", "docs", "scripts") for file in (ROOT / top).rglob("*")]
        files += ROOT.glob("*.*")
    for file in files:
        if file.is_file() and file.name != "uv.lock" and b"\0" not in (content := file.read_bytes()):
            yield relative(file), content.decode("utf-8", "replace")


# Written with a class in brackets so that the pattern does not match its own text.
_PLACES = re.compile(
    r"(?<![\w.~/-])/(?:work[/]|root[/]|tmp[/]x[/]|home[/][a-z][\w.-]*[/]|Users[/][A-Za-z][\w.-]*[/])"
    r"|\b[\w-]+\.(?:corp|intranet|lan|home\.arpa|fritz[.]box)\b"
)


def private_places(line: str) -> Iterator[str]:
    """Paths below a developer's own folders and names of hosts that only their network knows."""
    yield from (match.group() for match in _PLACES.finditer(line))
    here = socket.gethostname()
    # A machine called `server` or `debian` would find itself in every other sentence.
    if len(here) >= 8 and re.search(r"\d", here) and here in line:
        yield here


def relative(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()
