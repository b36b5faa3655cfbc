"""OpenAPI 3.1, read off the route table."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, get_args, get_origin

import msgspec

from tocsin import __version__
from tocsin.api.answer import Answer, DocumentedError, Problem
from tocsin.api.call import Call
from tocsin.api.endpoint import Handler, Route, Who
from tocsin.api.state import ReadAllBody
from tocsin.notification import TYPES
from tocsin.wire import Inbox, SendBody, camel, encode

Json = dict[str, Any]

_SCHEMES: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `POST /api/auth/login` or of a configured issuer, an API key, or an app secret.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-tocsin",
        "description": "What `POST /api/session` sets; over plain http, and not on loopback, it is called `tocsin`. "
        "For more than reading it needs an `Origin` of this server's own or of `origins`.",
    },
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}

_FROM_WHO: dict[Who, tuple[int, ...]] = {
    Who.ANYBODY: (),
    Who.USER: (401, 403, 503),
    Who.HOLDER: (401, 503),
    Who.SENDER: (401, 403, 503),
    Who.SUPERUSER: (401, 403, 503),
    Who.APP: (401, 503),
}
"""What follows from whom a route admits: identifying somebody reads the store, which may not be there."""

_SECURITY: dict[Who, list[Json]] = {
    Who.ANYBODY: [],
    Who.USER: [{"bearer": []}, {"apiKey": []}, {"session": []}],
    Who.HOLDER: [{"bearer": []}, {"apiKey": []}, {"session": []}],
    Who.SENDER: [{"bearer": []}, {"apiKey": []}, {"session": []}],
    Who.SUPERUSER: [{"bearer": []}, {"apiKey": []}, {"session": []}],
    Who.APP: [{"bearer": []}],
}

_NARROWER: dict[str, list[Json]] = {
    "PUT /api/auth/password": [{"bearer": []}, {"session": []}],
    "DELETE /api/sessions": [{"bearer": []}, {"session": []}],
    "DELETE /api/session": [{"session": []}],
}
"""Routes that refuse an API key (403), and the one that is for a session only."""

_WHY = {
    400: "It cannot be read, or would lose meaning when read.",
    401: "No credential, or one that does not hold.",
    403: "The credential does not reach this far.",
    404: "There is no such thing, or not for this caller.",
    406: "No stream has the form that was asked for.",
    409: "Against the state that the thing is in.",
    413: "The body is larger than it may be.",
    415: "The body is of another type than what is taken.",
    422: "A field is wrong, missing or over its limit; the answer says which and why.",
    429: "Too many; `Retry-After` says when to come back.",
    500: "It failed; nothing is known to have been sent.",
    503: "Not now; `Retry-After` says when to come back.",
}

_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
_ATTRIBUTE = re.compile(r"^    (\w+(?:, \w+)*): (.+(?:\n {5,}.+)*)", re.MULTILINE)
# What is left out there is null to the program, which has its defaults elsewhere.
_WHERE_LEFT_OUT: dict[str, Json] = {SendBody.__name__: {"type": "info", "dismissible": True}}
_MULTIPLE = {"type", "deviceId", "appId", "group"}
_ONCE: Json = {
    "description": "The same send again under the same key, within 24 hours, gives the first answer and "
    "`Idempotency-Replayed: true`; another one is refused with 422.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
_ASKED: Json = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
    "type": {"type": "string", "enum": list(TYPES)},
    "unread": {"type": "boolean"},
    "dismissed": {"type": "boolean"},
    "whole": {"type": "boolean", "default": False},
    "from": {"type": "string", "format": "date-time"},
    "to": {"type": "string", "format": "date-time"},
}
_CAN_BE_LEFT_OUT = {ReadAllBody}
"""Bodies without which a request means something, too."""
_LINK: Json = {
    "Link": {"description": 'The following page, `rel="next"`, where there is one.', "schema": {"type": "string"}}
}


def serving(routes: Sequence[Route]) -> Handler:
    """The handler of `/openapi.json`.

    Parameters:
        routes: the table, looked at when first asked, so that it may still grow.
    """
    written: list[bytes] = []

    async def document(call: Call) -> Answer:
        if not written:
            written.append(encode(describe(routes)))
        return Answer(200, written[0])

    return document


def describe(routes: Sequence[Route]) -> Json:
    """The document as an object."""
    forms = {form for route in routes for form in (route.takes, route.gives[1]) if form is not None}
    forms = {_item(form) or form for form in forms}
    ordered = sorted(forms | {Problem, DocumentedError}, key=lambda form: form.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    for name, schema in schemas.items():
        _spread_description(schema)
        for field, value in _WHERE_LEFT_OUT.get(name, {}).items():
            schema["properties"][field]["default"] = value
    paths: dict[str, Json] = {}
    for route in routes:
        paths.setdefault(route.path.replace(":path}", "}"), {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tocsin",
            "version": __version__,
            "description": "Send with one call, watch as it comes, find it again later. A credential goes into "
            "`Authorization: Bearer …`: a token of `POST /api/auth/login`, an API key, or on an app's route one of "
            "its secrets. An API key may stand in `X-API-Key` instead. The stream is described in `/asyncapi.json`.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "."}],
        "tags": [{"name": name} for name in dict.fromkeys(_tag(route) for route in routes)],
        "paths": paths,
        "components": {"securitySchemes": _SCHEMES, "schemas": schemas},
    }


def statuses(route: Route) -> list[int]:
    """Every status that a route may refuse with."""
    found = {*route.refuses, *_FROM_WHO[route.who]}
    if route.takes is not None:
        found |= {400, 413, 415, 422}
    if route.asks or route.once:
        found |= {400, 422}
    return sorted(found)


def _spread_description(schema: Json) -> None:
    """Move what a docstring says of each attribute to the property that it is on the wire."""
    says, _, attributes = inspect.cleandoc(schema.get("description", "")).partition("\n\nAttributes:\n")
    schema["description"] = says
    for names, sentence in _ATTRIBUTE.findall(attributes):
        for name in names.split(", "):
            schema["properties"][camel(name)]["description"] = " ".join((sentence[:1].upper() + sentence[1:]).split())


def _operation(route: Route) -> Json:
    body, parameters = _body(route), _parameters(route)
    return {
        "operationId": f"{_tag(route)}.{getattr(route.handler, '__name__', '')}",
        "summary": route.says,
        "description": f"Admits {'anybody' if route.who is Who.ANYBODY else route.who.value}.",
        "tags": [_tag(route)],
        **({"parameters": parameters} if parameters else {}),
        **({"requestBody": body} if body else {}),
        "responses": _responses(route),
        "security": _security(route),
    }


def _tag(route: Route) -> str:
    first, *more = route.path.strip("/").split("/")
    if first in ("api", "v2") and more:
        return more[0]
    return "notifications" if first == "notifications" else "server"


def _parameters(route: Route) -> list[Json]:
    found: list[Json] = []
    for name in _PARAMETER.findall(route.path):
        found.append({"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}})
    if route.once:
        found.append({"name": "Idempotency-Key", "in": "header", "required": False, **_ONCE})
    for name, says in route.asks.items():
        schema = _ASKED.get(name, {"type": "string"})
        if name in _MULTIPLE:
            schema = {"type": "array", "items": schema}
        required = route.who is Who.APP
        found.append({"name": name, "in": "query", "required": required, "description": says, "schema": schema})
    return found


def _body(route: Route) -> Json | None:
    if route.takes is None:
        return None
    if (item := _item(route.takes)) is None:
        required = route.takes not in _CAN_BE_LEFT_OUT
        return {"required": required, "content": {"application/json": {"schema": _ref(route.takes)}}}
    kinds = {
        "application/json": {"schema": {"type": "array", "items": _ref(item)}},
        "application/x-ndjson": {"schema": {"type": "string", "description": "One of them on each line."}},
    }
    return {"required": True, "content": kinds}


def _item(form: type) -> type | None:
    """Of what a form is a list; None where it is none."""
    return get_args(form)[0] if get_origin(form) is list else None


def _responses(route: Route) -> Json:
    found: Json = {}
    for status in (route.gives[0], *route.also):
        found[str(status)] = {"description": HTTPStatus(status).phrase, **_content(route)}
    for status in statuses(route):
        # `/readyz` answers its own form with 503, which is no refusal.
        if str(status) not in found:
            found[str(status)] = _refusal(route, status)
    return dict(sorted(found.items()))


def _content(route: Route) -> Json:
    form = route.gives[1]
    if form is not None:
        headers = {"headers": _LINK} if form is Inbox else {}
        return {**headers, "content": {"application/json": {"schema": _ref(form)}}}
    return {"content": {kind: {} for kind in route.kinds}} if route.kinds else {}


def _refusal(route: Route, status: int) -> Json:
    form, kind = (DocumentedError, "application/json") if route.documented else (Problem, "application/problem+json")
    answer: Json = {"description": _WHY[status], "content": {kind: {"schema": _ref(form)}}}
    if status in (429, 503):
        answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return answer


def _security(route: Route) -> list[Json]:
    if route.who is Who.ANYBODY and 401 in route.refuses and route.takes is None:
        # A credential is looked at where it is given.
        return [{}, *_SECURITY[Who.USER]]
    return _NARROWER.get(f"{route.method} {route.path}", _SECURITY[route.who])


def _ref(form: type) -> Json:
    return {"$ref": f"#/components/schemas/{form.__name__}"}
