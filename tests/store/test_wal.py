"""The write-ahead log: the writer begins it anew, and tries that seldom while somebody still reads in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.adapters import draft
from tocsin.store.sqlite import ledger as ledgers
from tocsin.store.sqlite.batch import Appending
from tocsin.store.sqlite.file import Lock, connect, prepare
from tocsin.store.sqlite.ledger import Ledger

LONG = 200


class Counting(Ledger):
    """Counts how often it moves pages itself."""

    moved = 0

    def _checkpoint(self) -> None:
        self.moved += 1
        super()._checkpoint()


@pytest.fixture
def ledger(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Counting:
    monkeypatch.setattr(ledgers, "WAL_PAGES", LONG)
    folder.mkdir(exist_ok=True)
    connection = connect(folder / "tocsin.db")
    lock = Lock(folder / "tocsin.lock")
    epoch, head = prepare(connection, lock)
    return Counting(connection, None, epoch, head, lock.hold)


def send(ledger: Ledger, count: int) -> None:
    for n in range(count):
        ledger.commit([Appending(draft(f"{n}"))], 2_000)


def test_the_log_begins_anew_when_it_is_long(ledger: Counting) -> None:
    lengths = []
    for _ in range(200):
        send(ledger, 1)
        lengths.append(ledger.wal_pages)
    assert max(lengths) < LONG + 50
    assert ledger.moved >= 2


def test_one_who_reads_on_costs_few_tries_and_then_it_begins_anew(ledger: Counting, folder: Path) -> None:
    send(ledger, 1)
    reader = connect(folder / "tocsin.db", read_only=True)
    reader.execute("BEGIN")
    [(before,)] = reader.execute("SELECT count(*) FROM notifications").fetchall()
    send(ledger, 200)
    assert ledger.wal_pages > 2 * LONG, "it began anew under a reader"
    assert 2 <= ledger.moved <= ledger.wal_pages / (LONG // 4)
    assert reader.execute("SELECT count(*) FROM notifications").fetchall() == [(before,)]
    reader.execute("COMMIT")
    send(ledger, 100)
    assert ledger.wal_pages < LONG
