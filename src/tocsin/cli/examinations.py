"""What `tocsin doctor` looks at: each look gives findings, a sentence each."""

from __future__ import annotations

import shutil
import stat
import time
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from tocsin import config as configuration
from tocsin.cli.config import own_url
from tocsin.cli.examining_broker import broker
from tocsin.cli.examining_postgresql import postgresql
from tocsin.cli.finding import Finding
from tocsin.cli.startable import check_beyond_tls
from tocsin.cli.tls import tls_trouble, valid_until
from tocsin.client import Client, ClientError
from tocsin.config import Config
from tocsin.credentials.key import DEV_APP_SECRET, DEV_KEY, secret_hash
from tocsin.credentials.password import password_holds
from tocsin.errors import StartError
from tocsin.ownership import ownership_trouble
from tocsin.store.sqlite.examination import (
    Damaged,
    Examination,
    database,
    in_use,
    moved_trouble,
    sqlite_version,
)

LITTLE_SPACE = 1024**3
NO_SPACE = 100 * 1024**2
"""Bytes free on the disk of the data folder, below which it is worth a warning, and a problem."""

FIRST_NOTE = "first-superuser.txt"
"""What a first start without a terminal leaves in the data folder, also where everything else is in PostgreSQL."""

SOON = timedelta(days=14)
SKEW_SECONDS = 60
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_BUILT = 1_767_225_600
"""2026 began: a clock before it was never set."""


def examine(options: dict[str, Any], url: str | None) -> Iterator[Finding]:
    """Look at everything.

    Parameters:
        options: `data` and `dev` as given on the command line; None for not given.
        url: of a server to ask, None for none in particular.
    """
    try:
        config = configuration.load(options)
    except StartError as error:
        yield Finding("problem", "settings", error.sentence)
        return
    try:
        check_beyond_tls(config)
        yield Finding("good", "settings", "can be read")
    except StartError as error:
        yield Finding("problem", "settings", error.sentence)
    if config.database:
        yield from postgresql(config.database, Path(config.data))
        if config.broker:
            yield from broker(config.broker)
        yield from _clock()
        yield from _tls(config)
        yield from _first_password(Path(config.data), elsewhere=True)
        if url is not None:
            yield from _server(url)
        return
    yield from _sqlite()
    yield from _clock()
    yield from _tls(config)
    folder = Path(config.data)
    if folder.is_dir() and (trouble := ownership_trouble(folder)):
        running = False
        # What the modes should be, and whether the database is sound, can be told when all is its owner's.
        yield Finding("problem", "owner", trouble)
        yield from _space(folder)
    elif folder.is_dir():
        yield from _permissions(folder)
        yield from _first_password(folder)
        yield from _space(folder)
        running = yield from _lock(folder)
        if not running:
            yield from _database(folder, config)
    elif url is None or options.get("data") is not None:
        running = False
        yield Finding("problem", "data folder", f"{folder} is not there: see --data; `tocsin serve` makes it")
    else:
        running = False
        yield Finding("note", "data folder", f"{folder} is not there, so only the server is looked at")
    if url is not None:
        yield from _server(url)
    elif running:
        yield from map(_guessed, _server(own_url(config)))


def _sqlite() -> Iterator[Finding]:
    version, safe = sqlite_version()
    if safe:
        yield Finding("good", "SQLite", version)
    else:
        yield Finding("problem", "SQLite", f"{version} is too old; install a newer apsw")


def _clock() -> Iterator[Finding]:
    if time.time() < _BUILT:
        yield Finding("problem", "clock", f"it shows {datetime.now(UTC):%Y-%m-%d}: set it, tokens depend on it")


def _tls(config: Config) -> Iterator[Finding]:
    outside = urlsplit(config.base_url)
    if outside.scheme == "http" and outside.hostname not in _LOOPBACK:
        yield Finding(
            "warning",
            "TLS",
            f"base_url is plain http ({config.base_url}): passwords and keys can be read on the way, and the session"
            " cookie is one that browsers send without TLS; give it an https address",
        )
    if not config.tls_cert:
        if config.host in _LOOPBACK:
            yield Finding("good", "TLS", f"none, and none needed: it listens on {config.host} only")
        elif config.trusted_proxies:
            yield Finding("note", "TLS", "none here; see to it that only the proxy can reach this port")
        else:
            yield Finding(
                "warning",
                "TLS",
                f"plain http on {config.host}: passwords and keys can be read on the way; give tls_cert and tls_key,"
                " or listen on 127.0.0.1 behind a proxy that has TLS",
            )
        return
    if trouble := tls_trouble(config.tls_cert, config.tls_key):
        yield Finding("problem", "TLS", trouble)
        return
    until = valid_until(config.tls_cert)
    left = until - datetime.now(UTC)
    if left < timedelta(0):
        yield Finding("problem", "TLS", f"{config.tls_cert} expired on {until:%Y-%m-%d}; renew it, then restart")
    elif left < SOON:
        yield Finding("warning", "TLS", f"{config.tls_cert} expires on {until:%Y-%m-%d}; renew it, then restart")
    else:
        yield Finding("good", "TLS", f"{config.tls_cert} holds until {until:%Y-%m-%d}")
    if mode := _open_to_others(Path(config.tls_key)):
        yield Finding("warning", "TLS", f"{config.tls_key} can be read by others (mode {mode}): chmod 600")


def _permissions(folder: Path) -> Iterator[Finding]:
    found = False
    for path in (folder, *sorted(folder.glob("tocsin.db*")), folder / "tocsin.lock", folder / FIRST_NOTE):
        if path.exists() and (mode := _open_to_others(path)):
            found = True
            right = "700" if path == folder else "600"
            yield Finding("problem", "permissions", f"{path} is open to others (mode {mode}): chmod {right}")
    if not found:
        yield Finding("good", "permissions", f"{folder} is its owner's alone")


