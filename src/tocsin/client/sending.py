"""What a client sends: one notification, many, or one as an app."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Required, TypedDict, Unpack

import msgspec

from tocsin import wire
from tocsin.client import request
from tocsin.client.answer import Outcome, Sent
from tocsin.client.call import Call, know, reading, several
from tocsin.client.exchange import read
from tocsin.client.request import api


class Fields(TypedDict, total=False):
    """What a notification can have besides title and message; None is as left out.

    type: info (the server's choice when left out), success, warning, error or emergency. user_id: whom to tell; left
    out: oneself, or everybody when the credential is a superuser's. metadata: an object, or its JSON text, which is
    kept as it is written. app_id: in the name of this app; superusers only.
    """

    type: str | None
    user_id: str | None
    device_id: str | None
    dismissible: bool | None
    metadata: Mapping[str, Any] | str | None
    url: str | None
    icon: str | None
    tags: str | Sequence[str] | None
    group: str | None
    app_id: str | None


class Outgoing(Fields):
    """One notification to be sent."""

    title: Required[str]
    message: Required[str]


def send(title: str, message: str, *, idempotency_key: str | None = None, **fields: Unpack[Fields]) -> Call[Sent]:
    """Send a notification. When this returns, it is kept, and once, however many attempts it took.

    Parameters:
        fields: as Fields says: type, user_id, device_id, dismissible, metadata, url, icon, tags, group, app_id.
        idempotency_key: the same send made again under the same key, be it by another process, gives the same
            notification, for a day; one of its own when None.

    Raises:
        Refused, Unreachable: it was not taken, unless `doubtful`: then the same send with the same key finds out.
        ValueError: metadata is no JSON object or holds NaN or an infinity, a text is not Unicode, or the key is none.
    """
    body = _body({"title": title, "message": message, **fields})
    return Call(request.once(api("POST", "notifications", "send", body=body), idempotency_key), reading(Sent))


def send_many(
    items: Iterable[Outgoing], *, whole: bool = False, idempotency_key: str | None = None
) -> Call[Sequence[Outcome]]:
    """Send many notifications in one request: `[{"title": "…", "message": "…", "user_id": "anna"}, …]`.

    Parameters:
        items: to 10,000, in the order in which they are to be kept; at most 8 MiB of JSON.
        whole: all of them or none; to 1,000.
        idempotency_key: as of `send`, for all of them together.

    Returns:
        What became of each, in their order. One that is refused does not hold up the others, unless `whole`.

    Raises:
        WholeRefused: nothing was kept; its `results` say why. Else as `send`.
    """
    asked = api(
        "POST",
        "notifications",
        "batch",
        query=[("whole", "true")] if whole else [],
        body=[_body(item) for item in items],
    )
    return Call(request.once(asked, idempotency_key), _read_outcomes)


def _body(item: Outgoing) -> dict[str, object]:
    know(item, Outgoing)
    values = {**item, "tags": several(item.get("tags") or ()) or None, "metadata": _metadata(item.get("metadata"))}
    return {wire.camel(name): value for name, value in values.items() if value is not None}


def _metadata(given: Mapping[str, Any] | str | None) -> Any:
    if not isinstance(given, str):
        if not _is_finite(given):
            raise ValueError("metadata holds a number that is none in JSON: NaN, or an infinity")
        return given
    # Looked at before it is put between the other fields: half a text must not become a field of its own.
    try:
        value = json.loads(given)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ValueError("metadata must be a JSON object")
    return msgspec.Raw(given.encode())


def _is_finite(value: object) -> bool:
    # An encoder would make null of it, without a word.
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))
    return not isinstance(value, (list, tuple)) or all(map(_is_finite, value))


def send_as_app(app_id: str, user_id: str, message: str, *, idempotency_key: str | None = None) -> Call[Sent]:
    """Send as an app to a user who installed it; the token is the app's secret. Otherwise as `send`.

    Raises:
        Refused: 429 when the app has sent that user all it may in this hour. Else as `send`.
    """
    return Call(request.once(request.send_as_app(app_id, user_id, message), idempotency_key), reading(Sent))


class _Outcomes(msgspec.Struct):
    results: list[Outcome]


def _read_outcomes(body: bytes) -> Sequence[Outcome]:
    return read(body, _Outcomes).results
