"""`tocsin token`."""

from __future__ import annotations

from typing import Any

import click

from tocsin.cli.session import Session, holding, read_password, speaks


@click.command()
@click.option("--user", metavar="NAME", help="Sign in as this user; the password is asked for, or read from stdin.")
@click.option("--ticket", is_flag=True, help="A ticket instead: opens one stream, once, within a minute.")
@speaks
def token(session: Session, user: str | None, **given: Any) -> None:
    """Print a token to be used as TOCSIN_TOKEN.

    With --ticket, print a single-use ticket for `/notifications?ticket=…`, for the user of TOCSIN_TOKEN or for --user.

    \b
        export TOCSIN_TOKEN=$(tocsin token --user anna)
    """
    ticket = bool(given["ticket"])
    if user is None and not ticket:
        raise click.UsageError("--user NAME is missing: who signs in?")
    answer: dict[str, Any] = {}
    if user is not None:
        credentials = {"username": user, "password": read_password(f"Password of {user}")}
        session.token, session.signing_in = None, True
        with session.client() as client:
            answer = holding(client.call("POST", "auth", "login", body=credentials), "token")
        session.token, session.signing_in = answer["token"], False
    if ticket:
        with session.client() as client:
            answer = holding(client.call("POST", "auth", "ticket"), "ticket")
    session.show(answer, str(answer["ticket" if ticket else "token"]))
