"""`tocsin migrate-store`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from tocsin.cli import exits
from tocsin.cli.session import as_json
from tocsin.cli.terminal import complain, done, show_json


@click.command("migrate-store")
@click.option("--from", "folder", required=True, type=click.Path(path_type=Path), help="Data folder of the old server.")
@click.option(
    "--to",
    "url",
    envvar="TOCSIN_DATABASE",
    show_envvar=True,
    help="postgresql://user:password@host:port/name; others on this machine can see it here, but not in the variable.",
)
@click.option("--undo", is_flag=True, help="Let the folder be served again, without what came since it was copied.")
@as_json
def migrate_store(folder: Path, url: str | None, *, undo: bool, **given: Any) -> None:
    """Copy a SQLite database into an empty PostgreSQL one.

    No server may run on the folder. It is brought up to this version's schema, marked as copied, so that no server
    starts on it by mistake, and stays as it is else. All rows go over in one transaction and are held against the old
    ones, one by one; then serve with --database. Streams go on where they were.
    """
    if undo:
        _undo(folder, as_json=given["as_json"])
        return
    if url is None:
        raise click.UsageError("Missing option '--to' (env var: 'TOCSIN_DATABASE').")
    import asyncio

    from tocsin.config import database_trouble
    from tocsin.errors import StartError

    def tell(table: str, rows: int) -> None:
        if not given["as_json"]:
            # In the middle of the transaction: nobody to tell is no reason to give it up.
            with done():
                click.echo(f"{table:<16} {rows:>10}")

    try:
        if trouble := database_trouble(url):
            raise StartError(f"--to (TOCSIN_DATABASE): {trouble}")
        try:
            from tocsin.store.postgresql.copying import copy
        except ImportError:
            raise StartError("PostgreSQL needs its driver: pip install 'PATH-OF-THE-CHECKOUT[postgres]'") from None
        copied = asyncio.run(copy(folder, url, tell))
    except StartError as error:
        complain(error.sentence)
        sys.exit(exits.USAGE)
    with done():
        if given["as_json"]:
            show_json({"rows": copied.rows, "epoch": copied.epoch, "head": copied.head})
        else:
            click.echo(
                f"copied and compared; the log stands at {copied.epoch}-{copied.head}; serve with `database`"
                f" (TOCSIN_DATABASE) set to it. {folder} is marked, and is not served without"
            )


def _undo(folder: Path, *, as_json: bool) -> None:
    from tocsin.errors import StartError
    from tocsin.store.sqlite.restore import undo_move

    try:
        left = undo_move(folder)
    except StartError as error:
        complain(error.sentence)
        sys.exit(exits.USAGE)
    with done():
        if as_json:
            show_json({"data": str(folder), "left": left})
        else:
            click.echo(
                f"{folder} can be served again, without what came since it was copied to {left};"
                " streams that come back are told that there is a gap"
            )
