"""Sending many notifications in one request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from time import perf_counter
from typing import TypeVar

from tocsin import wire
from tocsin.api.answer import PROBLEM, Answer, Problem, ok, status_of
from tocsin.api.batch_room import SLICE_SECONDS
from tocsin.api.call import JSON, Call
from tocsin.app import AppId
from tocsin.errors import Invalid, Refusal, TooLarge, Unavailable
from tocsin.notification import Draft
from tocsin.path.accept import draft_of, read_send
from tocsin.ports import Entry, Replay
from tocsin.principal import Principal, UserId

LINES = "application/x-ndjson"
BATCH_ROUTE = "/api/notifications/batch"

V = TypeVar("V")
Look = Callable[[Principal, str | None], Awaitable[V]]


class WholeRefused(Problem, frozen=True, kw_only=True):
    """The problem of a batch that was to be kept as a whole, with a result for each notification."""

    results: list[wire.BatchResult]


async def send_batch(call: Call) -> Answer:
    """`POST /api/notifications/batch`."""
    with call.parts.batch_room.held(_declared(call)):
        body = await call.body((JSON, LINES), most=wire.BATCH_BYTES)
        whole = call.yes_or_no("whole") or False
        items = _items(call, body, wire.WHOLE_ITEMS if whole else wire.BATCH_ITEMS)
        once = call.once(call.principal, "batch", body)
        call.seeing()
        del body
        now = call.parts.clock.now()
        drafts = await _Drafts(call, now).of(items)
        outcomes = await call.parts.store.append_all(drafts, once, now, whole=whole)
    return _answer(outcomes, whole=whole)


def _declared(call: Call) -> int:
    """How much a body may take: what it claims to be, or as much as one may be."""
    declared = call.request.header(b"content-length")
    return wire.BATCH_BYTES if declared is None else min(int(declared), wire.BATCH_BYTES)


def _items(call: Call, body: bytes, most: int) -> list[bytes]:
    items = wire.lines(body, most) if call.content_type == LINES else wire.elements(body, most)
    if len(items) > most:
        raise Invalid("", f"must be at most {most} notifications")
    return items


class _Drafts:
    """Makes drafts of the items of a batch; each user and each app is looked up once.

    Parameters:
        now: milliseconds UTC.
    """

    def __init__(self, call: Call, now: int) -> None:
        self._call = call
        self._room = call.parts.batch_room
        self._authorize = call.parts.authorize
        self._principal = call.principal
        self._now = now
        self._audiences: dict[str | None, UserId | Refusal | None] = {}
        self._apps: dict[str | None, AppId | Refusal | None] = {}

    async def of(self, items: Sequence[bytes]) -> list[Draft | Refusal]:
        """A draft for each item, or why there is none.

        Raises:
            Unavailable: somebody could not be looked up.
        """
        found: list[Draft | Refusal] = []
        while len(found) < len(items):
            forms: list[wire.SendBody | Refusal] = []
            async with self._room.turn:
                until = perf_counter() + SLICE_SECONDS / 2
                for raw in islice(items, len(found), None):
                    forms.append(self._read(raw))
                    if perf_counter() >= until:
                        break
            # Not in the turn: others need not wait while the database looks for somebody.
            for form in forms:
                if not isinstance(form, Refusal):
                    await self._look_up(self._apps, form.app_id, self._authorize.in_name_of)
                    await self._look_up(self._audiences, form.user_id, self._authorize.audience)
            async with self._room.turn:
                some = items[len(found) : len(found) + len(forms)]
                found += [self._draft(form, raw) for form, raw in zip(forms, some, strict=True)]
            await asyncio.sleep(0)
        self._call.wanted = None
        return found

    @staticmethod
    def _read(raw: bytes) -> wire.SendBody | Refusal:
        try:
            if len(raw) > wire.BODY_BYTES:
                raise TooLarge("The item", wire.BODY_BYTES)
            return read_send(raw)
        except Refusal as refusal:
            # Ten thousand tracebacks would hold what they have seen.
            return refusal.with_traceback(None)

    def _draft(self, form: wire.SendBody | Refusal, raw: bytes) -> Draft | Refusal:
        if isinstance(form, Refusal):
            return self._refuse(form, None)
        app, user = self._apps[form.app_id], self._audiences[form.user_id]
        if isinstance(app, Refusal):
            return self._refuse(app, form.user_id)
        if isinstance(user, Refusal):
            return self._refuse(user, form.user_id)
        return draft_of(form, raw, principal=self._principal, user=user, app=app, now=self._now, once=None)

    def _refuse(self, refusal: Refusal, wanted: str | None) -> Refusal:
        self._call.wanted = wanted
        self._call.turn_away(BATCH_ROUTE, status_of(refusal), refusal.code, refusal.sentence)
        return refusal

    async def _look_up(self, known: dict[str | None, V | Refusal], wanted: str | None, look: Look[V]) -> None:
        if wanted not in known:
            try:
                known[wanted] = await look(self._principal, wanted)
            except Unavailable:
                raise
            except Refusal as refusal:
                known[wanted] = refusal.with_traceback(None)


def _answer(outcomes: Sequence[Entry | Replay | Refusal], *, whole: bool) -> Answer:
    results = [_result(outcome) for outcome in outcomes]
    if whole and not all(result.success for result in results):
        why = "Nothing was kept, as not every notification can be"
        problem = WholeRefused(
            title="Unprocessable Entity", status=422, detail=why, error=why, code="whole-refused", results=results
        )
        return Answer(422, wire.encode(problem), PROBLEM)
    replayed = any(isinstance(outcome, Replay) for outcome in outcomes)
    return ok(wire.BatchSent(results), headers=[(b"idempotency-replayed", b"true")] if replayed else [])


def _result(outcome: Entry | Replay | Refusal) -> wire.BatchResult:
    if isinstance(outcome, Refusal):
        return wire.BatchResult(success=False, status=status_of(outcome), error=outcome.sentence)
    return wire.BatchResult(success=True, notification_id=outcome.id, recipient_count=outcome.streamed)
