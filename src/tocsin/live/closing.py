"""Why a stream ends: close codes. 44xx: do not come back unchanged; 45xx, 1012 and 1013: come back later."""

from __future__ import annotations

from enum import IntEnum

from tocsin.errors import Forbidden, Refusal, Unauthenticated, Unavailable


class Close(IntEnum):
    """WebSocket close codes (RFC 6455 §7.4), ours from the private range; on SSE and NDJSON told in `error`."""

    PROTOCOL = 1002
    NOT_TEXT = 1003
    NOT_UTF8 = 1007
    RESTART = 1012
    OVERLOAD = 1013
    BAD_FRAME = 4400
    BAD_CREDENTIAL = 4401
    FORBIDDEN = 4403
    NO_CREDENTIAL = 4408
    REVOKED = 4410
    TOO_MANY_STREAMS = 4413
    SLOW = 4508
    LOST = 4510
    TOO_FAST = 4529


CLOSES: dict[Close, str] = {
    Close.PROTOCOL: "The peer broke the WebSocket protocol.",
    Close.NOT_TEXT: "A binary frame; everything here is text.",
    Close.NOT_UTF8: "A text frame that is not UTF-8.",
    Close.RESTART: "The server goes down or starts anew. Come back later.",
    Close.OVERLOAD: "The server has too much to do, or cannot answer yet. Come back later.",
    Close.BAD_FRAME: "A frame or a parameter that cannot be understood. Do not come back unchanged.",
    Close.BAD_CREDENTIAL: "A credential that does not hold, or no longer does. Do not come back unchanged.",
    Close.FORBIDDEN: "A credential that may not stream. Do not come back unchanged.",
    Close.NO_CREDENTIAL: "No credential within 5 seconds. Do not come back unchanged.",
    Close.REVOKED: "The key, token or user was revoked. Do not come back unchanged.",
    Close.TOO_MANY_STREAMS: "This user has too many streams open. Do not come back unchanged.",
    Close.SLOW: "The reader took nothing for 8 seconds, or left two pings unanswered. Come back and resume.",
    Close.LOST: "Something is gone that a flat WebSocket has no other way to be told of. Come back without `since`.",
    Close.TOO_FAST: "The peer sends more than it may. Come back later.",
}
"""Every close code, for people."""


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
