"""The broker of a single process: hands each span to the one node there is."""

from __future__ import annotations

from collections.abc import Callable

from tocsin.ports import Span


class LocalBroker:
    """Announcer within one process: loses nothing, repeats nothing, keeps commit order."""

    def __init__(self) -> None:
        self._tell: Callable[[Span], None] | None = None

    def subscribe(self, tell: Callable[[Span], None]) -> None:
        """Who is told; there is one node here, so one subscriber."""
        self._tell = tell

    def announce(self, span: Span) -> None:
        if self._tell is not None:
            self._tell(span)
