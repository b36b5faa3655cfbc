"""`tocsin key`: API keys of services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from tocsin.cli.session import Session, empty, holding, speaks
from tocsin.cli.terminal import show_table


@click.group()
def key() -> None:
    """Look after API keys; a superuser's work."""


@key.command("list")
@speaks
def list_keys(session: Session) -> None:
    """List all keys, without their secrets."""
    with session.client() as client:
        keys = list(client.every("keys", "keys"))
    if session.as_json:
        session.show({"keys": keys}, "")
    else:
        rows = [(one["id"], one["name"] or "-", one["userId"], one["expiresAt"] or "never") for one in keys]
        show_table(("ID", "NAME", "USER", "EXPIRES"), rows)


@key.command()
@click.argument("user")
@click.option("--name", default="", help="What it is for.")
@click.option("--expires", metavar="TIME", help="RFC 3339, such as 2027-01-31T00:00:00Z.")
@click.option("--days", type=click.IntRange(1, 36_500), help="Days until it expires; never unless one is given.")
@speaks
def create(session: Session, user: str, name: str, expires: str | None, days: int | None) -> None:
    """Make a key that acts as USER, and print it: it is shown this once."""
    if expires is not None and days is not None:
        raise click.UsageError("--expires and --days exclude one another")
    if days is not None:
        expires = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    with session.client() as client:
        body = {"userId": user, "name": name, "expiresAt": expires}
        made = holding(client.call("POST", "keys", body=body), "id", "key")
    lost = f"the key {made['id']} was made, and could not be shown: `tocsin key revoke {made['id']}`, and make another"
    session.show_once(made, made["key"], lost=lost)


@key.command()
@click.argument("id_", metavar="ID")
@speaks
def revoke(session: Session, id_: str) -> None:
    """Revoke a key: it holds no more, and its streams end."""
    with session.client() as client:
        empty(client.call("DELETE", "keys", id_))
    session.show_done({"revoked": id_}, f"revoked {id_}")
