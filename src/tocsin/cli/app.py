"""`tocsin app`: integrations, their secrets, and who has installed them."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from tocsin.cli import exits
from tocsin.cli.send import Sending, message_of, sends
from tocsin.cli.session import Session, empty, holding, speaks
from tocsin.cli.terminal import complain, done, show_table

_HEADS = ("ID", "NAME", "PER HOUR", "FOR ALL")
_FIELDS = ("id", "name", "quotaPerHour", "installForAll")
_quota = click.option(
    "--quota", type=click.IntRange(min=0), help="Notifications to one user in a UTC clock hour; 10 for a new app."
)


@click.group(short_help="Look after apps, their secrets and installs.")
def app() -> None:
    """Look after apps; a superuser's work, but for one's own installs."""


@app.command("list")
@speaks
def list_apps(session: Session) -> None:
    """List all apps."""
    with session.client() as client:
        apps = list(client.every("apps", "apps"))
    if session.as_json:
        session.show({"apps": apps}, "")
    else:
        show_table(_HEADS, map(_row, apps))


@app.command()
@click.argument("id_", metavar="ID")
@click.option("--name", help="Shown as the title of what it sends.  [default: the ID]")
@_quota
@click.option("--for-all", is_flag=True, help="Installed for everybody who does not uninstall it.")
@speaks
def create(session: Session, id_: str, name: str | None, quota: int | None, **given: Any) -> None:
    """Register an app. It needs a secret to send: see `tocsin app secret create`."""
    from tocsin.client import NotFound

    fields = {"name": name, "quotaPerHour": quota, "installForAll": given["for_all"]}
    with session.client() as client:
        try:
            holding(client.call("GET", "apps", id_), "id")
        except NotFound:
            body = {field: value for field, value in fields.items() if value is not None}
            _tell_done(session, client.call("PUT", "apps", id_, body=body))
            return
    complain(f"there is an app {id_} already; see `tocsin app update`")
    sys.exit(exits.FAILED)


@app.command()
@click.argument("id_", metavar="ID")
@click.option("--name", help="Shown as the title of what it sends.")
@_quota
@click.option("--for-all/--not-for-all", default=None, help="Installed for everybody who does not uninstall it.")
@speaks
def update(session: Session, id_: str, name: str | None, quota: int | None, **given: Any) -> None:
    """Change what is given of an app, and leave the rest."""
    fields = {"name": name, "quotaPerHour": quota, "installForAll": given["for_all"]}
    changes = {field: value for field, value in fields.items() if value is not None}
    if not changes:
        raise click.UsageError("nothing to change was given: --name, --quota, --for-all or --not-for-all")
    with session.client() as client:
        # A PUT replaces the whole app, so what stays has to go along.
        body = holding(client.call("GET", "apps", id_), *_FIELDS) | changes
        _tell_done(session, client.call("PUT", "apps", id_, body=body))


@app.command(short_help="Delete an app; what it sent stays.")
@click.argument("id_", metavar="ID")
@speaks
def delete(session: Session, id_: str) -> None:
    """Delete an app with its secrets and installs; what it sent stays."""
    with session.client() as client:
        empty(client.call("DELETE", "apps", id_))
    session.show_done({"deleted": id_}, f"deleted {id_}")


@app.command()
@click.argument("id_", metavar="ID")
@click.option("--user", help="For this user instead of yourself; superusers only.")
@speaks
def install(session: Session, id_: str, user: str | None) -> None:
    """Let an app send to you."""
    _install(session, "PUT", id_, user)
    session.show_done({"app": id_, "user": user, "installed": True}, f"installed {id_}")


@app.command()
@click.argument("id_", metavar="ID")
@click.option("--user", help="For this user instead of yourself; superusers only.")
@speaks
def uninstall(session: Session, id_: str, user: str | None) -> None:
    """Let an app send to you no more."""
    _install(session, "DELETE", id_, user)
    session.show_done({"app": id_, "user": user, "installed": False}, f"uninstalled {id_}")


@app.command("send", short_help="Send as an app, with one of its secrets.")
@click.argument("id_", metavar="ID")
@click.argument("user")
@click.argument("message")
@sends
def send_as(sending: Sending, id_: str, user: str, message: str) -> None:
    """Send MESSAGE as an app to a USER who installed it; the token is a secret of the app.

    Its title is the app's name. A MESSAGE of - is read from standard input.
    """
    sending.session.as_app = id_
    with sending.client() as client:
        sent = client.send_as_app(id_, user, message_of(message), idempotency_key=sending.key)
    sending.show(sent)


@app.group(short_help="Make, list and revoke what an app proves itself with.")
def secret() -> None:
    """What an app proves itself with; it may have several, so that one can be replaced in peace."""


@secret.command("create")
@click.argument("app_id", metavar="APP")
@speaks
def create_secret(session: Session, app_id: str) -> None:
    """Make a secret for APP and print it: it is shown this once. Earlier ones go on holding."""
    with session.client() as client:
        made = holding(client.call("POST", "apps", app_id, "secrets"), "id", "secret")
    lost = f"the secret {made['id']} was made, and could not be shown:"
    lost += f" `tocsin app secret revoke {shlex.quote(app_id)} {made['id']}`, and make another"
    session.show_once(made, made["secret"], lost=lost)


@secret.command("list")
@click.argument("app_id", metavar="APP")
@speaks
def list_secrets(session: Session, app_id: str) -> None:
    """List the secrets of APP, without what is secret."""
    with session.client() as client:
        secrets = list(client.every("secrets", "apps", app_id, "secrets"))
    if session.as_json:
        session.show({"secrets": secrets}, "")
    else:
        show_table(("ID", "CREATED"), [(one["id"], one["createdAt"]) for one in secrets])


@secret.command("revoke")
@click.argument("app_id", metavar="APP")
@click.argument("id_", metavar="ID")
@speaks
def revoke_secret(session: Session, app_id: str, id_: str) -> None:
    """Revoke the secret ID of APP."""
    with session.client() as client:
        empty(client.call("DELETE", "apps", app_id, "secrets", id_))
    session.show_done({"revoked": id_}, f"revoked {id_}")


def _install(session: Session, method: str, id_: str, user: str | None) -> None:
    with session.client() as client:
        empty(client.call(method, "apps", id_, *(("install",) if user is None else ("installs", user))))


def _tell_done(session: Session, answer: Any) -> None:
    found = holding(answer, *_FIELDS)
    with done():
        if session.as_json:
            session.show(found, "")
        else:
            show_table(_HEADS, [_row(found)])


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    return (found["id"], found["name"], str(found["quotaPerHour"]), "yes" if found["installForAll"] else "-")
