"""What commands that speak to a server share: where it is, who asks, and how refusals end the program."""

from __future__ import annotations

import errno
import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import click

from tocsin.cli import exits
from tocsin.cli.terminal import complain, done, not_printed, plain, show_json
from tocsin.credentials.key import DEV_KEY

if TYPE_CHECKING:
    from tocsin.client import Client

DEFAULT_URL = "http://127.0.0.1:8000"

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
_url = click.option(
    "--url", envvar="TOCSIN_URL", default=DEFAULT_URL, show_default=True, show_envvar=True, help="The server."
)
_token = click.option(
    "--token",
    envvar="TOCSIN_TOKEN",
    show_envvar=True,
    help="An API key, or what `tocsin token` prints. Others on this machine can see options: prefer the variable.",
)

_HUNG_UP = (
    "Server disconnected without sending a response",
    "did not receive a valid HTTP response",
    "Connection reset by peer",
)
"""What the libraries and the system say where a connection was ended without an answer, by requests and by streams."""


class Session:
    """One command's way to its server.

    Attributes:
        as_json: print for programs.
        signing_in: with a name and a password, so that a 401 speaks of those.
        as_app: the id of an app whose secret the token has to be, so that a 401 speaks of that,
            and a 404 of who has installed it.
        runs_on: the data folder of a server that runs, so that nobody at the URL speaks of that.
        options: the options that fields of the request were given by, where they have another name, so that what is
            wrong with a field speaks of those.
    """

    def __init__(self, url: str, token: str | None, *, as_json: bool) -> None:
        self.url = url
        self.token = token or None
        self.as_json = as_json
        self.signing_in = False
        self.as_app = ""
        self.runs_on = ""
        self.options: Mapping[str, str] = {}

    @contextmanager
    def client(self, *, retry_for: float = 0.0, doubt: str = "") -> Iterator[Client]:
        """A client; what it raises ends the program with a sentence and the right status.

        Parameters:
            retry_for: seconds to go on trying, said on standard error each time; 0: not at all.
            doubt: said, too, when the request may have had its effect all the same.
        """
        # Here and not above: `tocsin --help` and `tocsin serve` need no HTTP client, and it is slow to import.
        from tocsin.client import Client, ClientError, Refused, Unauthenticated, Unreachable

        try:
            with Client(self.url, self.token, retry_for=retry_for, waiting=say_waiting) as client:
                yield client
        except ClientError as error:
            status, sentence = exits.FAILED, str(error)
            if isinstance(error, Unauthenticated):
                status, sentence = exits.UNAUTHENTICATED, f"{error}. {self._hint()}"
            elif isinstance(error, Refused):
                status, sentence = exits.of_answer(error.status), self._by_option(sentence)
                if status == exits.LATER and error.retry_after:
                    sentence += f"; try again in {error.retry_after:.0f} s"
                if status == exits.NOT_FOUND and self.as_app:
                    sentence += f". If there is such a user, they have not installed the app {self.as_app}:"
                    sentence += f" `tocsin app install {self.as_app} --user NAME`, with a superuser's token, does."
            elif isinstance(error, Unreachable):
                hint = f". {self._elsewhere()}" if error.temporary else ""
                if "WRONG_VERSION_NUMBER" in str(error):
                    hint += " It seems to speak http, not https."
                elif self.url.startswith("http:") and any(words in str(error) for words in _HUNG_UP):
                    hint += " It hung up: does it speak https?"
                status, sentence = exits.UNREACHABLE, f"{str(error).rstrip('.')}{hint}"
            complain(sentence)
            if error.doubtful and doubt:
                complain(doubt)
            sys.exit(status)
        except UnicodeError:
            complain("a text given is not UTF-8")
            sys.exit(exits.USAGE)
        except ValueError as error:
            raise click.UsageError(plain(str(error))) from None

    def show(self, value: Any, text: str) -> None:
        """Print the one as JSON, or the other for people; texts are neutralised."""
        if self.as_json:
            show_json(value)
        else:
            click.echo(plain(text, lines=True))

    def show_done(self, value: Any, text: str) -> None:
        """As `show`, of what is done: that it cannot be printed makes no failure of it."""
        with done():
            self.show(value, text)

    def show_once(self, value: Any, text: str, *, lost: str) -> None:
        """As `show`, of what cannot be had again: where it cannot be printed, that is a failure.

        Parameters:
            lost: said then: what was made all the same, and what to do about it.
        """
        try:
            if sys.stdout is None:
                raise OSError(errno.EBADF, "closed")
            self.show(value, text)
        except OSError as error:
            if sys.stdout is not None:
                not_printed(error)
            complain(lost)
            sys.exit(exits.FAILED)

    def _by_option(self, sentence: str) -> str:
        field, colon, why = sentence.partition(": ")
        return f"{self.options.get(field, field)}{colon}{why}"

    def _elsewhere(self) -> str:
        if self.runs_on:
            return f"A server runs on {self.runs_on}: where does it listen? Say it by --url (TOCSIN_URL)."
        return "Is it running, and is --url (TOCSIN_URL) right?"

    def _hint(self) -> str:
        if self.signing_in:
            return "The name or the password is wrong, or the user is disabled."
        if self.as_app:
            return f"The token has to be a secret of the app {self.as_app}: `tocsin app secret create` makes one."
        if self.token is not None:
            return "The token (--token, TOCSIN_TOKEN) does not hold here: it is wrong, expired or revoked."
        hint = "Set TOCSIN_TOKEN to an API key, or to what `tocsin token --user NAME` prints"
        if "//127.0.0.1" in self.url or "//localhost" in self.url or "//[::1]" in self.url:
            hint += f"; a server started with --dev knows TOCSIN_TOKEN={DEV_KEY}"
        return f"{hint}."


