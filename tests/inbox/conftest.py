"""People of a test's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.server import Server
from inbox.people import Person


@pytest.fixture
def person(dev: Server) -> Person:
    """Somebody who has just come to the shared server."""
    return Person(dev)


@pytest.fixture
def somebody(dev: Server) -> Callable[[], Person]:
    """Somebody else, as often as is asked."""
    return lambda: Person(dev)
