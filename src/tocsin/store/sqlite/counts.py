"""Unread counts, kept and not counted; `docs/decisions/0006-the-inbox.md` says how they add up.

Works on a batch and on a reader's snapshot alike: `run` gives the rows of a named query.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tocsin.notification import TYPES, Type
from tocsin.receipt import NOTHING_UNREAD

Row = tuple[Any, ...]
Run = Callable[..., list[Row]]
"""Runs a named query with its values, positional or one mapping."""


class Reach(msgspec.Struct, frozen=True):
    """Up to where a user's marks of one type reach.

    Attributes:
        mark: those without a device; for broadcasts their floor, where that is higher.
        devices: those with a device, where they reach further.
    """

    mark: int
    devices: Mapping[str, int]

    def covers(self, first: int, device: str | None) -> bool:
        """Whether a mark says that this one is read."""
        return first <= self.mark or (device is not None and first <= self.devices.get(device, 0))


class Counter(msgspec.Struct, frozen=True):
    """What a user has not read of one type; the names are those of the columns."""

    type: Type
    mark: int
    floor: int
    base: int
    covered: int
    own: int
    seen: int
    unseen: int
    total: int
    at_floor: int


def unread(run: Run, user: str) -> dict[Type, int]:
    """How many notifications a user has not read, by type; a user who is not there has none."""
    found = dict(NOTHING_UNREAD)
    floor = _floor(run)
    reaches: dict[str, Reach] = {}
    for counter in _counters(run, user):
        if _is_stale(counter, floor):
            counter = _lifted(run, user, counter, floor)
        found[counter.type] = (
            counter.own + counter.total - counter.base - counter.covered - counter.seen + counter.unseen
        )
        reaches[counter.type] = _reach(run, user, counter.type, max(counter.mark, floor))
    if not reaches:
        return found
    lowest = min(reach.mark for reach in reaches.values())
    for first, type_, device, read in run("broadcast_voids", {"user": user, "above": lowest}):
        if not reaches[type_].covers(first, device) and not read:
            found[type_] -= 1
    for first, type_, device in run("unseen_voids", {"user": user, "floor": floor}):
        if reaches[type_].covers(first, device):
            found[type_] -= 1
    return found


def join(run: Run, user: str, joined: int) -> None:
    """A user has come: nothing of before counts."""
    run("join_counters", {"user": user, "joined": joined})


def shift(run: Run, user: str, type_: str, first: int, device: str | None, *, broadcast: bool, by: int) -> None:
    """One notification has become read (`by` -1) or unread (1) by a word of its recipient.

    Parameters:
        first: its number; it is neither withdrawn nor purged.
    """
    own = seen = unseen = 0
    if not broadcast:
        own = by
    elif _broadcast_reach(run, user, type_).covers(first, device):
        unseen = by
    else:
        seen = -by
    run("shift_counter", {"user": user, "type": type_, "own": own, "seen": seen, "unseen": unseen})


def settle(run: Run, user: str, types: tuple[Type, ...], upto: int) -> None:
    """Count anew, after a mark; what lies below it costs nothing.

    Parameters:
        types: of these; other types are not touched.
        upto: to where the mark without a device reaches; 0 for one with a device.
    """
    floor = _floor(run)
    for counter in _counters(run, user):
        if counter.type in types:
            mark = max(counter.mark, upto)
            own = _own_part(run, user, counter.type, _reach(run, user, counter.type, mark))
            counter = msgspec.structs.replace(counter, mark=mark, own=own)
            if mark > floor:
                base = counter.total - run("broadcasts_above", mark, counter.type)[0][0]
                _set(run, user, _with_broadcasts(run, user, counter, mark, base, floor))
            else:
                _set(run, user, _lifted(run, user, counter, floor))


def lift(run: Run, user: str) -> None:
    """Take the broadcasts below their floor out of a user's counts: they may then be removed."""
    floor = _floor(run)
    for counter in _counters(run, user):
        if _is_stale(counter, floor):
            _set(run, user, _lifted(run, user, counter, floor))


