"""For controls only: a server without the rule that WEAKENED names.

With WEAKENED_SYNCHRONOUS, SQLite keeps that `synchronous`, whatever the server asks for. Loaded by the interpreter
because the control puts this folder on PYTHONPATH.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import apsw


def _weaken(connection: apsw.Connection) -> None:
    connection.execute(f"PRAGMA synchronous={os.environ['WEAKENED_SYNCHRONOUS']}")

    def decide(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action == apsw.SQLITE_PRAGMA and (first or "").lower() == "synchronous" and second is not None:
            return apsw.SQLITE_IGNORE
        return apsw.SQLITE_OK

    connection.authorizer = decide


class _SecondTry(apsw.VFSFile):
    """A file whose sync, where it fails, is made again."""

    def __init__(self, name: Any, flags: list[int]) -> None:
        super().__init__("unix", name, flags)

    def xSync(self, flags: int) -> None:  # noqa: N802  (SQLite's name)
        try:
            super().xSync(flags)
        except apsw.IOError:
            super().xSync(flags)


class _SecondTries(apsw.VFS):
    """A file system of such files."""

    def __init__(self) -> None:
        super().__init__("second tries", "unix", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802  (SQLite's name)
        return _SecondTry(name, flags)


def _syncs_again() -> None:
    """A sync that has failed is made again, and believed."""
    _kept.append(_SecondTries())


def _goes_on_after_a_failed_sync() -> None:
    """It is refused like any other failure."""
    from tocsin.store.sqlite import checkpointer, ledger

    for module in (checkpointer, ledger):
        module.raise_if_broken = lambda _error: None  # type: ignore[attr-defined]


def _promises_on_a_full_disk() -> None:
    """What finds no room is answered as if it had."""
    from tocsin.store.sqlite.ledger import Ledger

    wait, commit = Ledger._wait, Ledger.commit

    def commit_anew(self: Any, *arguments: Any) -> Any:
        # Its numbers are those of the file again: else it sees a log that is not as it left it, and ends.
        self._doubtful = True
        self._roll_back()
        return commit(self, *arguments)

    def wait_or_not(self: Any, sql: str) -> None:
        try:
            wait(self, sql)
        except apsw.FullError:
            self._roll_back()

    Ledger._wait, Ledger.commit = wait_or_not, commit_anew  # type: ignore[method-assign]


def _holds_no_sessions() -> None:
    """What begins on a full disk is refused."""
    from tocsin import unwritten

    unwritten.MOST = 0


def _raises_floors_quietly() -> None:
    """Nobody is told that something is gone: it takes no number, and a stream from before is not looked at for it."""
    from tocsin.store.sqlite import floors
    from tocsin.store.sqlite.queries import queries

    def raise_quietly(batch: Any, owner: str, app: str, upto: int) -> None:
        if upto > floors._floor(batch, owner, app):
            batch.run("raise_floor", owner, app, upto, 0)

    floors.raise_floor = raise_quietly
    assert "max(upto)" in queries()["highest_floor"]
    queries()["highest_floor"] = queries()["highest_floor"].replace("max(upto)", "NULL")


def _removes_in_two_steps() -> None:
    """What goes is removed first, and no more counted a moment later."""
    from tocsin.store.sqlite import counts

    purged_own = counts.purged_own

    def removed_first(run: Any, user: str, rows: Any) -> None:
        run("purge_notifications", json.dumps([row[0] for row in rows]))
        run.__self__._connection.execute("COMMIT; BEGIN IMMEDIATE; SAVEPOINT command")
        time.sleep(0.05)
        purged_own(run, user, rows)

    counts.purged_own = removed_first


def _makes_the_schema_by_and_by() -> None:
    """Each migration is a transaction of its own, and takes a moment."""
    from tocsin.store.sqlite import file

    migrations = file._migrations

    class Slowly(list[tuple[int, str, str]]):
        def __iter__(self) -> Iterator[tuple[int, str, str]]:
            for one in super().__iter__():
                yield one
                time.sleep(0.02)

    file._migrations = lambda: Slowly((n, name, "COMMIT; BEGIN IMMEDIATE;" + sql) for n, name, sql in migrations())


def _locks_nobody_out() -> None:
    """The lock file says who was there, and no more."""
    from tocsin.store.sqlite import file

    file.fcntl = SimpleNamespace(flock=lambda *_: None, LOCK_EX=0, LOCK_NB=0)  # type: ignore[assignment, attr-defined]


def _takes_any_schema() -> None:
    """Which migrations were applied is not compared with those that are known."""
    from tocsin.store.sqlite import file

    rows = file._rows

    def rows_as_known(connection: apsw.Connection, sql: str) -> list[tuple[Any, ...]]:
        found = rows(connection, sql)
        if sql != "SELECT number, sha256 FROM migrations":
            return found
        applied = {number for number, _ in found}
        return [(n, hashlib.sha256(text.encode()).hexdigest()) for n, _, text in file._migrations() if n in applied]

    file._rows = rows_as_known


_kept: list[apsw.VFS] = []  # one that nobody holds is gone

RULES = {
    "ending": _goes_on_after_a_failed_sync,
    "doubting": _syncs_again,
    "refusing": _promises_on_a_full_disk,
    "holding": _holds_no_sessions,
    "telling": _raises_floors_quietly,
    "removing-at-once": _removes_in_two_steps,
    "making-at-once": _makes_the_schema_by_and_by,
    "locking": _locks_nobody_out,
    "comparing": _takes_any_schema,
}

if "WEAKENED_SYNCHRONOUS" in os.environ:
    apsw.connection_hooks.append(_weaken)
if "WEAKENED" in os.environ:
    RULES[os.environ["WEAKENED"]]()
