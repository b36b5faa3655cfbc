"""Backups of a stopped server, putting a backup in the place of a database, and taking a copied one back into use.

A data folder is locked meanwhile, as a server would lock it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import apsw
import msgspec

from tocsin.errors import StartError
from tocsin.store.sqlite.backup import make_single
from tocsin.store.sqlite.backup import sync as sync
from tocsin.store.sqlite.examination import LOCK_FILE, Damaged, Examination, moved_to
from tocsin.store.sqlite.file import Lock, connect, make_folder, new_epoch
from tocsin.store.sqlite.moved import unmark
from tocsin.store.sqlite.queries import queries
from tocsin.store.sqlite.store import FILE

_MAGIC = b"SQLite format 3\0"
_FOLDER = "restore.tmp"
_MADE_AGAIN = "search.db*"


class Unsound(Exception):
    """A file is not what a database of Tocsin should be; the message says how."""


class Looked(msgspec.Struct, frozen=True):
    """What a sound backup holds.

    Attributes:
        notifications: how many.
        newest: when the newest of them was created, milliseconds UTC; None where there is none.
        bytes: how large it is.
    """

    notifications: int
    newest: int | None
    bytes: int


def examine(folder: Path, *, newer: bool) -> Looked:
    """Read a database through.

    Parameters:
        folder: in which it lies, under its usual name.
        newer: whether a newer schema than the known one is all right.

    Raises:
        Unsound: it is damaged, newer, or no database of Tocsin.
    """
    path = folder / FILE
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise Unsound("it is no SQLite file")
    try:
        looked = Examination(folder)
    except Damaged as error:
        raise Unsound(f"it is damaged: {error}") from None
    try:
        for line in looked.structure():
            raise Unsound(f"it is damaged: {line}")
        _judge_schema(looked, newer=newer)
        count, damaged = looked.damaged_rows()
        if damaged := damaged + looked.damaged_people():
            raise Unsound(f"it is damaged: {', '.join(damaged)} not as it was written")
        return Looked(count, looked.newest(), path.stat().st_size)
    except Damaged as error:
        raise Unsound(f"it is damaged: {error}") from None
    finally:
        looked.close()


def undo_move(folder: Path) -> str:
    """Take the note out of a data folder that no server runs on, and begin an epoch: PostgreSQL has gone on with its.

    Returns:
        Where it was copied to, and when.

    Raises:
        StartError: there is none, or it cannot be done.
    """
    path = folder / FILE
    if not path.exists():
        raise StartError(f"{folder} has no database")
    lock = Lock(folder / LOCK_FILE)
    try:
        connection = connect(path)
        try:
            with connection:
                if not (to := unmark(connection)):
                    raise StartError(f"{folder}: its database was not copied to PostgreSQL: there is nothing to undo")
                connection.execute(queries()["set_epoch"], (new_epoch(),))
            return to
        finally:
            connection.close()
    except apsw.Error as error:
        raise StartError(f"{path}: cannot be changed: {error}") from None
    finally:
        lock.release()


def _judge_schema(looked: Examination, *, newer: bool) -> None:
    try:
        schema, known, foreign = looked.schema()
    except Damaged:
        # Its structure is sound.
        raise Unsound("it is no database of Tocsin") from None
    if foreign or not schema:
        raise Unsound("it is no database of Tocsin, or of another line of it")
    if schema > known and not newer:
        raise Unsound(f"it has schema {schema}, this program knows {known}: it is of a newer version; use that one")


def copy_of_stopped(folder: Path, to: Path) -> None:
    """Copy the database of a data folder that no server runs on, its WAL included.

    Parameters:
        to: the new file.

    Raises:
        StartError: a server runs on it, or it cannot be read.
    """
    with _locked(folder):
        try:
            source = connect(folder / FILE)
            target = apsw.Connection(str(to))
            try:
                with target.backup("main", source, "main") as backup:
                    backup.step()
            finally:
                target.close()
                source.close()
            make_single(to)
        except apsw.Error as error:
            raise StartError(f"{folder / FILE}: cannot be copied: {error}") from None


def restore(file: Path, folder: Path, *, replace: bool) -> tuple[Looked, Path | None, str]:
    """Make a backup the database of a data folder, under a new epoch: positions of before no longer hold.

    Parameters:
        replace: where there is a database, put it aside.

    Returns:
        What it holds, where the database of before is now, and where that was copied to, and when; else empty.

    Raises:
        StartError: a server runs on the folder, there is a database already, or the file is no sound backup.
    """
    _refuse_live(file)
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    make_folder(folder)
    with _locked(folder), _taken_back(missing):
        path = folder / FILE
        if path.exists() and not replace:
            raise StartError(f"{path} is there already; --replace puts it aside")
        making = folder / _FOLDER
        shutil.rmtree(making, ignore_errors=True)
        try:
            making.mkdir(mode=0o700)
            shutil.copyfile(file, making / FILE)
            (making / FILE).chmod(0o600)
            looked = examine(making, newer=False)
            _begin_anew(making / FILE)
            sync(making / FILE)
            left = moved_to(folder)
            aside = _put_aside(path) if path.exists() else None
            for stale in folder.glob(_MADE_AGAIN):
                stale.unlink()
            (making / FILE).replace(path)
            sync(folder)
        except Unsound as error:
            raise StartError(f"{file}: {error}") from None
        except (OSError, apsw.Error) as error:
            raise StartError(f"{file}: cannot be restored: {error}") from None
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return looked, aside, left


def _refuse_live(file: Path) -> None:
    if not file.is_file():
        raise StartError(f"{file}: {'it is no file' if file.exists() else 'there is no such file'}")
    log = file.with_name(f"{file.name}-wal")
    if log.exists() and log.stat().st_size:
        raise StartError(f"{file}: {log.name} beside it says that it is a database in use; make a backup of that")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = Lock(folder / LOCK_FILE)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _taken_back(made: list[Path]) -> Iterator[None]:
    """Folders made for what is then refused are taken away again, the deepest first, but for those with anything in."""
    try:
        yield
    except StartError:
        if made:
            (made[0] / LOCK_FILE).unlink(missing_ok=True)
        with suppress(OSError):
            for folder in made:
                folder.rmdir()
        raise


def _begin_anew(path: Path) -> None:
    database = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        database.execute(queries()["set_epoch"], (new_epoch(),))
    finally:
        database.close()
    make_single(path)


def _put_aside(path: Path) -> Path:
    # Closed by its last connection, its WAL is in the file: one file to put aside. A damaged one is kept as it is.
    with suppress(apsw.Error):
        connect(path).close()
    stem = f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (f"{stem}{'' if number == 1 else f'-{number}'}.old" for number in count(1))
    # What was put aside a moment ago is not the one to lose its name.
    aside = next(aside for name in names if not (aside := path.with_name(name)).exists())
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        log.replace(aside.with_name(f"{aside.name}-wal"))
    with suppress(FileNotFoundError):
        path.with_name(f"{path.name}-shm").unlink()
    try:
        # Until the new one takes its name, it has two.
        os.link(path, aside)
    except OSError:
        path.replace(aside)
    return aside
