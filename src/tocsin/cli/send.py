"""`tocsin send`."""

from __future__ import annotations

import functools
import shlex
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from tocsin.cli.session import Session, holding, speaks, standard_input
from tocsin.cli.terminal import complain
from tocsin.notification import TYPES

if TYPE_CHECKING:
    from tocsin.client import Client, Sent

_key = click.option(
    "--idempotency-key",
    metavar="KEY",
    help="The same send made again under the same key, within a day, is not sent twice.  [default: a new one]",
)
_OPTIONS = {"url": "--url-link", "userId": "--user", "deviceId": "--device", "tags": "--tag", "appId": "--app"}
"""By what options fields are given that have other names."""

_retry_for = click.option(
    "--retry-for",
    type=click.FloatRange(min=0, max=86_400),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to go on trying while the server is away or cannot take it; 0: try once.",
)


class Sending:
    """A session that sends once, however often it tries."""

    def __init__(self, session: Session, key: str | None, retry_for: float) -> None:
        self.session = session
        self.key = uuid.uuid4().hex if key is None else key
        self._retry_for = retry_for

    @contextmanager
    def client(self) -> Iterator[Client]:
        """As of the session."""
        doubt = "whether it was kept is unknown: the same command with "
        doubt += f"--idempotency-key {shlex.quote(self.key)} finds out, and does not send it twice"
        with self.session.client(retry_for=self._retry_for, doubt=doubt) as client:
            yield client

    def show(self, sent: Sent) -> None:
        """Print what became of it."""
        streams = sent.recipient_count
        self.session.show_done(
            {"success": True, "notificationId": sent.notification_id, "recipientCount": streams},
            f"{sent.notification_id}  kept; written to {streams} open stream{'' if streams == 1 else 's'}",
        )


def sends(run: Callable[..., None]) -> Callable[..., None]:
    """As `speaks`, for a command that sends: it is handed a `Sending`."""

    @functools.wraps(run)
    def command(session: Session, *, idempotency_key: str | None, retry_for: float, **given: Any) -> None:
        run(Sending(session, idempotency_key, retry_for), **given)

    return _key(_retry_for(speaks(command)))


def message_of(argument: str) -> str:
    """The text that a MESSAGE stands for: of `-`, what is on standard input."""
    # The end of the last line is `echo`'s, not the message's.
    return standard_input().buffer.read().decode("utf-8").removesuffix("\n") if argument == "-" else argument


@click.command(short_help="Send a notification with TITLE and MESSAGE.")
@click.argument("title")
@click.argument("message")
@click.option("--type", "type_", type=click.Choice(TYPES), help="Severity.  [default: info]")
@click.option("--user", help="Whom to tell; superusers only. Left out: everybody. Others send to themselves.")
@click.option("--device", help="The device it is about.")
@click.option("--not-dismissible", is_flag=True, help="Its readers cannot dismiss it.")
@click.option("--metadata", metavar="JSON", help="An object to go with it, kept as you write it.")
@click.option("--url-link", metavar="URL", help="Where it leads.")
@click.option("--icon", metavar="URL", help="A picture for it.")
@click.option("--tag", multiple=True, help="A word to find it by; may be repeated.")
@click.option("--group", help="What it belongs together with.")
@click.option("--app", help="In the name of this app; superusers only.")
@sends
def send(sending: Sending, title: str, message: str, **given: Any) -> None:
    """Send a notification with TITLE and MESSAGE; a MESSAGE of - is read from standard input.

    Prints its id and to how many open streams it was written. It is kept for all others, too, and once, however many
    attempts it takes.
    """
    sending.session.options = _OPTIONS
    with sending.client() as client:
        sent = client.send(
            title,
            message_of(message),
            type=given["type_"],
            user_id=given["user"],
            device_id=given["device"],
            dismissible=False if given["not_dismissible"] else None,
            metadata=given["metadata"],
            url=given["url_link"],
            icon=given["icon"],
            tags=given["tag"],
            group=given["group"],
            app_id=given["app"],
            idempotency_key=sending.key,
        )
    sending.show(sent)
    if given["user"] is not None and (reader := _reader_instead(sending.session, given["user"])):
        complain(f"--user is for superusers: it went to yourself, {reader}")


def _reader_instead(session: Session, user: str) -> str:
    """Who has got what was sent to a user: an empty string for that user, and where it cannot be told now."""
    from tocsin.client import Client, ClientError

    try:
        with Client(session.url, session.token, retry_for=0) as client:
            me = holding(client.call("GET", "auth", "me"), "id", "superuser")
    except ClientError:
        return ""
    return "" if me["superuser"] or me["id"] == user else str(me["id"])
