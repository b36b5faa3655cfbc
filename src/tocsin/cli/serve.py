"""`tocsin serve`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tocsin.cli import exits
from tocsin.cli.session import DEFAULT_URL, as_json
from tocsin.cli.terminal import complain, done, show_json
from tocsin.credentials.key import DEV_KEY

if TYPE_CHECKING:
    from tocsin.config import Config


@click.command()
@click.option(
    "--dev",
    is_flag=True,
    default=None,
    help="Loopback only, with the sample users and keys; not for real use.",
)
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65_535), help="TCP port; 0 picks one.  [default: 8000]")
@click.option("--data", help="Folder of the database and of tocsin.toml.  [default: ./tocsin-data]")
@click.option("--database", help="postgresql://user:password@host:port/name instead of a database in that folder.")
@click.option("--broker", help="redis://… by which the nodes tell one another.  [default: the database]")
@click.option("--node", help="Name of this node.  [default: the host's name and chance]")
@click.option("--tls-cert", help="PEM file with the certificate chain; with --tls-key, HTTPS is served.")
@click.option("--tls-key", help="PEM file with the private key.")
@as_json
def serve(**given: Any) -> None:
    """Run the server until SIGTERM or Ctrl-C.

    Each option is also an environment variable (TOCSIN_PORT) and a key of tocsin.toml (port), as is every other
    setting: see `tocsin config show`. An option beats the variable, and that the file.

    Exit status: 0 after a graceful stop, 1 when the store can no longer keep anything or PostgreSQL is away at the
    start, 2 when it cannot start as it is configured.
    """
    _hold_standard_streams()
    # Here and not above: no other command needs the server, and it is slow to import.
    from tocsin import config as configuration
    from tocsin import server
    from tocsin.cli.startable import check_startable
    from tocsin.errors import StartError

    as_json = given.pop("as_json")
    try:
        config = configuration.load(given)
        check_startable(config)
        status = server.serve(config, _announcer(config, as_json=as_json))
    except StartError as error:
        complain(error.sentence)
        # A supervisor does not try 2 again: what passes by itself must not end that way.
        sys.exit(exits.FAILED if error.temporary else exits.USAGE)
    except OSError as error:
        # The data folder cannot be made or written; what happens while it runs does not come this far.
        complain(f"cannot start: {error}")
        sys.exit(exits.USAGE)
    sys.exit(status)


def _hold_standard_streams() -> None:
    """Open what a supervisor has closed: a socket that got number 0, 1 or 2 instead would end the event loop."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115  (for as long as the process lives)
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def _announcer(config: Config, *, as_json: bool) -> Callable[[str], None]:
    def announce(url: str) -> None:
        with done():
            if as_json:
                show_json({"url": url, "dev": config.dev} | ({"key": DEV_KEY} if config.dev else {}))
            else:
                click.echo(f"Tocsin is at {url} (the API, with a curl for each route: {url}/docs)")
                if config.dev:
                    click.echo(_welcome(url))
            sys.stdout.flush()

    return announce


def _welcome(url: str) -> str:
    at = "" if url == DEFAULT_URL else f" --url {url}"
    return f"""
Watch, in another terminal:
  TOCSIN_TOKEN={DEV_KEY} {_program()} listen{at}

Send, to everybody:
  curl -X POST {url}/api/notifications/send \\
    -H "X-API-Key: {DEV_KEY}" -H "Content-Type: application/json" \\
    -d '{{"type": "info", "title": "Hello", "message": "It works"}}'

Sign in as user123, user456, viewer or admin (a superuser); each name is its own password.
This is --dev: everybody knows these keys, so it listens on this machine only.
"""


def _program() -> str:
    """How to call this program again from here."""
    path = Path(sys.argv[0])
    if path.name == "__main__.py":
        path = Path(sys.executable).parent / "tocsin"
    near = os.path.relpath(path)
    return str(path) if near.startswith("..") else near
