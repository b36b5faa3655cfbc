"""Full-text search on PostgreSQL: words folded in Python, kept as `tsvector`, filled behind the commit.

Of several nodes one fills the index, by a lease. What is withdrawn or removed leaves it in that transaction. What a
search finds is a list of numbers; whether one may be shown is decided by the read of the inbox.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from tocsin.errors import Unavailable
from tocsin.principal import UserId
from tocsin.store.folded_words import words_of
from tocsin.store.postgresql.reader import Reader
from tocsin.store.search_turns import Turns
from tocsin.store.search_words import parts

log = logging.getLogger("tocsin.store")

CHUNK = 200
"""Notifications whose words are written at a time."""

LOOK_SECONDS = 0.5
"""How often it is looked whether another node has sent something."""

_CANCEL_SECONDS = 1.0
_SOON_SECONDS = 0.05
_LEASE_SECONDS = 10.0
_AGAIN_SECONDS = 2.0

_NEXT = """
SELECT f.first, n.first, n.user_id, n.body FROM followed f
LEFT JOIN LATERAL (
    SELECT first, user_id, body FROM notifications
    WHERE first > f.first AND first <= (SELECT head FROM log) ORDER BY first LIMIT $1
) AS n ON true
"""
# One statement, so that no lock outlives a node that is stopped. It waits for no row: with a batch that changes several
# of them it could wait in a circle. What is being withdrawn, and all behind it, is for the next time.
_KEEP = """
WITH still AS (
    SELECT n.first FROM notifications n WHERE n.first = ANY ($3) AND n.withdrawn_at IS NULL FOR SHARE SKIP LOCKED
),
busy AS (
    SELECT min(n.first) AS first FROM notifications n
    WHERE n.first = ANY ($3) AND n.withdrawn_at IS NULL AND n.first NOT IN (SELECT first FROM still)
),
moved AS (
    UPDATE followed SET first = coalesce((SELECT first FROM busy) - 1, $2) WHERE first = $1 RETURNING first
)
INSERT INTO words (first, words)
SELECT t.first, t.words::tsvector FROM unnest($3::bigint[], $4::text[]) AS t (first, words)
JOIN still ON still.first = t.first JOIN moved ON t.first <= moved.first ON CONFLICT DO NOTHING
"""


class Search:
    """Fills the index and asks it; belongs to the event loop.

    Parameters:
        reader: of the store.
        lease: takes or prolongs the lease for so many seconds; False when another node has it.
        at_once: searches at a time; fewer than there are connections for reading, if there are several.
    """

    def __init__(self, reader: Reader, lease: Callable[[float], Awaitable[bool]], *, at_once: int) -> None:
        self._reader = reader
        self._turns = Turns(at_once)
        self._lease = lease
        self._woken = asyncio.Event()
        self._following = asyncio.create_task(self._follow())

    def wake(self) -> None:
        """Something was committed here."""
        self._woken.set()

    async def find(self, text: str, user: UserId, before: int, limit: int) -> list[int]:
        """Numbers (`first`) of a user's own notifications and of broadcasts that hold all the words, newest first.

        Parameters:
            text: as the person wrote it; `search_words` says what it means.
            before: only numbers below this one.
            limit: most numbers.

        Raises:
            Invalid: too long, or too many words.
            Unavailable: it cannot be had now, or took too long: a part of the answer would look like the whole.
        """
        wanted = query(text, user)
        if wanted is None:
            return []
        sql = "SELECT * FROM found_words($1::text::tsquery, $2, $3)"
        give_back = await self._turns.take(user)
        try:
            return [number for (number,) in await self._reader.rows(sql, wanted, before, limit)]
        finally:
            give_back()

    async def close(self) -> None:
        """Stop filling."""
        # Once is not enough: a cancellation that meets the end of what is waited for may be lost.
        while not self._following.done():
            self._following.cancel()
            await asyncio.wait([self._following], timeout=_CANCEL_SECONDS)

    async def _follow(self) -> None:
        while True:
            try:
                if await self._lease(_LEASE_SECONDS):
                    while await self._step():
                        await self._lease(_LEASE_SECONDS)
            except Unavailable:
                await asyncio.sleep(_AGAIN_SECONDS)
            except Exception:
                log.exception("filling the search index failed; it is tried again")
                await asyncio.sleep(_AGAIN_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), LOOK_SECONDS)
            self._woken.clear()
            # What comes together is indexed together.
            await asyncio.sleep(_SOON_SECONDS)

    async def _step(self) -> bool:
        rows = await self._reader.rows(_NEXT, CHUNK)
        if not rows or rows[0][1] is None:
            return False
        told = await asyncio.to_thread(_vectors, rows)
        await self._reader.rows(_KEEP, rows[0][0], rows[-1][1], [row[1] for row in rows], told)
        return len(rows) == CHUNK


def query(text: str, user: str) -> str | None:
    """A `tsquery`; None where nothing is asked for that could be found."""
    phrases = []
    for part, goes_on in parts(text):
        if words := words_of(part):
            phrases.append("(" + " <-> ".join(f"'{word}'" for word in words) + (":*)" if goes_on else ")"))
    if not phrases:
        return None
    return f"('{_owner(user)}' | '{_owner(None)}') & " + " & ".join(phrases)


def vector(title: str, message: str, user: str | None) -> str:
    """A `tsvector`: the words with their places, and whose they are."""
    places: dict[str, list[int]] = {}
    at = 0
    for text in (title, message):
        for word in words_of(text):
            at += 1
            places.setdefault(word, []).append(at)
        # No phrase goes from the title into the message.
        at += 1
    found = [f"'{word}':{','.join(map(str, at))}" for word, at in places.items()]
    return " ".join([*found, f"'{_owner(user)}'"])


class _Texts(msgspec.Struct):
    title: Any = ""
    message: Any = ""


_texts = msgspec.json.Decoder(_Texts).decode


def _vectors(rows: Sequence[tuple[int, int, str | None, str]]) -> list[str]:
    told = []
    for _followed, _first, user, body in rows:
        try:
            texts = _texts(body)
        except msgspec.DecodeError:
            # The disk lost a bit: it has no words, and stops nothing.
            texts = _Texts()
        told.append(vector(str(texts.title), str(texts.message), user))
    return told


def _owner(user: str | None) -> str:
    # A word that nobody's text has: a character of private use is no letter.
    return "\ue000" + (user.encode(errors="surrogatepass").hex() if user is not None else "all")