def _first_password(folder: Path, *, elsewhere: bool = False) -> Iterator[Finding]:
    note = folder / FIRST_NOTE
    if not note.exists():
        return
    holds = None if elsewhere else _still_holds(folder, note)
    if holds is False:
        yield Finding("note", "password", f"{note} has a password that nobody signs in with any more: delete the file")
        return
    said = (
        "still holds the first superuser's password" if holds else "has the first superuser's password, or an old one"
    )
    yield Finding(
        "warning",
        "password",
        f"{note} {said}: sign in with it, change it (`tocsin user password`), then delete the file",
    )


def _still_holds(folder: Path, note: Path) -> bool | None:
    """Whether somebody signs in with what the note says; None where that cannot be told."""
    try:
        told = dict(line.split(": ", 1) for line in note.read_text(encoding="utf-8").splitlines())
        if not database(folder).exists():
            return None
        # A server may run on it: this reads one row, and no more.
        looked = Examination(folder)
        try:
            given, kept = told["password"], looked.password(told["user"])
        finally:
            looked.close()
    except (OSError, ValueError, KeyError, Damaged):
        return None
    return password_holds(given, kept)


def _space(folder: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(folder).free
    grade: Literal["good", "warning", "problem"] = (
        "problem" if free < NO_SPACE else "warning" if free < LITTLE_SPACE else "good"
    )
    yield Finding(grade, "disk", f"{free // 1024**2:,} MiB free")


def _lock(folder: Path) -> Generator[Finding, None, bool]:
    """Gives back whether a server runs on it."""
    try:
        running = in_use(folder)
    except OSError as error:
        yield Finding("problem", "lock", f"{error.filename} cannot be opened: {error.strerror}")
        return False
    if running:
        yield Finding("note", "lock", "a server runs on it, so it is not read through; stop the server for that")
    else:
        yield Finding("good", "lock", "no server runs on this folder")
    return running


def _database(folder: Path, config: Config) -> Iterator[Finding]:
    if not database(folder).exists():
        yield Finding("note", "database", "there is none yet; `tocsin serve` makes it")
        return
    try:
        looked = Examination(folder)
        try:
            yield from _read_through(looked, config)
        finally:
            looked.close()
    except Damaged as error:
        yield Finding("problem", "database", f"it cannot be read: {error}; restore a backup")


def _read_through(looked: Examination, config: Config) -> Iterator[Finding]:
    schema, known, foreign = looked.schema()
    if schema > known:
        yield Finding("problem", "schema", f"{schema}, and this program knows {known}: start the newer version")
    elif foreign:
        yield Finding("problem", "schema", f"{foreign[0]} is not the migration that was applied to this database")
    else:
        yield Finding("good", "schema", f"{schema} of {known}")
    if trouble := moved_trouble(Path(config.data)):
        yield Finding("problem", "database", trouble)
    newest = looked.newest()
    if newest is not None and newest / 1000 > time.time() + SKEW_SECONDS:
        sentence = f"it is behind the newest notification, of {datetime.fromtimestamp(newest / 1000, UTC):%F %T} UTC"
        yield Finding("warning", "clock", f"{sentence}: is it set right?")
    yield from _secrets(looked, config)
    lines = looked.structure()
    for line in lines:
        yield Finding("problem", "database", f"{line}; restore a backup")
    if not lines:
        yield Finding("good", "database", "its structure is sound")
    for what in looked.damaged_people():
        yield Finding("problem", "database", f"{what} is not as it was written; restore a backup")
    count, damaged = looked.damaged_rows()
    for id_ in damaged:
        yield Finding("problem", "database", f"{id_} is not as it was written and is never shown; restore a backup")
    if not damaged:
        yield Finding("good", "database", f"{count:,} notifications are as they were written")


def _secrets(looked: Examination, config: Config) -> Iterator[Finding]:
    hashes = looked.hashes()
    samples = {"the sample API key": DEV_KEY, "the sample app secret": DEV_APP_SECRET}
    found = [name for name, text in samples.items() if secret_hash(text) in hashes]
    # The name itself is the password of every sample user; others are not guessed at.
    found += [f"the password of {id_}" for id_, kept in looked.superusers(20) if password_holds(id_, kept)]
    if not found:
        yield Finding("good", "secrets", "none that everybody knows")
    elif config.dev:
        yield Finding("note", "secrets", f"{', '.join(found)}: known to everybody, as --dev is meant to be")
    else:
        sentence = f"everybody knows {', '.join(found)}; serve will not start without --dev: use another --data"
        yield Finding("problem", "secrets", f"{sentence} (`tocsin doctor --dev` takes them as they are)")


def _server(url: str) -> Iterator[Finding]:
    try:
        with Client(url) as client:
            ready, reasons, skew = client.readiness()
    except (ClientError, ValueError) as error:
        yield Finding("problem", "server", str(error))
        return
    if ready:
        yield Finding("good", "server", f"{url} is ready")
    else:
        yield Finding("problem", "server", f"{url} is not ready: {', '.join(reasons) or 'it does not say why'}")
    if abs(skew) > SKEW_SECONDS:
        yield Finding("warning", "clock", f"this machine's and the server's are {abs(skew):.0f} s apart")


def _guessed(finding: Finding) -> Finding:
    # Options of the running `serve` are not known here, so it may well be elsewhere.
    if finding.grade == "problem":
        return Finding("warning", finding.about, f"{finding.sentence}; is the server elsewhere? Say where by --url")
    return finding


def _open_to_others(path: Path) -> str:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return ""
    return f"{mode:o}" if mode & 0o077 else ""
