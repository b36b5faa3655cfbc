"""A server for each file here, so that failed sign-ins and changed users stay in the file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One `serve --dev` for the tests of one file."""
    started = Server(tmp_path_factory.mktemp("api") / "data")
    started.start()
    yield started
    started.close()
    started.check_log()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One `serve` without `--dev`; `people.first_superuser` signs in to it."""
    started = Server(tmp_path_factory.mktemp("real") / "data", dev=False)
    started.start()
    yield started
    started.close()
    started.check_log()
