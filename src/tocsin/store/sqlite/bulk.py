"""Parts of a batch on SQLite: decided, kept and remembered in one transaction."""

from __future__ import annotations

from tocsin.errors import Refusal, UsedKey
from tocsin.idempotency import KEPT_MS, Once
from tocsin.notification import Draft
from tocsin.store.bulk import Outcome, Part, decode_kept, encode_kept, kept, outcomes_of, withheld
from tocsin.store.sqlite.batch import Batch, Command


def keeping(part: Part) -> Command:
    """The command that keeps a part."""
    return lambda batch: _keep(batch, part)


def _keep(batch: Batch, part: Part) -> list[Outcome]:
    once = part.once
    if once is not None and (earlier := _earlier(batch, once, part.at, part.now)) is not None:
        return earlier
    if part.whole and (refused := _withheld(batch, part)) is not None:
        return refused
    outcomes = [_append(batch, draft) for draft in part.drafts]
    if once is not None:
        if not part.at:
            # What an expired request left under the key could be taken for parts of this one.
            batch.run("forget_batch", once.scope, once.key)
        results = encode_kept([kept(outcome) for outcome in outcomes]).decode()
        batch.run("put_batch", once.scope, once.key, part.at, once.fingerprint, results, part.now + KEPT_MS)
    return outcomes


def _append(batch: Batch, draft: Draft | Refusal) -> Outcome:
    if isinstance(draft, Refusal):
        return draft
    try:
        return batch.append(draft)
    except Refusal as refusal:
        return refusal.with_traceback(None)


def _withheld(batch: Batch, part: Part) -> list[Outcome] | None:
    """Decided before anything is written; None when nobody is refused."""
    users = {draft.user_id for draft in part.drafts if isinstance(draft, Draft) and draft.user_id is not None}
    gone = {str(user) for user in users if not batch.run("joined", user)}
    if not gone and not any(isinstance(draft, Refusal) for draft in part.drafts):
        return None
    return withheld(part.drafts, gone)


def _earlier(batch: Batch, once: Once, at: int, now: int) -> list[Outcome] | None:
    rows = batch.run("batch", once.scope, once.key, at, now)
    if not rows:
        return None
    fingerprint, results = rows[0]
    if fingerprint != once.fingerprint:
        raise UsedKey
    return outcomes_of(decode_kept(results), dict(batch.run("streamed_of", results)))