def holding(answer: Any, *names: str) -> dict[str, Any]:
    """An answer that is an object with these fields.

    Raises:
        ClientError: it is not that of a Tocsin server. To be called where the client is open.
    """
    from tocsin.client.errors import not_tocsin

    if not isinstance(answer, dict) or not all(name in answer for name in names):
        raise not_tocsin("the answer")
    return answer


def empty(answer: Any) -> None:
    """An answer that has nothing to say, as to a DELETE: it is done.

    Raises:
        ClientError: as `holding`.
    """
    from tocsin.client.errors import not_tocsin

    if answer is not None:
        raise not_tocsin("the answer")


def say_waiting(why: str, seconds: float) -> None:
    """Say on standard error that it failed for now and goes on."""
    complain(f"{why}; trying again in {seconds:.1f} s")


def speaks(run: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--url`, `--token` and `--json`, and hand it a `Session` as its first argument."""

    @functools.wraps(run)
    def command(*, url: str, token: str | None, as_json: bool, **given: Any) -> None:
        run(Session(url, token, as_json=as_json), **given)

    return _url(_token(as_json(command)))


def standard_input() -> TextIO:
    """What a command reads from.

    Raises:
        UsageError: whoever started it has closed it (`<&-`).
    """
    if sys.stdin is None:
        raise click.UsageError("there is no standard input to read from")
    return sys.stdin


def read_password(prompt: str, *, twice: bool = False) -> str:
    """A password: asked for on a terminal, else the first line of standard input.

    Parameters:
        twice: asked for again, for a new one.
    """
    given = standard_input()
    if given.isatty():
        text: str = click.prompt(prompt, hide_input=True, confirmation_prompt=twice, err=True)
        return text
    try:
        line = given.readline()
    except UnicodeDecodeError:
        raise click.UsageError("the password given is not UTF-8") from None
    if not line:
        raise click.UsageError("no terminal to ask for the password at, and nothing on standard input")
    return line.rstrip("\r\n")
