"""A clock that a test sets."""

from __future__ import annotations

import pytest


class Clock:
    """Both sides of time, each moved by hand."""

    def __init__(self) -> None:
        self.wall = 1_800_000_000_000
        self.run = 1_000.0

    def now(self) -> int:
        return self.wall

    def monotonic(self) -> float:
        return self.run

    def pass_seconds(self, seconds: float) -> None:
        self.wall += round(seconds * 1000)
        self.run += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()
