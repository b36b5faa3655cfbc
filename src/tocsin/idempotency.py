"""Idempotency key: the same send retried gives the same notification."""

from __future__ import annotations

import msgspec

KEPT_MS = 24 * 3_600_000
"""How long a key is remembered."""

KEY_LENGTH = 255
"""Most characters in an `Idempotency-Key`."""


class Once(msgspec.Struct, frozen=True, kw_only=True):
    """A send that must happen once, however often it is asked for.

    Attributes:
        scope: the credential and the route that the key belongs to; keys of others never meet.
        key: as the sender gave it.
        fingerprint: SHA-256 of method, path, query and raw body.
    """

    scope: str
    key: str
    fingerprint: bytes
