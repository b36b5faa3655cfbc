"""`tocsin`: one command, its sub-commands a file each."""

from __future__ import annotations

import io
import sys
from typing import Any

import click

from tocsin import __version__
from tocsin.cli import exits
from tocsin.cli.app import app
from tocsin.cli.backup import backup, restore
from tocsin.cli.config import config
from tocsin.cli.device import device
from tocsin.cli.doctor import doctor
from tocsin.cli.key import key
from tocsin.cli.listen import listen
from tocsin.cli.migrate import migrate_store
from tocsin.cli.send import send
from tocsin.cli.serve import serve
from tocsin.cli.token import token
from tocsin.cli.user import user

_STATUSES = "\n".join(f"  {status:>3}  {meaning}" for status, meaning in exits.MEANINGS.items())


class _Program(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A terminal that cannot show a letter must not end the program.
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            sys.exit(exits.INTERRUPTED)


@click.group(cls=_Program, epilog=f"\b\nExit status:\n{_STATUSES}", context_settings={"max_content_width": 100})
@click.version_option(__version__)
def main() -> None:
    """Tocsin, a self-hosted notification server.

    Commands other than serve, restore, migrate-store, config and doctor speak to a running server: TOCSIN_URL says
    where it is (http://127.0.0.1:8000 unless set), TOCSIN_TOKEN who you are. Every command takes --json.
    """


for _command in (serve, send, listen, token, user, key, app, device, backup, restore, migrate_store, config, doctor):
    main.add_command(_command)
