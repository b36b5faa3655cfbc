"""What recipients and senders do to notifications that are there already, as commands of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tocsin.device import DeviceId
from tocsin.errors import Invalid, NotFound
from tocsin.notification import NotificationId, Type
from tocsin.ports import AuditEntry
from tocsin.principal import UserId
from tocsin.receipt import Act, Mark, Receipt, State, Unread, Withdrawn
from tocsin.store.sqlite import counts
from tocsin.store.sqlite.batch import Batch
from tocsin.store.sqlite.marks import Marks
from tocsin.store.sqlite.reader import checksum

Row = tuple[Any, ...]


class Place(msgspec.Struct, frozen=True):
    """A notification as acting on it needs it; the names are those of the columns."""

    first: int
    since: int
    id: NotificationId
    user_id: UserId | None
    type: Type
    device_id: DeviceId | None
    withdrawn_at: int | None
    dismissible: int | None
    read: int | None
    read_at: int | None
    dismissed_at: int | None
    acknowledged_at: int | None


def act(batch: Batch, user: UserId, id_: NotificationId, what: Act, now: int) -> State:
    """Note what a user did; the Store's `act`."""
    place = _theirs(batch, user, id_)
    marks = Marks.of(batch.run, user, place.since)
    by_mark = marks.read_at(place.type, place.device_id, place.since)
    old = State(_read_at(place, by_mark), place.dismissed_at, place.acknowledged_at)
    new = old.after(what, now, dismissible=place.dismissible != 0)
    if new == old:
        return old
    read, read_at = place.read, place.read_at
    if what == "read":
        read, read_at = 1, now
    elif what == "unread":
        # Where no mark says otherwise, there is nothing to say.
        read, read_at = (None if by_mark is None else 0), None
    broadcast = place.user_id is None
    if (new.read is None) != (old.read is None):
        by = 1 if new.read is None else -1
        counts.shift(batch.run, user, place.type, place.first, place.device_id, broadcast=broadcast, by=by)
    _keep(batch, user, place.first, place.id, broadcast, place.type, place.device_id, read, read_at, new)
    return new


def mark(
    batch: Batch, user: UserId, upto: int | None, type_: Type | None, device: DeviceId | None, now: int
) -> tuple[int, Unread]:
    """Mark as read up to a number; the Store's `mark`."""
    if upto is None:
        upto = batch.head
    elif upto > batch.head:
        raise Invalid("upTo", "is a position that was not reached yet")
    if not batch.run("joined", user):
        # Deleted since it was asked for; another of that name would be told of it.
        return upto, Unread(counts.unread(batch.run, user), batch.head)
    scope = (type_ or "", device or "")
    values = {"user": user, "upto": upto, "type": scope[0], "device": scope[1]}
    said = batch.run("unread_receipts", values)
    for first, broadcast, its_type, its_device, id_, dismissed_at, acknowledged_at in said:
        state = State(now, dismissed_at, acknowledged_at)
        _keep(batch, user, first, id_, bool(broadcast), its_type, its_device, 1, now, state)
    # No further than there is anything: done twice, nothing changes.
    reach = min(upto, batch.run("newest_of", user)[0][0])
    further = reach > batch.run("mark_reach", user, *scope)[0][0]
    if further:
        seq = batch.take(lambda seq: Mark(seq=seq, user_id=user, type=type_, device_id=device, upto=reach, at=now))
        batch.run("put_mark", user, *scope, reach, now, seq)
    if further or said:
        counts.settle(batch.run, user, counts.all_types(type_), reach if further and device is None else 0)
    return upto, Unread(counts.unread(batch.run, user), batch.head)


