"""API keys and app secrets: `tsn_<id>_<secret>`, looked up by id, kept as the SHA-256 of the secret half."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

DEV_KEY = "dev-api-key-12345"
"""The key of the documented examples; holds in `--dev` only."""

DEV_APP_SECRET = "demo-app-secret"  # noqa: S105 - a well-known sample, refused outside `--dev`
"""The secret of the app `demo-app`; holds in `--dev` only."""

# Sixteen characters are 80 bits: ids of two keys do not meet by chance.
_ID_BYTES = 10
_SECRET_BYTES = 32
_FORM = re.compile(r"tsn_([a-z2-7]{12,32})_([A-Za-z0-9]{32,128})", re.ASCII)

_SAMPLES = frozenset({DEV_KEY, DEV_APP_SECRET})


class MadeKey(NamedTuple):
    """A new key or secret.

    Attributes:
        id: names it in lists, logs and the audit; no secret.
        text: what its holder gets to see, once.
        hash: SHA-256 of the secret half: what is kept.
    """

    id: str
    text: str
    hash: bytes


def make_key() -> MadeKey:
    """A new key or secret with 256 bits from the system's source of randomness."""
    id_, secret = _base32(_ID_BYTES), _base32(_SECRET_BYTES)
    return MadeKey(id_, f"tsn_{id_}_{secret}", secret_hash(secret))


def parse_key(text: str) -> tuple[str, str] | None:
    """The id and the secret half of something that has the form of a key, else None."""
    match = _FORM.fullmatch(text)
    return (match[1], match[2]) if match else None


def secret_hash(text: str) -> bytes:
    """What is kept of a secret: its SHA-256.

    A fast hash is right here and wrong for passwords: there is nothing to guess in 256 random bits.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def secret_holds(text: str, kept: bytes | None) -> bool:
    """Whether a secret is the one that was hashed, in a time that does not tell how nearly.

    Parameters:
        kept: what `secret_hash` gave, or None for an unknown id: False after the same work.
    """
    same = hmac.compare_digest(secret_hash(text), kept if kept is not None else _OF_NOBODY)
    return same and kept is not None


def is_sample(text: str) -> bool:
    """Whether this is a secret out of the documentation, which everybody knows."""
    return text in _SAMPLES


def _base32(size: int) -> str:
    return base64.b32encode(secrets.token_bytes(size)).decode().rstrip("=").lower()


_OF_NOBODY = secrets.token_bytes(32)
