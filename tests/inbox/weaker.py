"""The same server with one rule off: what the search for counterexamples must notice.

Rules of the log and of the counts that no history here can show: there is one node, on SQLite, and nothing is replaced
yet.

- What is compared with a mark is `since`, not the number of the latest change: only a withdrawal moves that one today,
  and what is withdrawn is on no screen.
- For the same reason, that changes are told of what was created after one joined, by `first`: the most that would be
  told wrongly is the withdrawal of something that the screen never had. That lists and counts begin there is shown.
- Counts are lifted to the floor before the receipts of purged broadcasts go: histories seldom come to it, and who reads
  or changes counts then takes those that lie below the floor for lifted anyway.
- Nodes tail by spans, and their own commits come in by the same door: a single node is told of every commit, once and
  in order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from inbox.connection import Slowed
from tocsin.live.hub import Hub
from tocsin.live.stream import State, Stream
from tocsin.ports import Page
from tocsin.receipt import InboxChange, Item, Mark, Receipt, Unread
from tocsin.store.sqlite import counts, state
from tocsin.store.sqlite.batch import Batch
from tocsin.store.sqlite.queries import queries

Weaken = Callable[[pytest.MonkeyPatch], None]

_ALL = 10_000


def _query(name: str, old: str, new: str) -> Weaken:
    """A named query with something else in it."""
    assert old in queries()[name]
    return lambda patch: patch.setitem(queries(), name, queries()[name].replace(old, new))


def _unnumbered(kind: type[InboxChange]) -> Weaken:
    """Changes of a kind take no number of their own, so nobody is told."""
    take = Batch.take

    def without(self: Batch, change: Callable[[int], InboxChange]) -> int:
        return self.head if isinstance(change(0), kind) else take(self, change)

    return lambda patch: patch.setattr(Batch, "take", without)


def _merged_to_the_highest(patch: pytest.MonkeyPatch) -> None:
    """Of several kinds of changes that filled their limit, the page is said to reach to the last of all."""

    async def changes(self: Slowed, user: Any, devices: Any, since: int, _limit: int) -> Page:
        door = self.door()
        await door.stop_at("before it is read")
        page = await self.store.changes(user, devices, since, _ALL)
        await door.stop_at("before it is taken")
        taken: dict[object, list[Any]] = {}
        for change in page.changes:
            kind = change.notification.user_id is None if isinstance(change, Item) else type(change)
            taken.setdefault(kind, []).append(change)
        some = sorted((one for each in taken.values() for one in each[: self.page]), key=_number)
        full = len(some) < len(page.changes)
        return msgspec.structs.replace(page, changes=some, upto=_number(some[-1]) if full else page.upto, full=full)

    patch.setattr(Slowed, "changes", changes)


def _number(change: Any) -> int:
    return int(change.notification.seq if isinstance(change, Item) else change.seq)


def _reaching_to_the_head_of_afterwards(patch: pytest.MonkeyPatch) -> None:
    """The head is read after a page and not before it."""
    read = Slowed.changes

    async def changes(self: Slowed, user: Any, devices: Any, since: int, limit: int) -> Page:
        page = await read(self, user, devices, since, limit)
        return page if page.full else msgspec.structs.replace(page, upto=self.store.head, head=self.store.head)

    patch.setattr(Slowed, "changes", changes)


def _unread_by_removing(patch: pytest.MonkeyPatch) -> None:
    """Who sets unread what no mark covers leaves no receipt behind; streams that are live are told."""
    keep = state._keep

    def kept(batch: Batch, user: Any, first: int, *values: Any) -> None:
        keep(batch, user, first, *values)
        if values[-3] is None:
            batch.run("purge_receipts_of", user, f"[{first}]")

    patch.setattr(state, "_keep", kept)


def _let_go_for_good(patch: pytest.MonkeyPatch) -> None:
    """What is more than may wait for a reader is let go, and not read again."""

    def over_budget(self: Hub, stream: Stream) -> None:
        stream.step_out()
        door: Any = stream.door
        door.descriptor, door.write = None, lambda frame: None

    patch.setattr(Hub, "over_budget", over_budget)


def _staying_abreast(patch: pytest.MonkeyPatch) -> None:
    """Who falls behind goes on being written to with those who have not."""

    def fall_behind(self: Stream) -> None:
        self.state = State.CATCHING_UP

    patch.setattr(Stream, "fall_behind", fall_behind)


def _holding_nothing(patch: pytest.MonkeyPatch) -> None:
    begin = Stream.begin_page

    def begin_page(self: Stream) -> None:
        begin(self)
        self._hold = None

    patch.setattr(Stream, "begin_page", begin_page)


def _writing_all_that_is_offered(patch: pytest.MonkeyPatch) -> None:
    offer = Stream.offer

    def again(self: Stream, seq: int, frame: bytes) -> None:
        if seq <= self.upto and frame:
            self.door.write(frame)
        else:
            offer(self, seq, frame)

    patch.setattr(Stream, "offer", again)


def _without_gaps(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Stream, "_lost", lambda *_: None)


# ------------------------------------------------------------ counts


def _counted(**fixed: Callable[[counts.Counter], int]) -> Weaken:
    """What a mark or a purge makes of a user's counts, but for some of it."""
    whole = counts._with_broadcasts

    def weaken(patch: pytest.MonkeyPatch) -> None:
        def wrong(run: Any, user: str, counter: counts.Counter, *values: Any) -> counts.Counter:
            kept = {name: value(counter) for name, value in fixed.items()}
            return msgspec.structs.replace(whole(run, user, counter, *values), **kept)

        patch.setattr(counts, "_with_broadcasts", wrong)

    return weaken


