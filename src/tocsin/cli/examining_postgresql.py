"""What `tocsin doctor` says of a PostgreSQL database."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.cli.finding import Finding
from tocsin.errors import StartError
from tocsin.store.sqlite.examination import left_behind

if TYPE_CHECKING:
    from tocsin.store.postgresql.examination import Settings

_ABOUT = "PostgreSQL"
_ENOUGH_CONNECTIONS = 40


def postgresql(url: str, folder: Path) -> Iterator[Finding]:
    """Look at the database that the settings name.

    Parameters:
        folder: the data folder, which may have a database from before.
    """
    try:
        from tocsin.store.postgresql.examination import look
    except ImportError:
        yield Finding("problem", _ABOUT, "its driver is not here: pip install 'PATH-OF-THE-CHECKOUT[postgres]'")
        return
    try:
        settings = look(url)
    except StartError as error:
        yield Finding("problem", _ABOUT, error.sentence)
        return
    yield from _judged(settings, folder)


def _judged(settings: Settings, folder: Path) -> Iterator[Finding]:
    """What the settings of a server mean for what Tocsin promises."""
    version = f"{settings.version // 10_000}.{settings.version % 10_000}"
    if settings.is_old:
        yield Finding("problem", _ABOUT, f"{version} is too old: 14 or newer is needed")
    else:
        yield Finding("good", _ABOUT, version)
    if settings.is_standby:
        yield Finding("problem", _ABOUT, "this is a standby: name the primary")
    if settings.encoding != "UTF8":
        yield Finding("problem", "encoding", f"{settings.encoding}: make a database with ENCODING 'UTF8'")
    if not settings.fsync:
        yield Finding("problem", "fsync", "off: a power cut loses what was answered; set it to on")
    if not settings.full_page_writes:
        yield Finding("warning", "fsync", "full_page_writes is off: a power cut may damage pages")
    if settings.synchronous_commit not in ("on", "remote_apply"):
        yield Finding(
            "note",
            "commit",
            f"synchronous_commit is {settings.synchronous_commit} here; Tocsin's own sessions set it to on",
        )
    if not settings.is_standby:
        if settings.standbys:
            yield Finding("good", "standby", f"{settings.standbys} synchronous")
        else:
            yield Finding(
                "warning",
                "standby",
                "no synchronous standby: what was answered survives a crash, but not the loss of this machine;"
                " set synchronous_standby_names for that",
            )
    if settings.connections < _ENOUGH_CONNECTIONS:
        yield Finding("note", "connections", f"max_connections is {settings.connections}; each node takes about 8")
    if settings.schema is None:
        sentence = "the database is empty; `tocsin serve` makes the tables"
        if left_behind(folder):
            at = shlex.quote(str(folder))
            sentence += f", or, before it, `tocsin migrate-store --from {at}` copies what is in that folder"
        yield Finding("note", "schema", sentence)
        if not settings.owner:
            yield Finding("problem", "schema", "this user cannot make tables there: make it the database's owner")
    elif settings.schema > settings.known:
        yield Finding("problem", "schema", f"it is newer ({settings.schema}) than this program ({settings.known})")
    else:
        yield Finding("good", "schema", str(settings.schema))
