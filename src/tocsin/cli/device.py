"""`tocsin device`: names for what notifications are about."""

from __future__ import annotations

import click

from tocsin.cli.session import Session, empty, holding, speaks
from tocsin.cli.terminal import show_table


@click.group()
def device() -> None:
    """Give devices names; a superuser's work. Any device may be sent about, named or not."""


@device.command("list")
@speaks
def list_devices(session: Session) -> None:
    """List all devices that have a name."""
    with session.client() as client:
        devices = list(client.every("devices", "devices"))
    if session.as_json:
        session.show({"devices": devices}, "")
    else:
        show_table(("ID", "NAME"), [(one["id"], one["name"]) for one in devices])


@device.command("set")
@click.argument("id_", metavar="ID")
@click.argument("name")
@speaks
def set_device(session: Session, id_: str, name: str) -> None:
    """Call the device ID by NAME."""
    with session.client() as client:
        found = holding(client.call("PUT", "devices", id_, body={"name": name}), "id", "name")
    session.show_done(found, f"{found['id']} is called {found['name']}")


@device.command()
@click.argument("id_", metavar="ID")
@speaks
def delete(session: Session, id_: str) -> None:
    """Forget a device's name; what was sent about it stays."""
    with session.client() as client:
        empty(client.call("DELETE", "devices", id_))
    session.show_done({"deleted": id_}, f"deleted {id_}")
