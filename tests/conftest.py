"""Fixtures every test can ask for: a real server.

`dev` is one `serve --dev` for the whole session, for tests that disturb nobody: use names of your own and do
not count what others may send. `killable` is another one, for tests that end it and go on. `start_server` starts a
fresh one with its own data folder. `shared_postgresql` is one PostgreSQL for all that a worker runs, `own_postgresql`
one that a test may kill.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadfile import LoadFileScheduling
from xdist.workermanage import WorkerController

sys.path.insert(0, str(Path(__file__).parent))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a script; whatever a test starts would be deaf to it as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)

from harness.postgresql import Cluster, cluster
from harness.server import NODES, Server


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what speaks of one file, or of one process, where there is none."""
    marker = item.get_closest_marker("one_file") if os.environ.get("TOCSIN_TEST_STORE") == "postgresql" else None
    if NODES > 1:
        marker = marker or item.get_closest_marker("one_process")
    if marker is not None:
        pytest.skip(marker.kwargs["reason"])


LONGEST_FIRST = (
    "nodes/test_faults", "nodes/test_slice", "web/test_admin.py", "web/test_axe", "web/test_a", "inbox/test_property",
    "faults/", "nodes/", "web/", "client/test_streams", "cli/test_first_steps", "cli/test_listen", "cli/test_backup",
    "api/test_any_request", "measuring/test_peers", "deploy/", "attacks/test_memory", "live/test_limits",
    "live/test_pings", "live/test_foreign_server", "inbox/test_counts_at_once", "store/", "broker/", "cluster/",
    "client/", "cli/",
)  # fmt: skip
"""Files that take long with few tests: one that begins last would leave the other workers waiting for it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    @cache
    def rank(path: Path) -> int:
        place = path.relative_to(Path(__file__).parent).as_posix()
        return next((n for n, name in enumerate(LONGEST_FIRST) if place.startswith(name)), len(LONGEST_FIRST))

    items.sort(key=lambda item: rank(item.path))


class BrowsersApart(LoadFileScheduling):
    """Every third worker takes the files with a browser first, and keeps its browser; the others take the rest.

    A browser keeps a core busy, and many of the others wait: so there is always something of each. Whoever is through
    with one's own takes what is left.
    """

    def _assign_work_unit(self, node: WorkerController) -> None:
        browses = int(node.gateway.id.removeprefix("gw")) % 3 == 0
        first = next((file for file in self.workqueue if ("tests/web/" in file) is browses), None)
        if first is not None:
            self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """For `--dist loadfile`, as `make test` has it."""
    return BrowsersApart(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def soak() -> bool:
    """Whether the long numbers are wanted: TOCSIN_SOAK=1."""
    return os.environ.get("TOCSIN_SOAK") == "1"


@pytest.fixture(scope="session")
def dev_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("dev") / "data")
    server.start()
    yield server
    server.close()
    server.check_log()


@pytest.fixture
def dev(dev_process: Server) -> Iterator[Server]:
    """The session's shared server; its log is looked through after each test that used it."""
    dev_process.check_log()
    yield dev_process
    assert dev_process.running, f"the shared server has ended:\n{dev_process.tail()}"
    dev_process.check_log()


@pytest.fixture(scope="session")
def killable_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("killable") / "data")
    yield server
    server.close()
    server.check_log()


@pytest.fixture
def killable(killable_process: Server) -> Iterator[Server]:
    """As `dev`, another one, which a test may kill, stop and start again, and leave in any of these states."""
    if not killable_process.running:
        killable_process.start()
    yield killable_process
    killable_process.check_log()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """A factory of servers: `start_server(**options of Server)`, `ready=False` to not start it yet."""
    servers: list[Server] = []

    def start(*, ready: bool = True, data: Path | None = None, **options: Any) -> Server:
        server = Server(data or tmp_path / f"data{len(servers)}", **options)
        servers.append(server)
        if ready:
            server.start()
        return server

    yield start
    for server in servers:
        server.close()
    for server in servers:
        server.check_log()


@pytest.fixture(scope="session")
def shared_postgresql() -> Cluster:
    """For tests that disturb nobody else's database: use one of a name of your own."""
    return cluster()


@pytest.fixture
def own_postgresql() -> Iterator[Cluster]:
    """One that a test may stop and kill."""
    made = Cluster()
    yield made
    made.remove()