def purged_own(run: Run, user: str, rows: list[tuple[int, Type, str | None]]) -> None:
    """A user's own notifications are about to be removed; called before their receipts and voids are.

    Parameters:
        rows: number, type and device of each.
    """
    gone: dict[Type, int] = {}
    joined = run("joined", user)
    marks = {counter.type: counter.mark for counter in _counters(run, user)}
    reaches = {type_: _reach(run, user, type_, mark) for type_, mark in marks.items()}
    for first, type_, device in rows:
        if not joined or first <= joined[0][0]:
            # Another of that name had it, who has left since.
            continue
        said = run("reading_of", user, first)
        read, void = said[0] if said else (None, 0)
        covered = type_ in reaches and reaches[type_].covers(first, device)
        if not void and not (covered if read is None else read):
            gone[type_] = gone.get(type_, 0) + 1
    for type_, count in gone.items():
        run("shift_counter", {"user": user, "type": type_, "own": -count, "seen": 0, "unseen": 0})


def all_types(type_: Type | None) -> tuple[Type, ...]:
    """That one, or all there are."""
    return TYPES if type_ is None else (type_,)


def _counters(run: Run, user: str) -> list[Counter]:
    return [Counter(*row) for row in run("counters", user)]


def _set(run: Run, user: str, to: Counter) -> None:
    run("set_counter", to.mark, to.floor, to.base, to.covered, to.own, to.seen, to.unseen, user, to.type)


def _floor(run: Run) -> int:
    rows = run("floor")
    return int(rows[0][0]) if rows else 0


def _reach(run: Run, user: str, type_: str, mark: int) -> Reach:
    rows = run("device_marks", {"user": user, "type": type_, "above": mark})
    return Reach(mark, dict(rows))


def _broadcast_reach(run: Run, user: str, type_: str) -> Reach:
    mark = next((counter.mark for counter in _counters(run, user) if counter.type == type_), 0)
    return _reach(run, user, type_, max(mark, _floor(run)))


def _is_stale(counter: Counter, floor: int) -> bool:
    # Above a mark nothing changes by a purge below it, except for what was set unread there.
    return counter.floor < floor and (counter.mark < floor or counter.unseen > 0)


def _lifted(run: Run, user: str, counter: Counter, floor: int) -> Counter:
    base = counter.base if counter.mark > floor else counter.at_floor
    return _with_broadcasts(run, user, counter, max(counter.mark, floor), base, floor)


def _with_broadcasts(run: Run, user: str, counter: Counter, mark: int, base: int, floor: int) -> Counter:
    """What marks about devices cover above `mark`, and what was read and set unread one by one."""
    reach = _reach(run, user, counter.type, mark)
    covered = seen = unseen = 0
    for device, upto in reach.devices.items():
        values = {"device": device, "above": mark, "upto": upto, "type": counter.type}
        covered += run("device_broadcasts_between", values)[0][0]
    for first, broadcast, device, read, _void in _said(run, user, counter.type, mark, floor):
        if broadcast and reach.covers(first, device):
            unseen += not read
        elif broadcast:
            seen += read
    return msgspec.structs.replace(counter, floor=floor, base=base, covered=covered, seen=seen, unseen=unseen)


def _own_part(run: Run, user: str, type_: str, reach: Reach) -> int:
    count: int = run("own_above", user, reach.mark, type_)[0][0]
    for device, upto in reach.devices.items():
        values = {"user": user, "device": device, "above": reach.mark, "upto": upto, "type": type_}
        count -= run("device_own_between", values)[0][0]
    for first, broadcast, device, read, void in _said(run, user, type_, reach.mark, 0):
        if broadcast or void:
            continue
        if reach.covers(first, device):
            count += not read
        else:
            count -= read
    for first, device in run("own_voids", user, reach.mark, type_):
        count -= not reach.covers(first, device)
    return count


def _said(run: Run, user: str, type_: str, above: int, floor: int) -> list[Row]:
    return run("receipts_on_reading", {"user": user, "type": type_, "above": above, "floor": floor})
