"""Removing what is too old, as commands of a batch: each leaves counts, floors and rows in step.

Floors and their rows: `docs/decisions/0006-the-inbox.md`, Withdrawal, retention.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tocsin.app import AppId
from tocsin.principal import UserId
from tocsin.receipt import Purged
from tocsin.store.purge import Part
from tocsin.store.sqlite import counts
from tocsin.store.sqlite.batch import Batch
from tocsin.store.sqlite.reader import checksum


def remove_own(batch: Batch, parts: Sequence[Part]) -> int:
    """Remove users' own notifications.

    Returns:
        How many there were.
    """
    gone: list[int] = []
    for part in parts:
        rows = batch.run("purge_own", part.user, _json(part.firsts))
        if rows:
            counts.purged_own(batch.run, part.user, rows)
            gone += [row[0] for row in rows]
            # Of somebody who left there is nobody to tell.
            if batch.run("joined", part.user):
                raise_floor(batch, part.user, part.app, rows[-1][0])
    if gone:
        for name in ("purge_receipts", "purge_voids", "purge_streamed", "purge_notifications"):
            batch.run(name, _json(gone))
    return len(gone)


def raise_broadcasts(batch: Batch, before: int, upto: int, by_type: Mapping[str, int]) -> bool:
    """Let go of broadcasts: from now on nobody sees or counts those up to a number.

    Parameters:
        before: the floor that `by_type` was counted above.
        by_type: how many broadcasts there are in (before, upto].

    Returns:
        Whether it was done; not when the floor has moved since it was counted.
    """
    if _floor(batch, "", "") != before:
        return False
    batch.run("add_at_floor", _json(list(by_type.items())))
    raise_floor(batch, "", "", upto)
    return True


def remove_broadcasts(batch: Batch, firsts: Sequence[int]) -> None:
    """Remove broadcasts that lie below their floor and have no receipts any more."""
    for name in ("purge_voids", "purge_streamed", "purge_notifications"):
        batch.run(name, _json(firsts))


def remove_receipts(batch: Batch, of: Mapping[str, Sequence[int]]) -> None:
    """Remove what users did with broadcasts that lie below their floor.

    Parameters:
        of: the broadcasts' numbers by user.
    """
    for user, firsts in of.items():
        counts.lift(batch.run, user)
        batch.run("purge_receipts_of", user, _json(firsts))


def void_broadcasts(batch: Batch, app: AppId, firsts: Sequence[int], now: int) -> int:
    """Let go of broadcasts of one app that lie above the floor of all.

    They count as withdrawn, and the rest of them goes when that floor has come by: the totals hold them until then.

    Parameters:
        now: milliseconds UTC.

    Returns:
        How many there were.
    """
    rows = batch.run("broadcasts_of_app", _json(firsts))
    for first, seq, id_, type_, device in rows:
        # The floor tells it: they take no numbers of their own.
        batch.run("withdraw", seq, checksum(first, id_, None, device, b"{}"), now, first)
        batch.run("put_void", first, seq, None, type_, device)
    if rows:
        raise_floor(batch, "", app, rows[-1][0])
    return len(rows)


def raise_floor(batch: Batch, owner: str, app: str, upto: int) -> None:
    """Say up to where something is gone, where that is further than before; everybody whom it concerns is told."""
    if upto > _floor(batch, owner, app):
        user, its = UserId(owner) if owner else None, AppId(app) if app else None
        seq = batch.take(lambda seq: Purged(seq=seq, user_id=user, app_id=its, upto=upto))
        batch.run("raise_floor", owner, app, upto, seq)


def _floor(batch: Batch, owner: str, app: str) -> int:
    rows = batch.run("floor_of", owner, app)
    return int(rows[0][0]) if rows else 0


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
