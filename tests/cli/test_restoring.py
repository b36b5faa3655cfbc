"""`tocsin restore` keeps what it replaces, and takes nothing that would not start."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, tzinfo
from pathlib import Path

import apsw
import pytest

from cli.backups import refused, restore
from tocsin.store.sqlite import restore as restores

pytestmark = pytest.mark.one_file(reason="a backup is a copy of the file of SQLite; PostgreSQL has pg_dump")


class Standing(datetime):
    """A clock that stands."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Standing:
        return cls(2026, 11, 27, tzinfo=tz)


def test_what_is_replaced_in_the_same_second_is_kept_too(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restores, "datetime", Standing)
    data = tmp_path / "data"
    assert restore(copy, data).status == 0
    for _ in range(3):
        assert restore(copy, data, "--replace").status == 0
    kept = sorted(data.glob("tocsin.db.*.old"))
    epochs = set()
    for path in [*kept, data / "tocsin.db"]:
        with closing(apsw.Connection(str(path))) as connection:
            epochs |= {row[0] for row in connection.execute("SELECT epoch FROM log")}
    assert (len(kept), len(epochs)) == (3, 4)


def test_people_that_are_damaged_are_refused(copy: Path, tmp_path: Path) -> None:
    for change in ("UPDATE users SET permissions = '{'", "UPDATE settings SET value = '!!' WHERE name = 'token_key'"):
        damaged = tmp_path / "damaged.db"
        damaged.write_bytes(copy.read_bytes())
        with closing(apsw.Connection(str(damaged))) as connection:
            connection.execute(change)
        assert "is damaged" in refused(damaged, tmp_path / "data")
