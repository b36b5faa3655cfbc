"""Why a stream ends: close codes. 44xx: do not come back unchanged; 45xx, 1012 and 1013: come back later."""

from __future__ import annotations

from enum import IntEnum

from tocsin.errors import Forbidden, Refusal, Unauthenticated, Unavailable


class Close(IntEnum):
    """WebSocket close codes (RFC 6455 §7.4), ours from the private range; on SSE and NDJSON told in `error`."""

    PROTOCOL = 1002
    """The peer broke the protocol."""
    NOT_TEXT = 1003
    """A binary frame; everything here is text."""
    NOT_UTF8 = 1007
    """A text frame that is not UTF-8."""
    RESTART = 1012
    """The server goes down or starts anew."""
    OVERLOAD = 1013
    """The server has too much to do."""
    BAD_FRAME = 4400
    """A frame or a parameter that cannot be understood."""
    BAD_CREDENTIAL = 4401
    """A credential that does not hold, or no longer does."""
    FORBIDDEN = 4403
    """A credential that may not stream."""
    NO_CREDENTIAL = 4408
    """None came in time."""
    REVOKED = 4410
    """The key, token or user was revoked."""
    TOO_MANY_STREAMS = 4413
    """This user has too many streams open."""
    SLOW = 4508
    """The reader took nothing for too long, or left pings unanswered."""
    LOST = 4510
    """Something is gone that this stream has no other way to be told of."""
    TOO_FAST = 4529
    """The peer sends more than it may."""


def close_code(refusal: Refusal) -> Close:
    """What a refusal is on a WebSocket."""
    match refusal:
        case Unauthenticated():
            return Close.BAD_CREDENTIAL
        case Forbidden():
            return Close.FORBIDDEN
        case Unavailable():
            return Close.OVERLOAD
        case _:
            return Close.BAD_FRAME
