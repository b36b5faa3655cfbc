"""Accept: raw bytes to a draft, or a refusal that says where and why. Nothing is stored."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from operator import attrgetter
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from tocsin import wire
from tocsin.app import App, AppId
from tocsin.device import DeviceId
from tocsin.errors import Invalid
from tocsin.idempotency import Once
from tocsin.notification import MESSAGE_BYTES, METADATA_BYTES, TITLE_LENGTH, Draft, new_id
from tocsin.principal import Principal, UserId, parse_id

# The forbidden domain code points.
_NO_HOST = re.compile(r"[\x00-\x20#/:<>?@\[\\\]^|%\x7f]")
_BRACKETED = re.compile(r"\[[^][]*\](?::[0-9]*)?\Z")
_JOINERS = {0x200C: None, 0x200D: None}
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*", re.ASCII)
_OF_WEB = frozenset({"http", "https"})
_OF_PEOPLE = frozenset({"mailto", "tel"})
_NOT_YET = ("actions", "collapse_key", "send_at", "expires_at", "format")
_later = attrgetter(*_NOT_YET)
_NOTHING = (None,) * len(_NOT_YET)


def read_send(body: bytes) -> wire.SendBody:
    """Read the body of `POST /api/notifications/send` and hold it to its limits.

    Raises:
        Malformed: not JSON. Invalid: a field is wrong, missing, over its limit, or an extension that
            does not yet do what it says.
    """
    form = wire.read_send_body(body)
    _check_message(form.message)
    # No part of a body is longer than the body.
    if form.metadata and len(body) > METADATA_BYTES and len(wire.metadata_text(body)) > METADATA_BYTES:
        raise Invalid("metadata", f"must be at most {METADATA_BYTES} bytes of JSON")
    if form.device_id is not None:
        parse_id(form.device_id, where="deviceId")
    if _later(form) != _NOTHING:
        name = next(name for name in _NOT_YET if getattr(form, name) is not None)
        raise Invalid(wire.camel(name), "is not supported yet")
    if form.url is not None:
        _check_link("url", form.url)
    if form.icon is not None:
        _check_link("icon", form.icon)
    return form


def draft_of(
    form: wire.SendBody,
    raw: bytes,
    *,
    principal: Principal,
    user: UserId | None,
    app: AppId | None,
    now: int,
    once: Once | None,
) -> Draft:
    """The draft of an accepted body.

    Parameters:
        form: what `read_send` gave.
        raw: the same body, from which metadata is taken as it was written.
        user: the audience that the principal may reach; None is everyone.
        app: the app it is sent in the name of, if any.
        now: milliseconds UTC.
        once: the idempotency key it came with, if any.
    """
    metadata = wire.metadata_text(raw) if form.metadata else b"{}"
    device = None if form.device_id is None else DeviceId(parse_id(form.device_id, where="deviceId"))
    id_, kind, unset = new_id(now), form.type or "info", msgspec.UNSET
    flat = wire.Flat(
        id=id_,
        type=kind,
        title=form.title,
        message=form.message,
        user_id=user,
        device_id=device,
        dismissible=form.dismissible is not False,
        metadata=msgspec.Raw(metadata),
        timestamp=wire.timestamp(now),
        # None of these may be empty.
        url=form.url or unset,
        icon=form.icon or unset,
        tags=form.tags or unset,
        group=form.group or unset,
        app_id=app or unset,
    )
    return Draft(
        id=id_,
        type=kind,
        user_id=user,
        device_id=device,
        app_id=app,
        body=wire.encode(flat),
        sender=principal.sender,
        credential=principal.credential,
        created_at=now,
        once=once,
    )


def draft_of_text(text: str, *, app: App, principal: Principal, user: UserId, now: int, once: Once | None) -> Draft:
    """The draft of an app's plain text to one user: titled with the app's name, severity `info`.

    Raises:
        Invalid: an empty text, or one over 8 KiB.
    """
    if not text:
        raise Invalid("message", "must not be empty")
    _check_message(text)
    if "\0" in text:
        raise Invalid("message", "must not contain U+0000")
    id_ = new_id(now)
    flat = wire.Flat(
        id=id_,
        type="info",
        title=app.name[:TITLE_LENGTH],
        message=text,
        user_id=user,
        device_id=None,
        dismissible=True,
        metadata=msgspec.Raw(b"{}"),
        timestamp=wire.timestamp(now),
        app_id=app.id,
    )
    return Draft(
        id=id_,
        type="info",
        user_id=user,
        device_id=None,
        app_id=app.id,
        body=wire.encode(flat),
        sender=principal.sender,
        credential=principal.credential,
        created_at=now,
        quota=app.quota_per_hour,
        once=once,
    )


def _check_message(message: str) -> None:
    if len(message) > MESSAGE_BYTES or (len(message) * 4 > MESSAGE_BYTES and len(message.encode()) > MESSAGE_BYTES):
        raise Invalid("message", f"must be at most {MESSAGE_BYTES} bytes of UTF-8")


def _check_link(name: str, link: str) -> None:
    try:
        parts = urlsplit(link)
    except ValueError:
        raise Invalid(name, "is not a URL") from None
    of_web = parts.scheme.lower() in _OF_WEB
    known = of_web or (name != "icon" and parts.scheme.lower() in _OF_PEOPLE)
    # Control characters and spaces inside a scheme are stripped by browsers: `java\tscript:`. Joiners are letters' own.
    if not known or not link.translate(_JOINERS).isprintable() or link != link.strip():
        expected = "the http or https URL of a picture" if name == "icon" else "an http, https, mailto or tel URL"
        raise Invalid(name, f"must be {expected}")
    if of_web:
        _check_authority(name, parts)


def _check_authority(name: str, parts: SplitResult) -> None:
    """Refuse hosts and ports that no browser takes (URL Standard §3.5, §4.4)."""
    host = unquote(parts.hostname or "")
    if not host:
        raise Invalid(name, "must name a host")
    try:
        _ = parts.port
        if "[" in (place := parts.netloc.rpartition("@")[2]):
            sound = _BRACKETED.match(place) is not None and "%" not in host and IPv6Address(host) is not None
        else:
            sound = _NO_HOST.search(host) is None and _is_sound_where_it_ends_in_a_number(host)
    except ValueError:
        sound = False
    if not sound:
        raise Invalid(name, "is not a URL: no browser would open that host and port")


def _is_sound_where_it_ends_in_a_number(host: str) -> bool:
    # Such a host is an IPv4 address to a browser, and nothing else.
    numbers = host.removesuffix(".").split(".")
    if not _NUMBER.fullmatch(numbers[-1]):
        return True
    if len(numbers) > 4 or not all(map(_NUMBER.fullmatch, numbers)):
        return False
    values = [_value(number) for number in numbers]
    return all(value < 256 for value in values[:-1]) and values[-1] < 256 ** (5 - len(values))


def _value(number: str) -> int:
    if number[:2] in ("0x", "0X"):
        return int(number[2:] or "0", 16)
    return int(number, 8 if number[0] == "0" else 10)
