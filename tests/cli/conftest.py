"""A backup to work on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cli.backups import back_up
from harness.server import Server


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of ten notifications; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("backup")
    server = Server(folder / "data")
    server.start()
    try:
        for n in range(10):
            assert server.service().send(f"t{n}", "m", userId="user123").status == 200
        assert back_up(server, folder / "good.db").status == 0
    finally:
        server.close()
    server.check_log()
    return folder / "good.db"


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(good, tmp_path / "copy.db"))
