"""Retention: a task that removes what is too old or too much, and never stands in anybody's way.

It looks a bounded page at a time, with reads of their own, and removes with commands of a few hundred rows, each
whole in itself: wherever it is cut off, the next run goes on. Between commands it waits twice as long as the last one
took, and as long as others are waiting to write.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec

from tocsin.app import AppId
from tocsin.errors import Unavailable
from tocsin.ports import Clock
from tocsin.principal import UserId

log = logging.getLogger("tocsin.store")

NO_APP = AppId(" ")
"""In a floor: of what came from no app. No app can have that id."""

CHUNK = 200
"""Most rows that one command removes."""

USERS = 20
"""Most users whose counts one command changes."""

Row = tuple[Any, ...]

SPAN = 50_000
"""Most notifications found before those are removed, so that a user gets few `purged` events."""

DAY_MS = 86_400_000
_PAGE = 2_000
_COUNTED = 20_000
_SOON_SECONDS = 5.0
_AGAIN_SECONDS = 60.0
_LEAST_PAUSE = 0.002
_REST = 2
_STAND_BACK = 0.005
_LONGEST_STAND_BACK = 1.0


class Keeping(msgspec.Struct, frozen=True):
    """How long notifications are kept.

    Attributes:
        days: those of which nothing else is said.
        per_user: most of their own that a user keeps; 0 for any number.
        apps: days for those of an app.
        every: seconds between two runs.
    """

    days: int
    per_user: int = 0
    apps: Mapping[AppId, int] = {}
    every: float = 3600.0


class _Rule(msgspec.Struct, frozen=True):
    """Which notifications go after how many days: one app's, or all but those of some apps."""

    days: int
    app: AppId | None
    but: frozenset[str] = frozenset()

    def takes(self, app: str | None) -> bool:
        return app not in self.but if self.app is None else app == self.app

    def floor_of(self, app: str | None) -> str:
        """Which floor rises when one of that app goes."""
        if self.app is not None:
            return self.app
        return (app or NO_APP) if self.but else ""


class Part(msgspec.Struct):
    """Notifications of one user that go, all of them that lie below the last, of an app or of all.

    Attributes:
        app: an app's id, NO_APP, or '' for all.
        firsts: their numbers, in order.
    """

    user: UserId
    app: str
    firsts: list[int]


class Ground(Protocol):
    """A store as retention sees it; each method raises Unavailable when it cannot be read or written now."""

    @property
    def queued(self) -> int:
        """Writes that wait, of others."""
        ...

    async def may_begin(self) -> bool:
        """Whether a run may begin here; of several nodes one is told so."""
        ...

    async def look(self, name: str, *values: Any) -> list[Row]:
        """The rows of a query by its name in `purge.sql`."""
        ...

    async def owners(self, after: str) -> list[Row]:
        """The next users, by id, who have notifications of their own, and the newest of each."""
        ...

    async def remove_own(self, parts: Sequence[Part]) -> int:
        """Remove users' own notifications; how many there were."""
        ...

    async def raise_broadcasts(self, before: int, upto: int, by_type: Mapping[str, int]) -> bool:
        """Let go of broadcasts up to a number; False when their floor is not `before` any more."""
        ...

    async def void_broadcasts(self, app: AppId, firsts: Sequence[int], now: int) -> int:
        """Let go of broadcasts of one app above the floor of all; how many there were."""
        ...

    async def remove_receipts(self, of: Mapping[str, Sequence[int]]) -> None:
        """Remove what users did with broadcasts below their floor: numbers by user."""
        ...

    async def remove_broadcasts(self, firsts: Sequence[int]) -> None:
        """Remove broadcasts below their floor that have no receipts any more."""
        ...

    async def remove_spent(self, kind: str, keys: Sequence[Row]) -> None:
        """Remove marks or watermarks (`kind`) by their keys."""
        ...

    async def give_back(self) -> bool:
        """Make what holds it a little smaller, where that is due; whether there is more to do."""
        ...


