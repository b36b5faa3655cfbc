"""`tocsin user`: people and services, as superusers look after them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from tocsin.cli import exits
from tocsin.cli.session import Session, empty, holding, read_password, speaks
from tocsin.cli.terminal import complain, done, say, show_table

_HEADS = ("ID", "NAME", "PERMISSIONS", "SUPERUSER", "DISABLED")
_FIELDS = ("id", "name", "permissions", "superuser", "disabled")
_permissions = click.option("--permission", multiple=True, help="Such as notifications, to send; may be repeated.")
_password = click.option("--password", is_flag=True, help="Ask for a password, or read it from standard input.")


@click.group(short_help="Look after users and passwords.")
def user() -> None:
    """Look after users; a superuser's work, but for one's own password."""


@user.command("list")
@speaks
def list_users(session: Session) -> None:
    """List all users."""
    with session.client() as client:
        users = list(client.every("users", "users"))
    if session.as_json:
        session.show({"users": users}, "")
    else:
        show_table(_HEADS, map(_row, users))


@user.command()
@click.argument("id_", metavar="ID")
@speaks
def show(session: Session, id_: str) -> None:
    """Show one user."""
    with session.client() as client:
        _tell(session, client.call("GET", "users", id_))


@user.command()
@click.argument("id_", metavar="ID")
@click.option("--name", help="What to call them.  [default: the ID]")
@_permissions
@click.option("--superuser", is_flag=True, help="May do everything.")
@_password
@speaks
def create(session: Session, id_: str, name: str | None, permission: Sequence[str], **given: Any) -> None:
    """Make a user; ID is the name they sign in with. Without --password they cannot sign in."""
    from tocsin.client import NotFound

    body = {"permissions": list(permission), "superuser": given["superuser"], "disabled": False}
    if name is not None:
        body["name"] = name
    with session.client() as client:
        try:
            holding(client.call("GET", "users", id_), "id")
        except NotFound:
            if given["password"]:
                body["password"] = read_password(f"Password for {id_}", twice=True)
            _tell_done(session, client.call("PUT", "users", id_, body=body))
            return
    complain(f"there is a user {id_} already; see `tocsin user update`")
    sys.exit(exits.FAILED)


@user.command(short_help="Change what is given of a user, leave the rest.")
@click.argument("id_", metavar="ID")
@click.option("--name", help="What to call them.")
@_permissions
@click.option("--no-permissions", is_flag=True, help="Take all permissions away.")
@click.option("--superuser/--no-superuser", default=None, help="May, or may no longer, do everything.")
@speaks
def update(session: Session, id_: str, name: str | None, permission: Sequence[str], **given: Any) -> None:
    """Change what is given of a user, and leave the rest; --permission replaces all they had."""
    if permission and given["no_permissions"]:
        raise click.UsageError("--permission and --no-permissions exclude one another")
    permissions = list(permission) if permission or given["no_permissions"] else None
    given_fields = {"name": name, "permissions": permissions, "superuser": given["superuser"]}
    changes = {field: value for field, value in given_fields.items() if value is not None}
    if not changes:
        options = "--name, --permission, --no-permissions, --superuser or --no-superuser"
        raise click.UsageError(f"nothing to change was given: {options}")
    _change(session, id_, changes)


@user.command()
@click.argument("id_", metavar="ID")
@speaks
def delete(session: Session, id_: str) -> None:
    """Delete a user with their notifications, keys and installs."""
    with session.client() as client:
        empty(client.call("DELETE", "users", id_))
    session.show_done({"deleted": id_}, f"deleted {id_}")


@user.command()
@click.argument("id_", metavar="[ID]", required=False)
@speaks
def password(session: Session, id_: str | None) -> None:
    """Set the password of user ID, or your own; their tokens end.

    It is asked for, or read from standard input; your own is two lines there, the current and the new one.
    """
    # Nobody should think of a password first and be turned away then.
    with session.client() as client:
        client.call("GET", *(("auth", "me") if id_ is None else ("users", id_)))
    if id_ is not None:
        _change(session, id_, {"password": read_password(f"New password for {id_}", twice=True)})
        return
    current = read_password("Current password")
    session.options = {"new": "the new password"}
    with session.client() as client:
        body = {"current": current, "new": read_password("New password", twice=True)}
        answer = holding(client.call("PUT", "auth", "password", body=body), "token")
    if not session.as_json:
        say("changed; the token to use from now on:")
    lost = "the password was changed, and the token to use from now on could not be shown: `tocsin token` prints one"
    session.show_once(answer, answer["token"], lost=lost)


@user.command()
@click.argument("id_", metavar="ID")
@speaks
def enable(session: Session, id_: str) -> None:
    """Let a disabled user in again."""
    _change(session, id_, {"disabled": False})


@user.command()
@click.argument("id_", metavar="ID")
@speaks
def disable(session: Session, id_: str) -> None:
    """Keep a user out: no sign-in, their keys, tokens and streams end. Nothing is deleted."""
    _change(session, id_, {"disabled": True})


def _change(session: Session, id_: str, changes: dict[str, Any]) -> None:
    with session.client() as client:
        # A PUT replaces the whole user, so what stays has to go along.
        found = holding(client.call("GET", "users", id_), *_FIELDS)
        _tell_done(session, client.call("PUT", "users", id_, body=found | changes))


def _tell_done(session: Session, answer: Any) -> None:
    with done():
        _tell(session, answer)


def _tell(session: Session, answer: Any) -> None:
    found = holding(answer, *_FIELDS)
    if session.as_json:
        session.show(found, "")
    else:
        show_table(_HEADS, [_row(found)])


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    permissions = ", ".join(found["permissions"]) or "-"
    return (found["id"], found["name"], permissions, *("yes" if found[f] else "-" for f in ("superuser", "disabled")))
