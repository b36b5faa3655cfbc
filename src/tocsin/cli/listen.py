"""`tocsin listen`."""

from __future__ import annotations

import json
import os
import select
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from tocsin.cli import exits
from tocsin.cli.session import Session, say_waiting, speaks
from tocsin.cli.terminal import complain, not_printed, plain, plain_json, say

if TYPE_CHECKING:
    from tocsin.cli.place import Place
    from tocsin.client import Notification, Stream

_COLOURS = {"success": "green", "warning": "yellow", "error": "red", "emergency": "bright_red"}


@click.command()
@click.option("--since", metavar="POSITION", help="Go on right after this position, as --json gave it.")
@click.option("--keep", metavar="FILE", help="Keep there how far it got, and go on from there after a start.")
@click.option("--device", multiple=True, metavar="ID", help="Only notifications about this device; may be repeated.")
@click.option("--exec", "command", metavar="CMD", help="Run this for each; no shell, the JSON is on its stdin.")
@click.option("--quiet", "-q", is_flag=True, help="With --exec: print no notifications.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many.")
@speaks
def listen(session: Session, since: str | None, device: Sequence[str], **given: Any) -> None:
    """Print notifications as they come, each once, until Ctrl-C.

    A lost connection is made again by itself, and what came meanwhile is printed then. With --json one object a
    line, whose `position` can be given to --since.

    With --keep, what is sent while it is not running is printed when it is started again, and it waits for a server
    that is not there yet. FILE is for one listener alone.

    CMD finds TOCSIN_ID, TOCSIN_TYPE, TOCSIN_TITLE, TOCSIN_MESSAGE, TOCSIN_DEVICE_ID, TOCSIN_USER_ID,
    TOCSIN_TIMESTAMP and TOCSIN_POSITION in its environment. One runs at a time, in order.

    \b
        tocsin listen --exec 'notify-send --app-name tocsin'
    """
    from tocsin.client import CaughtUp, Gap, Notification

    arguments = _arguments(given["command"])
    if given["quiet"] and not arguments:
        raise click.UsageError("--quiet without --exec would do nothing")
    _check(since)
    place = _place(given["keep"])
    if place is not None and place.position:
        since = place.position
    signal.signal(signal.SIGTERM, _terminated)
    left: int | None = given["count"]
    listening = False

    def wait(why: str, seconds: float) -> None:
        nonlocal listening
        listening = False
        say_waiting(why, seconds)

    if session.token is None:
        if os.environ.get("TOCSIN_TOKEN") == "":
            # What was to fill it has failed, and what is one's own would be waited for in vain.
            raise click.UsageError("TOCSIN_TOKEN is empty; unset it to listen to what goes to everyone")
        say("tocsin: no TOCSIN_TOKEN: asking for broadcasts only")
    with (
        session.client() as client,
        client.stream(since, events=True, devices=device, waiting=wait, patient=place is not None) as stream,
        nullcontext() if given["quiet"] else _while_read(stream),
    ):
        for event in stream:
            if not listening:
                listening = True
                complain(f"listening at {client.url}")
            if isinstance(event, Gap):
                complain(f"some notifications can no longer be had; going on from {event.position}")
            elif isinstance(event, Notification):
                if not given["quiet"]:
                    _show(event, session)
                if arguments:
                    _run(arguments, event)
            # Of a first start that is where it begins, and after years without a notification not years ago.
            if place is not None and isinstance(event, (Notification, Gap, CaughtUp)):
                place.keep(event.position)
            if isinstance(event, Notification):
                stream.confirm(event.position)
                if left is not None and (left := left - 1) == 0:
                    return


@contextmanager
def _while_read(stream: Stream[Any]) -> Iterator[None]:
    """End quietly once nobody reads what is printed (`| head`), and not only when there is more to print."""
    # Closed by who started it (`>&-`), there is no such stream, and nothing is printed.
    if sys.stdout is not None and stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode):
        threading.Thread(target=_await_hangup, args=(sys.stdout.fileno(), stream), daemon=True).start()
    try:
        yield
    except OSError as error:
        not_printed(error)
        if not isinstance(error, BrokenPipeError):
            sys.exit(exits.FAILED)


def _await_hangup(pipe: int, stream: Stream[Any]) -> None:
    poll = select.poll()
    poll.register(pipe, 0)  # errors and hang-ups are told unasked
    if poll.poll():
        stream.close()


def _arguments(command: str | None) -> list[str]:
    if command is None:
        return []
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise click.UsageError(f"--exec: {error}") from None
    if not arguments or shutil.which(arguments[0]) is None:
        raise click.UsageError(f"--exec: there is no command {plain(arguments[0]) if arguments else ''!r}")
    return arguments


def _place(file: str | None) -> Place | None:
    from tocsin.cli.place import Place

    return None if file is None else Place(file)


def _check(since: str | None) -> None:
    from tocsin.errors import Malformed
    from tocsin.position import Position

    try:
        Position.parse(since) if since else None
    except Malformed as error:
        raise click.UsageError(f"--since: {error}") from None


def _terminated(number: int, frame: FrameType | None) -> None:
    sys.exit(exits.TERMINATED)


def _show(notification: Notification, session: Session) -> None:
    if session.as_json:
        click.echo(plain_json(_with_position(notification)))
        return
    about = f"  [{plain(notification.device_id)}]" if notification.device_id else ""
    kind = click.style(f"{plain(notification.type):<9}", fg=_COLOURS.get(notification.type))
    click.echo(f"{plain(notification.timestamp)}  {kind}  {click.style(plain(notification.title), bold=True)}{about}")
    # Indented, so that no line of a message can pass for a notification of its own.
    for line in plain(notification.message, lines=True).split("\n"):
        click.echo(f"    {line}")


def _with_position(notification: Notification) -> str:
    text = notification.text.decode().rstrip()
    return f"{text[:-1]},{json.dumps('position')}:{json.dumps(notification.position)}}}"


def _run(arguments: Sequence[str], notification: Notification) -> None:
    told = {
        "TOCSIN_ID": notification.id,
        "TOCSIN_TYPE": notification.type,
        "TOCSIN_TITLE": notification.title,
        "TOCSIN_MESSAGE": notification.message,
        "TOCSIN_DEVICE_ID": notification.device_id or "",
        "TOCSIN_USER_ID": notification.user_id or "",
        "TOCSIN_TIMESTAMP": notification.timestamp,
        "TOCSIN_POSITION": notification.position,
    }
    # As bytes: in a locale that is not UTF-8 a text could not be put there, and whoever sent it would end us.
    environment = os.environb | {name.encode(): text.replace("\0", "").encode() for name, text in told.items()}
    try:
        done = subprocess.run(
            arguments, input=_with_position(notification).encode() + b"\n", env=environment, check=False
        )
    except OSError as error:
        complain(f"--exec: {error}")
        return
    if done.returncode:
        how = f"ended with {done.returncode}" if done.returncode > 0 else f"was ended by signal {-done.returncode}"
        complain(f"--exec: {arguments[0]} {how} for {notification.id}")
