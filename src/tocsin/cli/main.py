"""`tocsin`: one command, its sub-commands a file each."""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click

from tocsin import __version__
from tocsin.cli import exits
from tocsin.cli.terminal import complain, not_printed

_STATUSES = "\n".join(f"  {status:>3}  {meaning}" for status, meaning in exits.MEANINGS.items())

_MODULES = {
    "serve": "serve",
    "send": "send",
    "listen": "listen",
    "token": "token",
    "user": "user",
    "key": "key",
    "app": "app",
    "device": "device",
    "backup": "backup",
    "restore": "backup",
    "migrate-store": "migrate",
    "config": "config",
    "doctor": "doctor",
}


class _Commands(Mapping[str, click.Command]):
    """Imports a sub-command when it is asked for: none of them needs the others."""

    def __getitem__(self, name: str) -> click.Command:
        module = importlib.import_module(f"tocsin.cli.{_MODULES[name]}")
        command: click.Command = getattr(module, name.replace("-", "_"))
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


class _Program(click.Group):
    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            return super().main(*args, **extra)
        except OSError as error:
            if error.filename is not None:
                complain(f"{error.filename}: {error.strerror}")
            elif error.errno is None:
                raise
            else:
                # A reader that has gone away (`| head`) does not come this far: click ends with the same status.
                not_printed(error)
            sys.exit(exits.FAILED)

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A terminal that cannot show a letter must not end the program.
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            sys.exit(exits.INTERRUPTED)


@click.group(
    cls=_Program,
    commands=_Commands(),
    epilog=f"\b\nExit status:\n{_STATUSES}",
    context_settings={"max_content_width": 100},
)
@click.version_option(__version__)
def main() -> None:
    """Tocsin, a self-hosted notification server.

    serve, restore, migrate-store, config and doctor work on this machine, and so does backup where no server runs. All
    others speak to a running server: TOCSIN_URL says where it is (http://127.0.0.1:8000 unless set), TOCSIN_TOKEN who
    you are. Every command takes --json.
    """
