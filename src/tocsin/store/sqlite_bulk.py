"""Many notifications at once: cut into parts of one transaction each, so that everybody else's sends come in between.

A part that came under an idempotency key leaves what became of it in `batches`, in its own transaction. The same
request again, later or at the same time, finds the parts that are there and adds those that are not: none twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from tocsin.errors import Forbidden, Invalid, Malformed, NotFound, Refusal, TooLarge, Unavailable, Withheld
from tocsin.idempotency import KEPT_MS, Once, UsedKey
from tocsin.notification import Draft, NotificationId
from tocsin.ports import Entry, Replay
from tocsin.store.sqlite_batch import Batch, Command
from tocsin.wire import BODY_BYTES

PART_COST = 250
"""What a part may cost; a notification for one user costs 1."""

BROADCAST_COST = 5
"""What one for everyone costs: behind its commit it is written to every stream there is, in one go.

It costs less in the later parts of a request whose first part has found fewer streams than that.
"""

AT_ONCE = 2
"""Parts that are with the writer: one on its way to the disk, one that is next."""

Outcome = Entry | Replay | Refusal
"""What became of one of the notifications."""


class Bulk:
    """Puts many notifications into the log.

    Parameters:
        submit: hands a command to the writer.
    """

    def __init__(self, submit: Callable[[Command], asyncio.Future[Any]]) -> None:
        self._submit = submit
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def append_all(
        self, drafts: Sequence[Draft | Refusal], once: Once | None, now: int, *, whole: bool
    ) -> list[Outcome]:
        """As Store.append_all says."""
        outcomes: list[Outcome] = []
        broadcast = BROADCAST_COST
        while (at := len(outcomes)) < len(drafts):
            upto = len(drafts) if whole else _end_of_part(drafts, at, broadcast)
            part = Part(drafts[at:upto], at, once, now, whole)
            try:
                async with self._turns:
                    done: list[Outcome] = await self._submit(part)
                outcomes += done
                broadcast = _cost_of_a_broadcast(done)
            except Unavailable as refusal:
                if not at:
                    raise
                # What stands behind it must not overtake it, should the same be sent again.
                outcomes += [refusal] * (upto - at) + [_NOT_TRIED] * (len(drafts) - upto)
        return outcomes


_NOT_TRIED = Unavailable("Not tried, as what stands before it could not be kept")


class Part(msgspec.Struct, frozen=True):
    """The command that keeps consecutive drafts of a request.

    Attributes:
        drafts: some were refused before they came here.
        at: how many stand before them in the request.
        now: milliseconds UTC.
        whole: all of them or none.
    """

    drafts: Sequence[Draft | Refusal]
    at: int
    once: Once | None
    now: int
    whole: bool

    def __call__(self, batch: Batch) -> list[Outcome]:
        once = self.once
        if once is not None and (earlier := _earlier(batch, once, self.at, self.now)) is not None:
            return earlier
        if self.whole and (withheld := _withheld(batch, self.drafts)) is not None:
            return withheld
        outcomes = [_append(batch, draft) for draft in self.drafts]
        if once is not None:
            if not self.at:
                # What an expired request left under the key could be taken for parts of this one.
                batch.run("forget_batch", once.scope, once.key)
            results = _encode([_kept(outcome) for outcome in outcomes]).decode()
            batch.run("put_batch", once.scope, once.key, self.at, once.fingerprint, results, self.now + KEPT_MS)
        return outcomes


def _cost_of_a_broadcast(done: Sequence[Outcome]) -> int:
    entries = (outcome for outcome in done if isinstance(outcome, Entry))
    told = [one.streamed for one in entries if one.notification is not None and one.notification.user_id is None]
    return min(BROADCAST_COST, 1 + max(told)) if told else BROADCAST_COST


def _end_of_part(drafts: Sequence[Draft | Refusal], at: int, broadcast: int) -> int:
    cost = 0
    for place in range(at, len(drafts)):
        draft = drafts[place]
        cost += broadcast if isinstance(draft, Draft) and draft.user_id is None else 1
        if cost >= PART_COST:
            return place + 1
    return len(drafts)


def _append(batch: Batch, draft: Draft | Refusal) -> Outcome:
    if isinstance(draft, Refusal):
        return draft
    try:
        return batch.append(draft)
    except Refusal as refusal:
        return refusal.with_traceback(None)


def _withheld(batch: Batch, drafts: Sequence[Draft | Refusal]) -> list[Outcome] | None:
    """Who is refused and who suffers for it, decided before anything is written; None when nobody is."""
    users = {draft.user_id for draft in drafts if isinstance(draft, Draft) and draft.user_id is not None}
    gone = {user for user in users if not batch.run("joined", user)}
    if not gone and not any(isinstance(draft, Refusal) for draft in drafts):
        return None
    return [
        draft if isinstance(draft, Refusal) else NotFound("User") if draft.user_id in gone else Withheld()
        for draft in drafts
    ]


# ---------------------------------------------------------------- what is remembered of a part


class _Refused(msgspec.Struct, frozen=True, array_like=True):
    code: str
    where: str
    why: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[str | _Refused]).decode


def _earlier(batch: Batch, once: Once, at: int, now: int) -> list[Outcome] | None:
    rows = batch.run("batch", once.scope, once.key, at, now)
    if not rows:
        return None
    fingerprint, results = rows[0]
    if fingerprint != once.fingerprint:
        raise UsedKey
    streamed = dict(batch.run("streamed_of", results))
    return [
        Replay(NotificationId(kept), kept=streamed.get(kept, 0)) if isinstance(kept, str) else _refusal_of(kept)
        for kept in _decode(results)
    ]


def _kept(outcome: Outcome) -> str | _Refused:
    if not isinstance(outcome, Refusal):
        return outcome.id
    if isinstance(outcome, Invalid):
        return _Refused(outcome.code, outcome.where, outcome.why)
    return _Refused(outcome.code, "", outcome.sentence)


def _refusal_of(kept: _Refused) -> Refusal:
    match kept.code:
        case Malformed.code:
            return Malformed(kept.why)
        case Forbidden.code:
            return Forbidden(kept.why)
        case NotFound.code:
            return NotFound(kept.why.removesuffix(" not found"))
        case TooLarge.code:
            return TooLarge("The item", BODY_BYTES)
        case _:
            return Invalid(kept.where, kept.why)