def withdraw(batch: Batch, id_: NotificationId, now: int, audit: AuditEntry | None) -> None:
    """Take a notification back; the Store's `withdraw`."""
    rows = batch.run("sent", id_)
    if not rows:
        raise NotFound("Notification")
    first, since, _id, user, type_, device, _sender, withdrawn_at, *_ = rows[0]
    if withdrawn_at is not None:
        return
    if user is not None:
        place = Place(*batch.run("place_of", {"user": user, "id": id_})[0])
        by_mark = Marks.of(batch.run, user, since).read_at(type_, device, since)
        # What another of that name had counts for nobody.
        joined = batch.run("joined", user)
        if joined and first > joined[0][0] and _read_at(place, by_mark) is None:
            counts.shift(batch.run, user, type_, first, device, broadcast=False, by=-1)
    seq = batch.take(lambda seq: Withdrawn(seq=seq, first=first, id=id_, user_id=user, device_id=device))
    batch.run("withdraw", seq, checksum(first, id_, user, device, b"{}"), now, first)
    batch.run("put_void", first, seq, user, type_, device)
    if audit is not None:
        batch.record(audit)


def confirm(batch: Batch, user: UserId, began: int, upto: int, now: int) -> None:
    """A stream has brought everything between two numbers; the Store's `confirm`."""
    found = batch.run("watermark", {"user": user})
    if not found or not began < upto <= batch.head:
        return
    reached = found[0][0]
    for after, to, row in batch.run("holes", {"user": user, "began": began, "upto": upto}):
        start, end = max(after, began), min(to, upto)
        batch.run("narrow_hole", {"user": user, "upto": row, "missed": end if end < to else None})
        left = after if after < start else None
        batch.run("put_watermark", {"user": user, "began": start, "upto": end, "at": now, "missed": left})
    if upto > reached:
        hole = began > reached and batch.run("any_between", {"user": user, "above": reached, "upto": began})
        values = {"began": began, "missed": reached} if hole else {"began": reached, "missed": None}
        batch.run("put_watermark", {"user": user, "upto": upto, "at": now, **values})


def leave(batch: Batch, user: UserId, upto: int) -> None:
    """A user is deleted: what they have goes by and by, what is said of them goes now."""
    for name in ("delete_counters_of", "delete_marks_of", "delete_floors_of", "delete_voids_of"):
        batch.run(name, user)
    batch.run("put_leaver", user, upto)


def remove_of_leaver(batch: Batch) -> bool:
    """Remove a chunk of what a deleted user had; False when there is nothing left of anybody."""
    found = batch.run("leaver")
    if not found:
        return False
    if gone := batch.run("delete_of_leaver", *found[0]):
        batch.run("purge_streamed", msgspec.json.encode([first for (first,) in gone]).decode())
        return True
    chunks = ("delete_receipts_of_leaver", "delete_watermarks_of_leaver")
    if not any(batch.run(name, *found[0]) for name in chunks):
        batch.run("forget_leaver", found[0][0])
    return True


def _theirs(batch: Batch, user: UserId, id_: NotificationId) -> Place:
    joined: Sequence[Row] = batch.run("joined", user)
    rows = batch.run("place_of", {"user": user, "id": id_})
    if joined and rows:
        place = Place(*rows[0])
        floor = batch.run("floor")
        gone = place.user_id is None and bool(floor) and place.first <= floor[0][0]
        if place.user_id in (None, user) and place.first > joined[0][0] and place.withdrawn_at is None and not gone:
            return place
    raise NotFound("Notification")


def _read_at(place: Place, by_mark: int | None) -> int | None:
    if place.read is None:
        return by_mark
    return place.read_at if place.read else None


def _keep(
    batch: Batch,
    user: UserId,
    first: int,
    id_: NotificationId,
    broadcast: bool,  # noqa: FBT001  (a column)
    type_: Type,
    device: DeviceId | None,
    read: int | None,
    read_at: int | None,
    state: State,
) -> None:
    seq = batch.take(lambda seq: Receipt(seq=seq, user_id=user, id=id_, first=first, device_id=device, state=state))
    batch.run(
        "put_receipt",
        user, first, seq, int(broadcast), type_, device, read, read_at, state.dismissed, state.acknowledged,
    )  # fmt: skip
