"""The audit log, read back."""

from __future__ import annotations

import msgspec

from tocsin.api.answer import Answer, ok
from tocsin.api.call import Call
from tocsin.wire import timestamp


class AuditItem(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what to which thing, from where, and how it ended.

    Attributes:
        number: its place in the audit log.
        result: `done`, or the code of the refusal.
    """

    number: int
    at: str
    who: str
    action: str
    what: str
    origin: str
    result: str


class Audit(msgspec.Struct, frozen=True):
    """A page of the audit log, newest first; `next` is the `before` of the following page, or null."""

    audit: list[AuditItem]
    next: str | None


async def list_audit(call: Call) -> Answer:
    """`GET /api/audit`."""
    limit = call.limit()
    found = await call.parts.store.audits(call.before_number(), limit + 1)
    items = [
        AuditItem(
            number=number,
            at=timestamp(entry.at),
            who=entry.who,
            action=entry.action,
            what=entry.what,
            origin=entry.origin,
            result=entry.result,
        )
        for number, entry in found[:limit]
    ]
    return ok(Audit(items, str(items[-1].number) if len(found) > limit else None))
