"""A PostgreSQL for each file of tests, and nodes on databases of their own in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.postgresql import Cluster
from nodes.three import Nodes


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def three(postgresql: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Three nodes for all tests of a file that disturb nobody."""
    nodes = Nodes(
        tmp_path_factory.mktemp("three"),
        postgresql,
        env={"TOCSIN_LIMITS__STREAMS_PER_USER": "30", "TOCSIN_LIMITS__LOGIN_FAILURES": "4"},
    )
    try:
        yield nodes.start()
    finally:
        nodes.close()


@pytest.fixture
def start_nodes(postgresql: Cluster, tmp_path: Path) -> Iterator[Callable[..., Nodes]]:
    """A factory of nodes on a database of their own; ask for it after what they reach, so that they end first."""
    made: list[Nodes] = []

    def start(**options: Any) -> Nodes:
        nodes = Nodes(tmp_path, options.pop("postgresql", postgresql), **options)
        made.append(nodes)
        return nodes.start()

    yield start
    for nodes in made:
        nodes.close()
