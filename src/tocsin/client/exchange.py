"""How a client judges what came back, without doing any I/O.

Whoever does the I/O, blocking or not, sends a `Request`, hands the `Answer` to `judge`, and when that or the network
failed asks a `Trying` whether to try again, and when. For streams see `tocsin.client.following`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import NamedTuple, TypeAlias, TypeVar

import msgspec

from tocsin.client.answer import Outcome
from tocsin.client.errors import (
    ClientError,
    Forbidden,
    NotFound,
    Refused,
    Unauthenticated,
    Unreachable,
    WholeRefused,
    not_tocsin,
)
from tocsin.client.request import Request

T = TypeVar("T")

FIRST_DELAY = 0.25
LONGEST_DELAY = 30.0
LONGEST_RETRY_AFTER = 300.0
"""Seconds: how long the first wait is, the longest of one's own, and the longest that a stream is put off for."""

ANSWER_SECONDS = 30.0
SHORTEST_ANSWER_SECONDS = 1.0
"""How long a single attempt waits for its answer, and the least when several share what time there is."""


RETRY_FOR_SECONDS = 30.0
TRIES = 100
"""When a client gives up on a request, unless it is told otherwise."""

Waiting: TypeAlias = Callable[[str, float], None]
"""Who is told why something failed for now, and for how many seconds the next attempt is put off."""


def ignore(why: str, seconds: float) -> None:
    """Whom nothing is told."""


def check(*, tries: int, retry_for: float) -> None:
    """Raises ValueError where nobody can try so often, or for so long."""
    if not retry_for >= 0 or tries < 1:
        raise ValueError("retry_for must not be negative, and tries at least 1")


_NO_CONTENT = 204

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading JSON raises that is none, or is nested deeper than anybody means."""


class Answer(NamedTuple):
    """What a server answered; headers by name in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Said(msgspec.Struct):
    error: str = ""
    code: str = ""
    results: list[Outcome] | None = None


def judge(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Let a success pass.

    Parameters:
        headers: by name in lower case.

    Raises:
        Refused: anything else, as the kind that the status says. ClientError: a success without a word that it is
            one, which a proxy gives that knows no such path.
    """
    if 200 <= status < 300:
        if not body and status != _NO_CONTENT:
            raise not_tocsin("the answer")
        return
    try:
        said = msgspec.json.decode(body, type=_Said)
    except UNREADABLE:
        said = _Said()
    sentence = said.error or f"answered {status}, and not as a Tocsin server does: is the address right?"
    if said.results is not None:
        raise WholeRefused(sentence, status=status, code=said.code, results=said.results)
    kind = {401: Unauthenticated, 403: Forbidden, 404: NotFound}.get(status, Refused)
    raise kind(sentence, status=status, code=said.code, retry_after=_retry_after(headers))


def read(body: bytes, form: type[T]) -> T:
    """A successful answer's body.

    Raises:
        ClientError: it is not what a Tocsin server answers.
    """
    try:
        return msgspec.json.decode(body, type=form)
    except UNREADABLE:
        raise not_tocsin("the answer") from None


class _Readiness(msgspec.Struct):
    ready: bool
    reasons: list[str] = []


def read_readiness(answer: Answer, now: float) -> tuple[bool, list[str], float]:
    """Whether the server should get traffic, why not, and how many seconds its clock is ahead of ours.

    Parameters:
        now: seconds since 1970, by our clock.

    Raises:
        Refused, ClientError: not a Tocsin server.
    """
    if answer.status != 503:
        judge(*answer)
    said, date = read(answer.body, _Readiness), answer.headers.get("date")
    return said.ready, said.reasons, 0.0 if date is None else parsedate_to_datetime(date).timestamp() - now


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; a date counts from the answer's own, so that nobody's clock need be right (RFC 9110 10.2.3)."""
    text = headers.get("retry-after", "")
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        until = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, until.total_seconds())


# ---------------------------------------------------------------- trying again


def retry_delay(attempt: int, chance: float, retry_after: float | None = None) -> float:
    """Seconds to wait before trying again; spread out, so that a thousand clients do not come back as one.

    Parameters:
        attempt: how often it has failed so far, less one.
        chance: 0 to 1, drawn anew each time.
        retry_after: seconds that the server asked for; never less than that, up to five minutes.
    """
    longest = min(LONGEST_DELAY, FIRST_DELAY * (1 << min(attempt, 10)))
    own = longest * (0.5 + 0.5 * chance)
    if retry_after is None:
        return own
    return max(own, min(retry_after, LONGEST_RETRY_AFTER) * (1 + 0.25 * chance))


class Trying:
    """One request over all its attempts. For each: give it `answer_seconds`, and when it failed, ask `failed`.

    Parameters:
        tries: most attempts.
        retry_for: seconds after the start of the first attempt when no other is begun any more; 0: one attempt.
    """

    def __init__(self, request: Request, *, tries: int, retry_for: float) -> None:
        self._request = request
        self._tries = tries
        self._retry_for = retry_for
        self._doubtful = False
        self.attempt = 0

    def answer_seconds(self, elapsed: float) -> float:
        """How long the next attempt waits for its answer: half of what is left, so that there is time for another.

        Parameters:
            elapsed: seconds since the start of the first attempt.
        """
        if not self._request.safe or self._tries <= 1 or self._retry_for <= 0:
            return ANSWER_SECONDS
        return min(ANSWER_SECONDS, max(SHORTEST_ANSWER_SECONDS, (self._retry_for - elapsed) / 2))

    def failed(self, why: ClientError, elapsed: float, chance: float) -> float:
        """Seconds to wait before the next attempt.

        Parameters:
            elapsed: seconds since the start of the first attempt.
            chance: 0 to 1, drawn anew each time.

        Raises:
            ClientError: `why` itself, when trying again is of no use, would do harm, or would take too long. Whether
                any of the attempts may have had its effect is then its `doubtful`.
        """
        self._doubtful = why.doubtful = why.doubtful or self._doubtful
        left = self._retry_for - elapsed
        asked = (why.retry_after or 0.0) if isinstance(why, Refused) else 0.0
        if not _worth_repeating(self._request, why) or self.attempt + 1 >= self._tries or left <= 0 or asked > left:
            raise why
        delay = max(retry_delay(self.attempt, chance), asked * (1 + 0.25 * chance))
        self.attempt += 1
        # The last attempt is made when time is up, not before.
        return min(delay, left)


def _worth_repeating(request: Request, why: ClientError) -> bool:
    if isinstance(why, Refused):
        return why.temporary and (request.safe or why.status == 429)
    return isinstance(why, Unreachable) and why.temporary and (request.safe or not why.doubtful)
