"""One call of the API on its way to a handler: the same door for every route.

Order of refusals: 401, 403, 415, 413, 400, 422; what comes after (404, 429, 503) is the handler's. A node that does not
see the log answers whatever credential there is with 503: it cannot know whether it holds.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeVar
from urllib.parse import unquote

from tocsin import wire
from tocsin.api.parts import Parts
from tocsin.api.turned_away import Refused
from tocsin.credentials.key import parse_key
from tocsin.errors import Invalid, Malformed, NotFound, Refusal, TooLarge, Unavailable, UnsupportedContent
from tocsin.idempotency import KEY_LENGTH, Once
from tocsin.live.lean_http import protocol_of
from tocsin.ports import AuditEntry
from tocsin.position import number_in
from tocsin.principal import ID_LENGTH, Principal, UserId, parse_id
from tocsin.request import Request

T = TypeVar("T")
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

JSON = "application/json"
JSON_KINDS = (JSON, "application/x-ndjson")
"""What no form on a page can send."""

LIST_DEFAULT = 50
LIST_MOST = 200
_DIGITS = 6
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


class Gone(Exception):
    """The client went away before its request was whole."""


class Call:
    """What a handler is given.

    Attributes:
        parts: the program's parts.
        request: as it came in.
        principal: who makes it; only routes that are public have none.
        params: path parameters, decoded.
        wanted: of a send: whom it is to reach, once that was read.
    """

    def __init__(self, parts: Parts, request: Request, receive: Receive, params: dict[str, str]) -> None:
        self.parts = parts
        self.request = request
        self.params = params
        self.wanted: str | None = None
        self._principal: Principal | None = None
        self._receive = receive

    @property
    def principal(self) -> Principal:
        """Who makes the call."""
        assert self._principal is not None, "a public route has no principal"
        return self._principal

    @principal.setter
    def principal(self, principal: Principal) -> None:
        self._principal = principal

    @property
    def user_id(self) -> UserId:
        """The signed-in user."""
        user = self.principal.user_id
        assert user is not None, "the route admits users only"
        return user

    def param(self, name: str) -> str:
        """A path parameter.

        Raises:
            NotFound: not UTF-8: there can be no such thing.
        """
        try:
            return unquote(self.params[name], errors="strict")
        except UnicodeDecodeError:
            raise NotFound("Resource") from None

    def named(self, name: str, what: str) -> str:
        """A path parameter that is an id, in its canonical form.

        Parameters:
            what: the kind of thing, for people.

        Raises:
            NotFound: it cannot be an id: there is no such thing.
        """
        try:
            return parse_id(self.param(name), where=name)
        except Invalid:
            raise NotFound(what) from None

    async def body(self, kinds: tuple[str, ...] = (JSON,), *, most: int = wire.BODY_BYTES) -> bytes:
        """The body as bytes.

        Parameters:
            kinds: content types that are taken.
            most: bytes.

        Raises:
            UnsupportedContent: another content type, or an encoding. TooLarge: over `most`; no more of it is read.
            Gone: the client went away.
        """
        request = self.request
        if request.header(b"content-encoding") not in (None, "identity"):
            raise UnsupportedContent("Content-Encoding is not taken here")
        if self.content_type not in kinds:
            raise UnsupportedContent(f"Content-Type must be {' or '.join(kinds)}")
        declared = request.header(b"content-length")
        if declared is not None and int(declared) > most:
            raise TooLarge("The request body", most)
        protocol = protocol_of(request.scope)
        body: bytes | None = protocol.whole_body(request.scope) if protocol is not None else None
        if body is None:
            body = await self._body_to_come(most)
        if len(body) > most:
            raise TooLarge("The request body", most)
        return body

    async def _body_to_come(self, most: int) -> bytes:
        body, more = bytearray(), True
        while more and len(body) <= most:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Gone
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return bytes(body)

    def seeing(self) -> None:
        """Neither take nor tell anything on a node that has lost sight of the log.

        Whom it remembers may have been shut out meanwhile, and what it would tell is not what others see.

        Raises:
            Unavailable: it has.
        """
        if self.parts.blindness():
            raise Unavailable

    @property
    def content_type(self) -> str:
        """What the body claims to be, in lower case, without parameters; empty where it is not UTF-8."""
        given = self.request.header(b"content-type")
        if given is None or given == JSON:
            return given or ""
        kind, *parameters = given.lower().split(";")
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
                return ""
        return kind.strip()

    async def read(self, form: type[T]) -> T:
        """The body as one of our structs.

        Raises:
            As `body`, and Malformed or Invalid.
        """
        return wire.read(await self.body(), form)

    async def read_or(self, form: type[T], default: T) -> T:
        """The body as one of our structs; the default where there is no body.

        Raises:
            As `read`.
        """
        header = self.request.header
        if header(b"transfer-encoding") is None and header(b"content-length") in (None, "0"):
            return default
        return await self.read(form)

    def once(self, principal: Principal, route: str, body: bytes) -> Once | None:
        """The `Idempotency-Key` of a send and what it stands for; None where there is none.

        Parameters:
            route: of the table, as keys of different routes never meet.
            body: raw, empty where the route reads none.

        Raises:
            Malformed: an empty key, or one of more than 255 or other than printable ASCII characters.
        """
        key = self.request.header(b"idempotency-key")
        if key is None:
            return None
        if not (0 < len(key) <= KEY_LENGTH and key.isascii() and key.isprintable()):
            raise Malformed(f"Idempotency-Key: expected 1 to {KEY_LENGTH} printable ASCII characters")
        scope = self.request.scope
        parts = (scope["method"].encode(), scope["raw_path"], scope["query_string"], body)
        fingerprint = hashlib.sha256(b"\0".join(parts)).digest()
        # Who signs in again is the same sender still; a token lasts a day, and a retry may come after it.
        who = principal.sender if principal.kind == "user" else principal.credential
        return Once(scope=f"{who} {route}", key=key, fingerprint=fingerprint)

    def limit(self) -> int:
        """`?limit=`: how many to list."""
        text = self.request.asked("limit")
        if text is None:
            return LIST_DEFAULT
        if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS and 1 <= int(text) <= LIST_MOST):
            raise Invalid("limit", f"must be a number from 1 to {LIST_MOST}")
        return int(text)

    def yes_or_no(self, name: str) -> bool | None:
        """A parameter of the query that is `true` or `false`; None where it is not there."""
        text = self.request.asked(name)
        if text not in (None, "true", "false"):
            raise Invalid(name, "must be `true` or `false`")
        return None if text is None else text == "true"

    def before(self) -> str | None:
        """`?before=`: where the page before ended."""
        return self.request.asked("before")

    def before_number(self) -> int | None:
        """The same, where pages end at a number."""
        text = self.before()
        if text is not None and not _NUMBER.fullmatch(text):
            raise Invalid("before", "must be a number, as `next` gave it")
        return None if text is None else int(text)

    def position(self, name: str) -> int | None:
        """A parameter of the query that is a position of this log; its number."""
        text = self.request.asked(name)
        return None if text is None else number_in(self.parts.store.epoch, text, name)

    def audit(self, action: str, what: str, result: str = "done") -> AuditEntry:
        """What the audit log will say of this call."""
        who = self._principal
        return AuditEntry(
            at=self.parts.clock.now(),
            who=f"{who.sender} by {who.credential}" if who is not None else "nobody",
            action=action,
            what=what,
            origin=self.request.address,
            result=result,
        )

    async def note_refusal(self, action: str, refusal: Refusal) -> None:
        """Tell the audit log, as far as its rate allows, what was refused to somebody who is known."""
        what = " ".join(str(_unless_a_secret(unquote(text, errors="replace"))) for text in self.params.values())
        entry = self.audit(action, what[:ID_LENGTH], refusal.code)
        await self.parts.recording.add(self.parts.store, entry, self.parts.clock.monotonic())

    def turn_away(self, route: str, status: int, code: str, sentence: str) -> None:
        """Keep for superusers that this send is refused, or one of those in it.

        Parameters:
            route: the path in the route table.
        """
        who, request = self._principal, self.request
        wanted = self.wanted
        if who is None or who.kind == "app":
            wanted = _unless_a_secret(_unless_refused(lambda: request.asked("uid")))
        elif not who.superuser:
            wanted = who.user_id
        key = parse_key(_unless_refused(lambda: request.credential) or "") if who is None else None
        refused = Refused(
            route=route,
            status=status,
            code=code,
            error=sentence,
            to=wanted,
            sender=who.sender if who is not None else None,
            credential=who.credential if who is not None else None,
            key=key[0] if key is not None else None,
            app=_unless_a_secret(_unless_refused(lambda: self.param("app_id"))) if "app_id" in self.params else None,
            address=request.address,
        )
        self.parts.turned_away.add(refused, self.parts.clock.now())


def _unless_a_secret(text: str | None) -> str | None:
    """What looks like a key was put there by mistake, and is no name of anything."""
    return text if text is None or parse_key(text) is None else "(hidden)"


def _unless_refused(look: Callable[[], str | None]) -> str | None:
    try:
        return look()
    except Refusal:
        return None


def text_of(text: str, *, where: str) -> str:
    """A name for people, unchanged.

    Raises:
        Invalid: it holds a control character, or breaks a line.
    """
    if not text.isprintable() and any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text):
        raise Invalid(where, "must not contain control characters")
    return text
