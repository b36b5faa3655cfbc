"""An announcement as bytes: what brokers carry from node to node.

`docs/decisions/0007-postgresql-and-many-nodes.md` has the form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tocsin.errors import Malformed
from tocsin.notification import Notification, NotificationId
from tocsin.ports import Entry, Span
from tocsin.position import Epoch
from tocsin.receipt import Mark, Purged, Receipt, State, Withdrawn

LARGEST = 7_900
"""Bytes that an announcement may have with its entries; PostgreSQL carries less than 8,000."""

Row = list[Any]


class Announcement(msgspec.Struct, frozen=True):
    """That a node committed the numbers first..last.

    Attributes:
        node: the one that did.
        entries: what took the numbers, or None where it was too large to be told.
    """

    epoch: Epoch
    first: int
    last: int
    node: str
    entries: list[Entry] | None = None


class _Form(msgspec.Struct, omit_defaults=True):
    epoch: str
    first: int
    last: int
    node: str
    entries: list[Row] | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Form)


def encode(span: Span, node: str, most: int = LARGEST) -> bytes:
    """What tells other nodes of a span, with its entries where that is at most `most` bytes."""
    form = _Form(span.epoch, span.first, span.last, node)
    # What cannot fit need not be tried.
    if sum(len(entry.notification.body) for entry in span.entries if entry.notification is not None) < most:
        form.entries = [row_of(entry) for entry in span.entries]
        told = _encoder.encode(form)
        if len(told) <= most:
            return told
        form.entries = None
    return _encoder.encode(form)


def decode(told: bytes | str) -> Announcement:
    """Read what `encode` or the store's batch function wrote.

    Raises:
        Malformed: it is something else.
    """
    try:
        form = _decoder.decode(told)
        entries = None if form.entries is None else [entry_of(row) for row in form.entries]
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, TypeError) as error:
        raise Malformed(f"not an announcement: {error}") from None
    return Announcement(Epoch(form.epoch), form.first, form.last, form.node, entries)


def row_of(entry: Entry) -> Row:
    """The form of an entry."""
    seq = entry.seq
    if (new := entry.notification) is not None:
        return ["n", seq, new.first, new.since, new.id, new.user_id, new.device_id, new.body.decode()]
    match entry.change:
        case Receipt() as receipt:
            state = receipt.state
            about = [receipt.user_id, receipt.id, receipt.first, receipt.device_id]
            return ["r", seq, *about, state.read, state.dismissed, state.acknowledged]
        case Mark() as mark:
            return ["m", seq, mark.user_id, mark.type, mark.device_id, mark.upto, mark.at]
        case Purged() as purged:
            return ["p", seq, purged.user_id, purged.app_id, purged.upto]
        case Withdrawn() as withdrawn:
            return ["w", seq, withdrawn.user_id, withdrawn.id, withdrawn.first, withdrawn.device_id]
        case None:
            assert entry.identity is not None
            # PostgreSQL's texts hold no NUL, and no id holds a line break.
            return ["i", seq, entry.identity[0], entry.identity[1].replace("\0", "\n")]


def entry_of(row: Sequence[Any]) -> Entry:
    """The entry of a form.

    Raises:
        ValueError, TypeError: it is none.
    """
    kind, seq, *about = row
    if kind == "n":
        first, since, id_, user, device, body = about
        return Entry(
            seq=seq,
            notification=Notification(
                first=first,
                seq=seq,
                since=since,
                id=NotificationId(id_),
                user_id=user,
                device_id=device,
                body=body.encode(),
            ),
        )
    if kind == "r":
        user, id_, first, device, read, dismissed, acknowledged = about
        state = State(read, dismissed, acknowledged)
        receipt = Receipt(seq=seq, user_id=user, id=id_, first=first, device_id=device, state=state)
        return Entry(seq=seq, change=receipt)
    if kind == "m":
        user, type_, device, upto, at = about
        return Entry(seq=seq, change=Mark(seq=seq, user_id=user, type=type_, device_id=device, upto=upto, at=at))
    if kind == "p":
        user, app, upto = about
        return Entry(seq=seq, change=Purged(seq=seq, user_id=user, app_id=app, upto=upto))
    if kind == "w":
        user, id_, first, device = about
        return Entry(seq=seq, change=Withdrawn(seq=seq, first=first, id=id_, user_id=user, device_id=device))
    if kind == "i":
        changed, id_ = about
        return Entry(seq=seq, identity=(changed, id_.replace("\n", "\0")))
    raise ValueError(f"no entry is called {kind!r}")
