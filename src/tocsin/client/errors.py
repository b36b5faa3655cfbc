"""What can go wrong between a client and its server, as one tree.

ClientError
├── Unreachable            no answer: no connection, a timeout, or bytes that are no HTTP
├── Refused                the server answered, and the answer is no
│   ├── Unauthenticated    401
│   ├── Forbidden          403
│   ├── NotFound           404
│   └── WholeRefused       422 to `send_many(…, whole=True)`: nothing was kept
└── StreamEnded            a stream is over and would not come back unchanged
"""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.client.answer import Outcome


class ClientError(Exception):
    """Base of everything the client raises on purpose; `str()` of it is a sentence for its reader.

    Attributes:
        doubtful: the request may have had its effect all the same, at this attempt or an earlier one.
    """

    doubtful = False


class Unreachable(ClientError):
    """Nobody answered, or not in HTTP.

    Attributes:
        temporary: it may be otherwise later; False where the server's certificate is not trusted.
    """

    def __init__(self, sentence: str, *, doubtful: bool = True, temporary: bool = True) -> None:
        self.doubtful = doubtful
        self.temporary = temporary
        super().__init__(sentence)


class Refused(ClientError):
    """The server answered with something else than success.

    Attributes:
        status: of the answer.
        code: the server's stable word for it, empty where it gave none.
        retry_after: seconds the server asks to wait, None where it did not.
        temporary: the same request may succeed later without being changed.
    """

    def __init__(self, sentence: str, *, status: int, code: str = "", retry_after: float | None = None) -> None:
        self.status = status
        self.code = code
        self.retry_after = retry_after
        # A 503 may come after the server has begun to write, and a proxy's 502 or 504 after it has written.
        self.doubtful = status >= 500
        super().__init__(sentence)

    @property
    def temporary(self) -> bool:
        return self.status in (429, 500, 502, 503, 504)


class Unauthenticated(Refused):
    """No credential, or one that does not hold."""


class Forbidden(Refused):
    """The credential holds, but does not reach this far."""


class NotFound(Refused):
    """It is not there, or not for this credential to see."""


class WholeRefused(Refused):
    """Nothing of what was to be kept as a whole was kept.

    Attributes:
        results: what would have become of each, in their order.
    """

    def __init__(self, sentence: str, *, status: int, code: str, results: Sequence[Outcome]) -> None:
        self.results = results
        super().__init__(sentence, status=status, code=code)


class StreamEnded(ClientError):
    """The server closed a stream for good.

    Attributes:
        code: the close code (44xx).
    """

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"the server closed the stream: {reason} ({code})")


def not_tocsin(what: str) -> ClientError:
    """What came is not what a Tocsin server says.

    Parameters:
        what: came: "the answer", "the stream".
    """
    return ClientError(f"{what} is not that of a Tocsin server: is the address right?")