def _withdrawn_and_still_counted(patch: pytest.MonkeyPatch) -> None:
    withdraw, shift = state.withdraw, counts.shift

    def withdrawn(batch: Batch, *values: Any) -> None:
        counts.shift = lambda *_, **__: None
        try:
            withdraw(batch, *values)
        finally:
            counts.shift = shift

    patch.setattr(state, "withdraw", withdrawn)


def _purged_and_still_counted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(counts, "purged_own", lambda *_: None)


def _counts_as_of_afterwards(patch: pytest.MonkeyPatch) -> None:
    """Counts bear the number that is reached when they are told, not the one at which they were read."""
    init = Slowed.__init__

    def made(self: Slowed, *values: Any) -> None:
        init(self, *values)
        read = self.unread

        async def unread(user: Any) -> Unread:
            return Unread((await read(user)).types, self.store.head + 1)

        self.unread = unread

    patch.setattr(Slowed, "__init__", made)


_SENDING = ("are_sent", "at_once")
_ACTING = ("are_sent", "somebody_acts")
_PURGING = ("are_sent", "somebody_acts", "days_pass")
_MISSING = ("happens_meanwhile", "settle")

_LOG: dict[str, tuple[Weaken, tuple[str, ...]]] = {
    "a page reaches to the head of afterwards": (_reaching_to_the_head_of_afterwards, _MISSING),
    "a page reaches to the last of all kinds": (_merged_to_the_highest, _MISSING),
    "nothing is held while a page is read": (_holding_nothing, _MISSING),
    "what was in the page is written again": (_writing_all_that_is_offered, _MISSING),
    "what cannot wait is not read again": (_let_go_for_good, _MISSING),
    "who is behind is written to with the others": (_staying_abreast, _MISSING),
    "receipts without a number": (_unnumbered(Receipt), _ACTING),
    "set unread, and the receipt is removed": (_unread_by_removing, _MISSING),
    "marks without a number": (_unnumbered(Mark), _ACTING),
    "a mark leaves what was set unread": (_query("unread_receipts", "r.read = 0", "r.read = 2"), _ACTING),
    "withdrawn, and the row keeps its number": (
        _query("withdraw", "SET seq = ?", "SET seq = max(seq, 0 * ?)"),
        _MISSING,
    ),
    "purged, and the floor keeps its number": (
        _query("raise_floor", "VALUES (?, ?, ?, ?)", "VALUES (?, ?, ?, 0 * ?)"),
        ("days_pass", "streams_go_on", "settle"),
    ),
    "nobody says that something is gone": (_without_gaps, _MISSING),
    "what was there before one joined": (_query("joined", "SELECT joined", "SELECT 0"), _SENDING),
}

_COUNTS: dict[str, tuple[Weaken, tuple[str, ...]]] = {
    "counted from before one joined": (_query("join_counters", ":joined, total", ":joined, 0"), _SENDING),
    "marks about devices are not counted": (_counted(covered=lambda _: 0), _ACTING),
    "what was read before a mark counts twice": (_counted(seen=lambda counter: counter.seen), _ACTING),
    "what is set unread below a mark is not counted": (
        _query("shift_counter", "unseen = unseen + :unseen", "unseen = unseen + 0 * :unseen"),
        _ACTING,
    ),
    "a withdrawn broadcast is counted": (
        _query("broadcast_voids", "v.first > :above", "v.first > :above + 1000000"),
        _SENDING,
    ),
    "one that was set unread and withdrawn is counted": (
        _query("unseen_voids", "r.read = 0", "r.read = 2"),
        ("somebody_acts", "at_once"),
    ),
    "a withdrawn one of one's own is counted": (_withdrawn_and_still_counted, _MISSING),
    "a purged one of one's own is counted": (_purged_and_still_counted, _PURGING),
    "purged broadcasts are counted": (
        _query("add_at_floor", "at_floor + j.value", "at_floor + 0 * j.value"),
        _PURGING,
    ),
    "counts are as of another number": (_counts_as_of_afterwards, _ACTING),
}

RULES_OFF = _LOG | _COUNTS
"""How a rule is switched off, and by what (rules of `Inboxes`) that shows soonest."""

SEEDS = {
    "a page reaches to the head of afterwards": 3,
    "a mark leaves what was set unread": 6,
    "purged, and the floor keeps its number": 6,
    "what was there before one joined": 4,
    "marks about devices are not counted": 5,
    "what is set unread below a mark is not counted": 4,
    "one that was set unread and withdrawn is counted": 28,
    "a purged one of one's own is counted": 2,
    "counts are as of another number": 4,
    "a page reaches to the last of all kinds": 7,
    "receipts without a number": 6,
    "marks without a number": 3,
    "withdrawn, and the row keeps its number": 6,
    "nobody says that something is gone": 4,
    "counted from before one joined": 6,
    "what was read before a mark counts twice": 3,
    "a withdrawn broadcast is counted": 6,
    "a withdrawn one of one's own is counted": 3,
    "purged broadcasts are counted": 2,
}
"""The seed of histories that show it within the first few; without an entry, 1. Others show it too, only later."""
