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
from tocsin.idempotency import Once
from tocsin.notification import Draft, NotificationId
from tocsin.ports import Entry, Replay
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


class Part(msgspec.Struct, frozen=True):
    """Consecutive drafts of a request that are kept in one transaction.

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


class Bulk:
    """Puts many notifications into the log.

    Parameters:
        submit: hands a part to the writer.
    """

    def __init__(self, submit: Callable[[Part], asyncio.Future[Any]]) -> None:
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


def withheld(drafts: Sequence[Draft | Refusal], gone: set[str]) -> list[Outcome]:
    """Who is refused and who suffers for it, where something that goes together cannot be kept.

    Parameters:
        gone: users who are not there.
    """
    return [
        draft if isinstance(draft, Refusal) else NotFound("User") if draft.user_id in gone else Withheld()
        for draft in drafts
    ]


# ---------------------------------------------------------------- what is remembered of a part


class Refused(msgspec.Struct, frozen=True, array_like=True):
    """A refusal as it is remembered."""

    code: str
    where: str
    why: str


encode_kept = msgspec.json.Encoder().encode
"""What became of a part's items (`kept`), as JSON."""

decode_kept = msgspec.json.Decoder(list[str | Refused]).decode
"""The same back."""


def kept(outcome: Outcome) -> str | Refused:
    """The id of what was kept, or why it was not."""
    if not isinstance(outcome, Refusal):
        return outcome.id
    if isinstance(outcome, Invalid):
        return Refused(outcome.code, outcome.where, outcome.why)
    return Refused(outcome.code, "", outcome.sentence)


def outcomes_of(items: Sequence[str | Refused], streamed: dict[str, int]) -> list[Outcome]:
    """What a part that was kept before gave.

    Parameters:
        streamed: to how many streams they went, by id.
    """
    return [
        Replay(NotificationId(item), kept=streamed.get(item, 0)) if isinstance(item, str) else _refusal_of(item)
        for item in items
    ]


def _refusal_of(kept: Refused) -> Refusal:
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