def chunks(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Parts as commands take them: CHUNK notifications and USERS users at most."""
    chunk: list[Part] = []
    size = 0
    for whole in parts:
        for firsts in cut(whole.firsts, CHUNK):
            if chunk and (size + len(firsts) > CHUNK or len(chunk) >= USERS):
                yield chunk
                chunk, size = [], 0
            chunk.append(Part(whole.user, whole.app, firsts))
            size += len(firsts)
    if chunk:
        yield chunk


def cut(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    """Pieces of at most that many items."""
    for at in range(0, len(items), size):
        yield list(items[at : at + size])


class Purge:
    """Removes, now and then, what `keeping` does not keep.

    Parameters:
        ground: of the store.
        clock: what is too old by.
    """

    def __init__(self, ground: Ground, keeping: Keeping, clock: Clock) -> None:
        self._ground = ground
        self._keeping = keeping
        self._clock = clock
        longer = frozenset(str(app) for app, days in keeping.apps.items() if days > keeping.days)
        self._longer = msgspec.json.encode(sorted(longer)).decode()
        self._all = _Rule(keeping.days, None, longer)
        self._rules = [*(_Rule(days, app) for app, days in keeping.apps.items()), self._all]
        self._looked: dict[_Rule, int] = {}
        self._trimmed = 0

    async def run(self) -> None:
        """Soon, and then every so often, for good."""
        await asyncio.sleep(min(_SOON_SECONDS, self._keeping.every))
        while True:
            pause = self._keeping.every
            try:
                await self.once()
            except Unavailable:
                log.debug("what is too old stays until the store takes writes again")
                pause = min(pause, _AGAIN_SECONDS)
            except Exception:
                log.exception("retention failed")
            await asyncio.sleep(pause)

    async def once(self) -> int:
        """Remove all that is to be removed now.

        Returns:
            How many notifications are gone.

        Raises:
            Unavailable: the store cannot be read or written; the next run goes on.
        """
        now = self._clock.now()
        gone = 0
        if not await self._ground.may_begin():
            return gone
        for rule in self._rules:
            gone += await self._expire(rule, now)
        gone += await self._let_broadcasts_go()
        if self._keeping.per_user:
            gone += await self._trim(self._keeping.per_user)
        await self._sweep_broadcasts()
        if gone:
            log.info("retention", extra={"gone": gone})
            await self._tidy("marks", ("", "", "", 0))
            await self._tidy("watermarks", ("", 0))
        while await self._write(self._ground.give_back):
            pass
        return gone

    # ------------------------------------------------------------ by age

    async def _expire(self, rule: _Rule, now: int) -> int:
        gone, going = 0, True
        while going:
            found, upto, going = await self._find(rule, now)
            for parts in chunks(_grouped(rule, found)):
                gone += await self._write(partial(self._ground.remove_own, parts))
            if rule.app is not None:
                for some in cut([first for first, user, _app in found if user is None], CHUNK):
                    gone += await self._write(partial(self._ground.void_broadcasts, rule.app, some, now))
            self._looked[rule] = upto
        return gone

    async def _find(self, rule: _Rule, now: int) -> tuple[list[Row], int, bool]:
        """The next notifications that go by a rule, the number up to which all are too old, whether there are more.

        A prefix goes, and it ends before the first that is young by its time. One that is of the future (the clock
        was wrong, then or now) says nothing: it goes with those around it.
        """
        cutoff = now - rule.days * DAY_MS
        found: list[Row] = []
        unsaid: list[Row] = []
        at = upto = self._looked.get(rule, 0)
        while not (full := len(found) + len(unsaid) >= SPAN) or not found:
            rows = await self._look("purge_look", at, _PAGE)
            for first, user, app, created in rows:
                at = first
                if cutoff <= created <= now:
                    return found, upto, False
                if not full and rule.takes(app):
                    unsaid.append((first, user, app))
                if created < cutoff:
                    if full:
                        return unsaid, unsaid[-1][0], True
                    found += unsaid
                    unsaid, upto = [], first
            if len(rows) < _PAGE:
                return found, upto, False
        return found, upto, True

    # ------------------------------------------------------------ broadcasts

    async def _let_broadcasts_go(self) -> int:
        """Raise the floor of broadcasts; one that is kept longer holds it down."""
        rows = await self._look("floor_of", "", "")
        before = upto = rows[0][0] if rows else 0
        most = self._looked.get(self._all, 0)
        by_type: Counter[str] = Counter()
        while found := await self._look("broadcasts_between", upto, most, _COUNTED, self._longer):
            kept = [row[3] for row in found if row[3] is not None]
            if kept:
                most = min(kept) - 1
                continue
            upto = max(row[2] for row in found)
            by_type.update({row[0]: row[1] for row in found})
        if not by_type:
            return 0
        done = await self._write(partial(self._ground.raise_broadcasts, before, upto, by_type))
        return by_type.total() if done else 0

    async def _sweep_broadcasts(self) -> None:
        """Remove what lies below the floor of broadcasts: receipts first, then the rows that say there is more."""
        floor = await self._look("floor_of", "", "")
        if not floor or not await self._look("broadcasts_below", floor[0][0], 1):
            return
        upto = floor[0][0]
        place: tuple[int, str] = (0, "")
        while receipts := await self._look("broadcast_receipts", *place, upto, _PAGE):
            place = receipts[-1]
            of: dict[str, list[int]] = {}
            for first, user in receipts:
                of.setdefault(user, []).append(first)
            for parts in chunks([Part(UserId(user), "", firsts) for user, firsts in of.items()]):
                some: dict[str, list[int]] = {part.user: part.firsts for part in parts}
                await self._write(partial(self._ground.remove_receipts, some))
        while rows := await self._look("broadcasts_below", upto, _PAGE):
            for firsts in cut([row[0] for row in rows], CHUNK):
                await self._write(partial(self._ground.remove_broadcasts, firsts))

    # ------------------------------------------------------------ by number

    async def _trim(self, most: int) -> int:
        gone, user, since = 0, "", self._trimmed
        newest = since
        while owners := await self._paced(partial(self._ground.owners, user)):
            user = owners[-1][0]
            newest = max(newest, *(last for _owner, last in owners))
            for owner in [owner for owner, last in owners if last > since]:
                for (border,) in await self._look("beyond_newest", owner, most):
                    gone += await self._remove_up_to(UserId(owner), border)
        self._trimmed = newest
        return gone

    async def _remove_up_to(self, user: UserId, border: int) -> int:
        gone = 0
        while rows := await self._look("own_below", user, border, _PAGE):
            for parts in chunks([Part(user, "", [row[0] for row in rows])]):
                gone += await self._write(partial(self._ground.remove_own, parts))
        return gone

    # ------------------------------------------------------------ what is left behind

    async def _tidy(self, kind: str, place: tuple[Any, ...]) -> None:
        floor = await self._look("floor_of", "", "")
        upto = floor[0][0] if floor else 0
        while upto and (rows := await self._look(f"spent_{kind}", *place, _PAGE, upto)):
            place = rows[-1][:-1]
            for spent in cut([row[:-1] for row in rows if row[-1]], CHUNK):
                await self._write(partial(self._ground.remove_spent, kind, spent))

    # ------------------------------------------------------------ pace

    async def _look(self, name: str, *values: Any) -> list[Row]:
        return await self._paced(partial(self._ground.look, name, *values))

    async def _paced(self, query: Callable[[], Awaitable[list[Row]]]) -> list[Row]:
        began = self._clock.monotonic()
        rows = await query()
        await asyncio.sleep(self._clock.monotonic() - began)
        return rows

    async def _write(self, command: Callable[[], Awaitable[Any]]) -> Any:
        waited = 0.0
        while self._ground.queued and waited < _LONGEST_STAND_BACK:
            await asyncio.sleep(_STAND_BACK)
            waited += _STAND_BACK
        began = self._clock.monotonic()
        result = await command()
        await asyncio.sleep(max(_LEAST_PAUSE, _REST * (self._clock.monotonic() - began)))
        return result


def _grouped(rule: _Rule, found: Sequence[Row]) -> list[Part]:
    parts: dict[tuple[str, str], Part] = {}
    for first, user, app in found:
        if user is not None:
            place = (user, rule.floor_of(app))
            parts.setdefault(place, Part(UserId(user), place[1], [])).firsts.append(first)
    return list(parts.values())
