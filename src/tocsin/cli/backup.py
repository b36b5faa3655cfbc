"""`tocsin backup` and `tocsin restore`."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tocsin.cli import exits
from tocsin.cli.config import data_option, own_url
from tocsin.cli.session import DEFAULT_URL, Session, as_json
from tocsin.cli.terminal import complain

if TYPE_CHECKING:
    from tocsin.store.sqlite.restore import Looked

_SILENCE_SECONDS = 3600.0
"""How long the server may take to make the copy before its first byte comes."""

_SYNC_BYTES = 4 * 1024**2


@click.command(short_help="Write the whole database into FILE, checked.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@data_option
@click.option("--replace", is_flag=True, help="FILE may be there already; it is replaced once the new one is sound.")
@click.option("--url", envvar="TOCSIN_URL", show_envvar=True, help="The server.  [default: that on this machine]")
@click.option("--token", envvar="TOCSIN_TOKEN", show_envvar=True, help="A superuser's API key or token.")
@as_json
def backup(file: Path, data: str | None, url: str | None, token: str | None, *, replace: bool, **given: Any) -> None:
    """Write the whole database into FILE, checked, while the server goes on.

    Asks the running server for it, with a superuser's token. Where no server runs on the data folder it opens the
    folder itself.

    FILE holds every secret there is: password hashes, keys, the key that signs tokens. Only its owner can read it.
    """
    if file.exists() and not file.is_file():
        # /dev/stdout would be replaced, too, by a file.
        _refuse(f"{file} is no file, and is left as it is")
    if file.exists() and not replace:
        _refuse(f"{file} is there already; --replace overwrites it")
    if not file.absolute().parent.is_dir():
        _refuse(f"the folder {file.absolute().parent} is not there")
    folder = _stopped(data, url)
    session = _asking(data, url, token, as_json=given["as_json"])
    making = file.absolute().with_name(f"{file.name}.partial")
    old_mask = os.umask(0o077)
    try:
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        looked = _made(making, session, folder)
        _put(making, file.absolute())
    except OSError as error:
        complain(f"{file}: cannot be written: {error}")
        sys.exit(exits.FAILED)
    finally:
        shutil.rmtree(making, ignore_errors=True)
        os.umask(old_mask)
    _show(session, looked, {"file": str(file), "from": str(folder or session.url)}, f"{file}: {_words(looked)}")


@click.command(short_help="Make a backup the database of a stopped server.")
@click.argument("file", type=click.Path(path_type=Path))
@data_option
@click.option("--replace", is_flag=True, help="Put the database that is there aside.")
@as_json
def restore(file: Path, data: str | None, *, replace: bool, **given: Any) -> None:
    """Make the backup FILE the database of a data folder that no server runs on.

    FILE is read through first and stays as it is. Streams that come back are told that there is a gap: positions of
    before hold no longer.
    """
    from tocsin.errors import StartError
    from tocsin.store.sqlite import restore as sqlite_restore

    folder = _folder(data)
    _refuse_where_it_is_elsewhere(folder, "put a copy of pg_dump back with pg_restore")
    old_mask = os.umask(0o077)
    try:
        looked, aside, left = sqlite_restore.restore(file, folder, replace=replace)
    except StartError as error:
        _refuse(error.sentence)
    finally:
        os.umask(old_mask)
    kept = f"; the database of before is {aside}" if aside else ""
    if left:
        kept += f", which was copied to {left}: the folder is served again, without what came since"
    said = {"data": str(folder), "aside": str(aside) if aside else None, "left": left or None}
    _show(Session("", None, as_json=given["as_json"]), looked, said, f"{folder}: {_words(looked)}{kept}")


def _refuse(sentence: str) -> None:
    complain(sentence)
    sys.exit(exits.USAGE)


def _folder(data: str | None) -> Path:
    return Path(data or os.environ.get("TOCSIN_DATA") or "./tocsin-data")


def _refuse_where_it_is_elsewhere(folder: Path, instead: str) -> None:
    """A file that lies about from before a move to PostgreSQL is not what the server keeps."""
    from tocsin import config as configuration
    from tocsin.errors import StartError

    try:
        database = configuration.load({"data": str(folder)}).database
    except StartError:
        # What is wrong with other settings is of no matter here.
        database = os.environ.get("TOCSIN_DATABASE", "")
    if database:
        _refuse(f"everything is in PostgreSQL, as `database` (TOCSIN_DATABASE) says: {instead}")


def _stopped(data: str | None, url: str | None) -> Path | None:
    """The data folder that is meant, when no server runs on it; None when a server is to be asked."""
    from tocsin.store.sqlite.examination import database, in_use, moved_trouble

    if url is not None and data is None:
        return None
    folder = _folder(data)
    try:
        stopped = database(folder).exists() and not in_use(folder)
    except OSError as error:
        _refuse(f"{folder}: {error.strerror}")
    if stopped or (url is None and not database(folder).exists()):
        _refuse_where_it_is_elsewhere(folder, "copy it with pg_dump")
    if stopped:
        if trouble := moved_trouble(folder):
            _refuse(trouble)
        return folder
    if data is not None and not database(folder).exists():
        _refuse(f"{folder} has no database")
    return None


def _asking(data: str | None, url: str | None, token: str | None, *, as_json: bool) -> Session:
    from tocsin import config as configuration
    from tocsin.errors import StartError
    from tocsin.store.sqlite.examination import database

    if url is not None or not database(_folder(data)).exists():
        return Session(url or DEFAULT_URL, token, as_json=as_json)
    try:
        url = own_url(configuration.load({"data": data}))
    except StartError:
        # It may have started with others, and what it keeps is to be had all the same.
        url = DEFAULT_URL
    session = Session(url, token, as_json=as_json)
    session.runs_on = str(_folder(data))
    return session


def _made(making: Path, session: Session, folder: Path | None) -> Looked:
    from tocsin.errors import StartError
    from tocsin.store.sqlite import restore as sqlite_restore
    from tocsin.store.sqlite.examination import database

    try:
        if folder is None:
            _receive(session, database(making))
        else:
            sqlite_restore.copy_of_stopped(folder, database(making))
        sqlite_restore.sync(database(making))
        # A newer server's backup is of use to that one.
        return sqlite_restore.examine(making, newer=True)
    except StartError as error:
        _refuse(error.sentence)
    except sqlite_restore.Unsound as error:
        complain(f"no backup was made: {error}; see `tocsin doctor`")
    sys.exit(exits.FAILED)


def _receive(session: Session, path: Path) -> None:
    import httpx2

    from tocsin.client import exchange
    from tocsin.client.connection import CONNECT_SECONDS, connect, unreachable
    from tocsin.client.errors import not_tocsin

    with session.client():  # what goes wrong ends the program, as for any other command
        try:
            timeout = httpx2.Timeout(_SILENCE_SECONDS, connect=CONNECT_SECONDS)
            with (
                connect(session.url, session.token) as http,
                http.stream("POST", "/api/backup", timeout=timeout) as response,
                path.open("wb") as file,
            ):
                if response.status_code != 200:
                    exchange.judge(response.status_code, response.headers, response.read())
                    raise not_tocsin("the answer")
                unsynced = 0
                for part in response.iter_raw():
                    unsynced += file.write(part)
                    if unsynced >= _SYNC_BYTES:
                        # Bit by bit: a server on this disk would wait behind all of it at once.
                        os.fdatasync(file.fileno())
                        unsynced = 0
        except httpx2.HTTPError as error:
            raise unreachable(session.url, error) from None


def _put(making: Path, file: Path) -> None:
    from tocsin.store.sqlite import restore as sqlite_restore
    from tocsin.store.sqlite.examination import database

    database(making).replace(file)
    sqlite_restore.sync(file.parent)


def _words(looked: Looked) -> str:
    count = f"{looked.notifications:,} notification{'s' if looked.notifications != 1 else ''}"
    if looked.newest is not None:
        count += f", the newest of {datetime.fromtimestamp(looked.newest / 1000, UTC):%F %T} UTC"
    return f"{count}; {max(1, looked.bytes >> 10):,} KiB, read through and sound"


def _show(session: Session, looked: Looked, said: dict[str, Any], text: str) -> None:
    session.show_done({**said, "notifications": looked.notifications, "bytes": looked.bytes}, text)
