"""Passwords: Argon2id, kept in PHC form.

Every function that hashes blocks for the time of one Argon2id (it lets other threads run meanwhile):
call it in a thread, never on the event loop.
"""

from __future__ import annotations

import functools
import os
import unicodedata

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from tocsin.errors import Invalid

MEMORY_KIB = 19 * 1024
ITERATIONS = 2
LANES = 1
"""The OWASP password storage cheat sheet's first choice: 19 MiB, two passes, one lane."""

SHORTEST = 8
"""Fewest code points of a password outside `--dev`."""

LONGEST = 1024
"""Most bytes of a password in UTF-8; a longer one is never hashed."""

_WELL_KNOWN = frozenset(
    {
        "12345678",
        "123456789",
        "1234567890",
        "admin",
        "adminadmin",
        "admin123",
        "administrator",
        "changeit",
        "changeme",
        "changeme123",
        "demo-app-secret",
        "dev-api-key-12345",
        "letmein",
        "letmein123",
        "passw0rd",
        "password",
        "password1",
        "password123",
        "qwertyuiop",
        "tocsin",
        "tocsin123",
        "tocsintocsin",
        "user123",
        "user456",
        "viewer",
    }
)


def hash_password(text: str) -> str:
    """The PHC string to keep for a password; another one each time. Blocks, see the module.

    Raises:
        Invalid: longer than 1024 bytes, or not text that UTF-8 can carry.
    """
    secret = _bytes(text)
    if secret is None:
        raise Invalid("password", f"must be text of at most {LONGEST} bytes")
    return _argon2id().derive_phc_encoded(secret)


def password_holds(text: str, phc: str | None) -> bool:
    """Whether a password is the one that was hashed. Blocks, see the module.

    Parameters:
        text: as it was typed; the NFC form counts, because keyboards differ in the form they send.
        phc: what `hash_password` gave, or None for a user who has none or does not exist: False after
            as much work as a wrong password costs, so that the time taken does not tell them apart.
    """
    secret = _bytes(text)
    try:
        Argon2id.verify_phc_encoded(secret or b"", phc or _of_nobody())
    except InvalidKey:
        return False
    return secret is not None and phc is not None


def password_refusal(text: str, *, user: str = "", dev: bool = False) -> str | None:
    """Why a password cannot be taken, or None.

    Parameters:
        user: the id of whom it is for, which it must not repeat.
        dev: short and well-known ones are taken.
    """
    if _bytes(text) is None:
        return f"must be text of at most {LONGEST} bytes"
    if not text:
        return "must not be empty"
    if dev:
        return None
    folded = text.strip().casefold()
    if folded in _WELL_KNOWN or len(set(folded)) == 1 or (user and folded == user.strip().casefold()):
        return "must not be one that everybody would try first"
    if len(text) < SHORTEST:
        return f"must be at least {SHORTEST} characters"
    return None


def _bytes(text: str) -> bytes | None:
    # The length is looked at first: NFC of a megabyte of combining marks takes time.
    if len(text) > LONGEST:
        return None
    try:
        secret = unicodedata.normalize("NFC", text).encode()
    except UnicodeEncodeError:
        return None
    return secret if len(secret) <= LONGEST else None


def _argon2id() -> Argon2id:
    return Argon2id(salt=os.urandom(16), length=32, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB)


@functools.cache
def _of_nobody() -> str:
    """The hash of a password that nobody knows, of the same cost as a real one."""
    return _argon2id().derive_phc_encoded(os.urandom(32))
