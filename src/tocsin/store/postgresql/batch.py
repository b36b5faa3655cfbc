"""A batch of writes for PostgreSQL: what goes into one call of `tocsin_batch`, and what its answer means."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from tocsin.announcement import entry_of
from tocsin.app import Quota
from tocsin.errors import Conflict, Invalid, NotFound, TooMany, Unavailable, UsedKey
from tocsin.notification import Draft, Notification, NotificationId
from tocsin.ports import AuditEntry, Entry, Replay, Span
from tocsin.position import Epoch
from tocsin.store.bulk import Outcome, Part, Refused, kept, outcomes_of, withheld

CALL = "SELECT tocsin_batch($1, $2, $3, $4, $5::jsonb, " + ", ".join(f"${n}" for n in range(6, 21)) + ")"
"""Its parameters: node, batch before, this batch, notify, commands, and what `Call.columns` has."""


class Appending(msgspec.Struct, frozen=True):
    """The command that keeps a draft."""

    draft: Draft


class Doing(msgspec.Struct, frozen=True):
    """Any other command: its name in `functions.sql`, its arguments, and what its answer means."""

    name: str
    arguments: Sequence[Any]
    read: Callable[[Any], Any] = lambda answer: answer


Command = Appending | Part | Doing

Result = Any
"""What a command answered, or the exception that its caller is to get."""


class Answer(msgspec.Struct):
    """What `tocsin_batch` said."""

    epoch: str
    first: int
    last: int
    results: list[Any]
    changes: list[list[Any]]
    awaited: list[str]


_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Answer).decode


def cost(command: Command) -> int:
    """How many rows a command is worth."""
    return len(command.drafts) if isinstance(command, Part) else 1


class Call:
    """One call of the function.

    Parameters:
        commands: in the order in which they are to be done.

    Raises:
        Exception: something that cannot be said in JSON.
    """

    def __init__(self, commands: Sequence[Command]) -> None:
        self._commands = commands
        self._drafts: list[Draft] = []
        told: list[Any] = []
        for command in commands:
            if isinstance(command, Doing):
                told.append([command.name, *command.arguments])
            elif isinstance(command, Part):
                told.append(self._part(command))
            else:
                self._drafts.append(command.draft)
                plain = command.draft.once is None and command.draft.quota is None
                number = len(self._drafts)
                if told and told[-1][0] == "append" and told[-1][2:] == [number - 1, plain]:
                    told[-1][2] = number
                else:
                    told.append(["append", number, number, plain])
        # No id holds a NUL, and PostgreSQL's texts cannot: what names one names nothing.
        self.commands = _NUL.sub(r"\1\\ufffd", _encode(told).decode())
        self._told = told

    @property
    def columns(self) -> list[list[Any]]:
        """The drafts, a list for each parameter from $6 on but the last two."""
        drafts = self._drafts
        return [
            [draft.id for draft in drafts],
            [draft.user_id for draft in drafts],
            [draft.device_id for draft in drafts],
            [draft.app_id for draft in drafts],
            [draft.type for draft in drafts],
            [draft.sender for draft in drafts],
            [draft.credential for draft in drafts],
            [draft.created_at for draft in drafts],
            [draft.body.decode() for draft in drafts],
            [draft.quota for draft in drafts],
            [draft.once.scope if draft.once else None for draft in drafts],
            [draft.once.key if draft.once else None for draft in drafts],
            [draft.once.fingerprint if draft.once else None for draft in drafts],
        ]

    def read(self, text: str) -> tuple[list[Result], Span | None]:
        """A result for each command, and the span they took; None when nothing was numbered."""
        answer = _decode(text)
        entries = [entry_of(row) for row in answer.changes]
        by_id: dict[str, Entry] = {}
        results: list[Result] = []
        commands = iter(self._commands)
        for told, said in zip(self._told, answer.results, strict=True):
            if told[0] == "append":
                for draft, verdict in zip(self._drafts[told[1] - 1 : told[2]], said, strict=True):
                    next(commands)
                    results.append(_appended(draft, verdict, by_id))
                continue
            command = next(commands)
            if isinstance(command, Part):
                results.append(_kept_part(command, said, by_id))
            else:
                assert isinstance(command, Doing)
                results.append(_refusal(said) if _is_refusal(said) else command.read(said))
        entries += by_id.values()
        entries.sort(key=lambda entry: entry.seq)
        if answer.last < answer.first:
            return results, None
        span = Span(Epoch(answer.epoch), answer.first, answer.last, entries, tuple(answer.awaited))
        return results, span

    def _part(self, part: Part) -> list[Any]:
        low = len(self._drafts) + 1
        before: list[Refused | None] = []
        for draft in part.drafts:
            if isinstance(draft, Draft):
                self._drafts.append(draft)
                before.append(None)
            else:
                refused = kept(draft)
                assert isinstance(refused, Refused)
                before.append(refused)
        key = [None] * 3 if part.once is None else [part.once.scope, part.once.key, part.once.fingerprint.hex()]
        return ["part", low, len(self._drafts), part.now, part.whole, part.at, *key, before]


def audit_row(audit: AuditEntry | None) -> list[Any] | None:
    """An entry of the audit log as commands take it."""
    if audit is None:
        return None
    return [audit.at, audit.who, audit.action, audit.what, audit.origin, audit.result]


def _appended(draft: Draft, verdict: Any, by_id: dict[str, Entry]) -> Result:
    quota = None
    if isinstance(verdict, list):
        if verdict[0] == "again":
            _, id_, streamed = verdict
            return Replay(NotificationId(id_), by_id.get(id_), kept=streamed)
        verdict, used = verdict
        quota = Quota.after(used, draft.quota or 0, draft.created_at)
    if not isinstance(verdict, int):
        if verdict["no"] == "too-many":
            left = Quota.after(int(verdict["about"]) + 1, draft.quota or 0, draft.created_at)
            return TooMany("Too many requests", retry_after=left.reset, limit=draft.quota)
        return _refusal(verdict)
    row = Notification(
        first=verdict,
        seq=verdict,
        since=verdict,
        id=draft.id,
        user_id=draft.user_id,
        device_id=draft.device_id,
        body=draft.body,
    )
    by_id[draft.id] = entry = Entry(seq=verdict, notification=row, quota=quota)
    return entry


def _kept_part(part: Part, said: Any, by_id: dict[str, Entry]) -> Result:
    if isinstance(said, dict):
        if _is_refusal(said):
            return _refusal(said)
        if "withheld" in said:
            return withheld(part.drafts, set(said["withheld"]))
        return outcomes_of(msgspec.convert(said["earlier"], list[str | Refused]), said["streamed"])
    verdicts = iter(said)
    outcomes: list[Outcome] = []
    for draft in part.drafts:
        outcomes.append(_appended(draft, next(verdicts), by_id) if isinstance(draft, Draft) else draft)
    return outcomes


def _is_refusal(said: Any) -> bool:
    return isinstance(said, dict) and "no" in said


def _refusal(said: Any) -> Exception:
    match said["no"]:
        case "not-found":
            return NotFound(said["about"])
        case "used-key":
            return UsedKey()
        case "invalid":
            return Invalid(said["about"], "is a position that was not reached yet")
        case "conflict":
            return Conflict("This notification must be acknowledged before it can be dismissed")
        case _:
            return Unavailable("The store gave an answer that is not understood", outcome_unknown=True)
