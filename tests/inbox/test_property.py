"""Whatever is sent, read, dismissed, withdrawn, removed, however often streams are cut and the server ends: a screen
that applied all events equals a fresh read, and the count equals a recount."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from inbox.machine import Inboxes
from tocsin.live import stream, unread

LOOKED_AT = settings(
    deadline=None,
    database=None,
    stateful_step_count=25,
    suppress_health_check=list(HealthCheck),
    # What explains a failure traces every line, and takes minutes.
    phases=[Phase.generate, Phase.shrink],
    print_blob=True,
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that short histories run against."""
    monkeypatch.setattr(stream, "HOLD", 1_200)
    monkeypatch.setattr(unread, "PAUSE", 0.0)


def test_a_screen_that_applied_all_events_equals_a_fresh_read(soak: bool) -> None:
    run_state_machine_as_test(Inboxes, settings=settings(LOOKED_AT, max_examples=3_000 if soak else 30))
