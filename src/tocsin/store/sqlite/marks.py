"""A user's marks, as far as a few notifications need them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

Run = Callable[..., list[tuple[Any, ...]]]


class Marks:
    """Marks by scope: (type or '', device or '').

    Parameters:
        rows: type, device, up to which number, its own number, and when (milliseconds UTC), lowest reach first.
    """

    def __init__(self, rows: list[tuple[str, str, int, int, int]]) -> None:
        self._scopes: dict[tuple[str, str], tuple[list[int], list[tuple[int, int]]]] = {}
        for type_, device, upto, seq, at in rows:
            uptos, made = self._scopes.setdefault((type_, device), ([], []))
            uptos.append(upto)
            made.append((seq, at))

    @classmethod
    def of(cls, run: Run, user: str, lowest: int) -> Marks:
        """Those of a user that reach at least to a number."""
        return cls(run("marks_above", user, lowest))

    def read_at(self, type_: str, device: str | None, since: int) -> int | None:
        """When a notification was read by a mark, milliseconds UTC; None when no mark covers it.

        Parameters:
            since: when it last became unread.
        """
        if not self._scopes:
            return None
        # The first by number: a clock that was set back must not make a later one the earlier.
        found: tuple[int, int] | None = None
        devices = ("",) if device is None else ("", device)
        for scope in [(kind, about) for kind in ("", type_) for about in devices]:
            if scope in self._scopes:
                uptos, made = self._scopes[scope]
                at = bisect_left(uptos, since)
                if at < len(made) and (found is None or made[at] < found):
                    found = made[at]
        return None if found is None else found[1]
