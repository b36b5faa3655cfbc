"""Backups made and restored by the command."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw

from cli.command import Ran, tocsin
from harness.http import DEV_KEY
from harness.server import Server


def back_up(server: Server, file: Path, *args: str) -> Ran:
    return tocsin("backup", str(file), *args, server=server, token=DEV_KEY)


def restore(file: Path, data: Path, *args: str) -> Ran:
    return tocsin("restore", str(file), "--data", str(data), *args)


def change(file: Path, sql: str) -> None:
    with closing(apsw.Connection(str(file))) as connection:
        connection.execute(sql)


def refused(file: Path, data: Path) -> str:
    ran = restore(file, data / "below")
    assert ran.status == 2
    assert not data.exists()
    return ran.err
