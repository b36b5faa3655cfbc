"""AsyncAPI 3.0 of the stream `/notifications`."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from tocsin import __version__
from tocsin.api.answer import Answer
from tocsin.api.call import Call
from tocsin.live.closing import CLOSES, Close
from tocsin.live.stream import COMMANDS, PING
from tocsin.notification import TYPES
from tocsin.wire import Flat, encode

Json = dict[str, Any]

_POSITION: Json = {"type": "string", "pattern": "^[0-9a-f]{8}-(0|[1-9][0-9]{0,17})$"}

_TEXT: Json = {"type": "string"}
_TIME: Json = {"type": ["string", "null"], "format": "date-time"}
_MAYBE: Json = {"type": ["string", "null"]}
_STATE: Json = {"read": _TIME, "dismissed": _TIME, "acknowledged": _TIME}
_COUNT: Json = {"type": "integer", "minimum": 0}


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


_EVENTS: dict[str, tuple[str, Json]] = {
    "hello": ("Opens the stream; `position` is where it starts from.", {"type": "object"}),
    "caught-up": ("What was missed is told; from here on things come as they happen.", {"type": "object"}),
    "gap": (
        (
            "Something is gone: up to `oldest` retention has removed what this stream had not had, or, where `oldest` "
            "is `position`, the `since` it was given is not of this log. It goes on from `position`."
        ),
        _object(oldest=_POSITION),
    ),
    "receipt": (
        "What this user has done with a notification: its three times, null for not at all.",
        _object(id=_TEXT, first=_POSITION, **_STATE),
    ),
    "mark": (
        "What is unread, has `since` up to `upTo`, is of `type` and about `deviceId` (null: any), was read at `at`.",
        _object(upTo=_POSITION, type=_MAYBE, deviceId=_MAYBE, at={**_TEXT, "format": "date-time"}),
    ),
    "withdrawn": ("A notification was taken back.", _object(id=_TEXT, first=_POSITION)),
    "purged": (
        'Retention removed what has `first` up to `upTo`: broadcasts or own ones, of `appId` (null: any; "": none).',
        _object(upTo=_POSITION, broadcasts={"type": "boolean"}, appId=_MAYBE),
    ),
    "unread": (
        (
            "How many notifications are unread, as of `position` in its data; after `caught-up`, and when it has "
            "changed by other than new ones, at most once in 250 ms. Has no place in the log."
        ),
        _object(total=_COUNT, types=_object(**dict.fromkeys(TYPES, _COUNT)), position=_POSITION),
    ),
    "refused": (
        "A command that was not followed, and why: `id` is what it named. Has no place in the log.",
        _object(command={"enum": sorted(COMMANDS)}, id=_TEXT, code=_TEXT, error=_TEXT),
    ),
    "pong": ("The answer to `ping`, with its text. Has no place in the log.", _object(ping=_TEXT)),
}

_WITHOUT_PLACE = {"error", "unread", "refused", "pong"}

_COMMANDS: dict[str, str] = {
    "read": "I have read the notification of this id.",
    "dismiss": "I dismiss it.",
    "acknowledge": "I acknowledge it.",
    "received": "Everything up to this position of the stream has arrived.",
    PING: "Are you there? Nobody needs to be signed in for it; `pong` has the same text.",
}


async def stream_document(call: Call) -> Answer:
    """`GET /asyncapi.json`."""
    return Answer(200, _written())


@cache
def _written() -> bytes:
    return encode(describe())


def describe() -> Json:
    """The document as an object."""
    _, schemas = msgspec.json.schema_components([Flat], ref_template="#/components/schemas/{name}")
    messages = {"notification": _notification(), "enveloped": _enveloped(), "auth": _auth(), "end": _end()}
    messages |= {name: _event(name, says, data) for name, (says, data) in _EVENTS.items()}
    told = [name for name in messages if name != "auth"]
    messages["command"] = _command()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tocsin stream",
            "version": __version__,
            "description": "One URL, three skins: a WebSocket on `Upgrade`, Server-Sent Events on `Accept: "
            "text/event-stream`, NDJSON on `Accept: application/x-ndjson`. A plain WebSocket gets notifications and "
            "nothing else; the subprotocol `tocsin.v1` puts every event into an envelope with its position. On SSE a "
            "notification is an unnamed event whose `id` is the position; everything else is a named event.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "notifications": {
                "address": "/notifications",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"method": "GET", "query": _query()}},
            }
        },
        "operations": {
            "watch": {
                "action": "send",
                "summary": "What the server tells",
                "channel": {"$ref": "#/channels/notifications"},
                "messages": [{"$ref": f"#/channels/notifications/messages/{name}"} for name in told],
            },
            "authenticate": {
                "action": "receive",
                "summary": "What a WebSocket without another credential says first",
                "channel": {"$ref": "#/channels/notifications"},
                "messages": [{"$ref": "#/channels/notifications/messages/auth"}],
            },
            "command": {
                "action": "receive",
                "summary": "What a user may ask for on a WebSocket with `tocsin.v1`",
                "channel": {"$ref": "#/channels/notifications"},
                "messages": [{"$ref": "#/channels/notifications/messages/command"}],
            },
        },
        "components": {"messages": messages, "schemas": schemas},
        "x-close-codes": {str(int(code)): says for code, says in CLOSES.items()},
    }


def _query() -> Json:
    text = {"type": "string"}
    return {
        "type": "object",
        "properties": {
            "since": {**_POSITION, "description": "Resume right after this position."},
            "deviceId": {"type": "array", "items": text, "description": "Only notifications about these devices."},
            "protocol": {"const": "tocsin.v1", "description": "As the subprotocol, for clients that cannot set one."},
            "token": {**text, "description": "A JWT, for clients that cannot set headers."},
            "ticket": {**text, "description": "A single-use ticket of `POST /api/auth/ticket`."},
            "auth": {
                "const": "frame",
                "description": "The first frame brings the credential.",
            },
        },
    }


def _notification() -> Json:
    return {
        "title": "A notification",
        "summary": "The flat object: nine keys always, others only where the sender used them.",
        "payload": {"$ref": "#/components/schemas/Flat"},
    }


def _enveloped() -> Json:
    return {
        "title": "A notification in an envelope",
        "summary": "On `tocsin.v1`: with its places in the log, and when this user did what.",
        "payload": _envelope(
            "notification",
            {"allOf": [{"$ref": "#/components/schemas/Flat"}, _object(first=_POSITION, since=_POSITION, **_STATE)]},
        ),
    }


def _auth() -> Json:
    return {
        "title": "Who it is",
        "summary": "A token or an API key, within 5 seconds where no credential came before.",
        "payload": {
            "type": "object",
            "properties": {"auth": {"type": "string"}},
            "required": ["auth"],
            "additionalProperties": False,
        },
    }


def _command() -> Json:
    return {
        "title": "A command",
        "summary": "Followed in order; what is refused is told by `refused`.",
        "payload": {"oneOf": [_said(verb, says) for verb, says in _COMMANDS.items()]},
    }


def _said(verb: str, says: str) -> Json:
    value = _POSITION if verb == "received" else _TEXT
    return {**_object(**{verb: {**value, "description": says}}), "additionalProperties": False}


def _end() -> Json:
    data = {"type": "object", "properties": {"code": {"enum": [int(code) for code in Close]}, "reason": _TEXT}}
    return {
        "title": "The end",
        "summary": "On SSE (the event `error`) and NDJSON: why the stream ends, with the code a WebSocket would get.",
        "payload": _envelope("error", {**data, "required": ["code", "reason"]}),
    }


def _event(name: str, says: str, data: Json) -> Json:
    return {"title": name, "summary": says, "payload": _envelope(name, data)}


def _envelope(event: str, data: Json) -> Json:
    position: Json = {"type": "null"} if event in _WITHOUT_PLACE else _POSITION
    return {
        "type": "object",
        "properties": {"event": {"const": event}, "position": position, "data": data},
        "required": ["event", "position", "data"],
    }
