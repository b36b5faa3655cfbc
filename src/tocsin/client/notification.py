"""Notification, as a client gets to see it."""

from __future__ import annotations

import json
from typing import Any

import msgspec


class Notification(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One notification, as its reader has it.

    A server may be newer than its client: `type` is any text, and what is not known here is in `text`.

    Attributes:
        user_id: the audience: one user, or None for everyone.
        timestamp: RFC 3339 UTC, as all times are.
        position: where it stands in the log; `stream(since=position)` goes on right after it.
        first: the position at which it was created; never moves.
        since: the position at which it last became unread.
        read, dismissed, acknowledged: when its reader did that, or None.
        text: the JSON object as the server gave it, byte for byte.
    """

    id: str
    type: str
    title: str
    message: str
    timestamp: str
    user_id: str | None = None
    device_id: str | None = None
    dismissible: bool = True
    metadata_text: msgspec.Raw = msgspec.field(name="metadata", default=msgspec.Raw(b"{}"))
    url: str | None = None
    icon: str | None = None
    tags: list[str] = []
    group: str | None = None
    app_id: str | None = None
    position: str = ""
    first: str = ""
    since: str = ""
    read: str | None = None
    dismissed: str | None = None
    acknowledged: str | None = None
    # Filled in here, never read from the wire, where no key is empty.
    text: bytes = msgspec.field(name="", default=b"")

    @property
    def metadata(self) -> dict[str, Any]:
        """What the sender added; numbers of any size are kept."""
        found: dict[str, Any] = json.loads(bytes(self.metadata_text))
        return found


_decoder = msgspec.json.Decoder(Notification)


def read_notification(text: bytes, position: str = "") -> Notification:
    """A flat object as the server gave it.

    Parameters:
        position: where it stands; by default what the object itself says.

    Raises:
        msgspec.DecodeError: it is not one.
    """
    found = _decoder.decode(text)
    return msgspec.structs.replace(found, text=text, position=position or found.position)
