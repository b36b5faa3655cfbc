"""Words of a text as they are compared: without case, without accents in Latin script; as FTS5's `unicode61` does.

Words are runs of letters and digits. Accents that stand by themselves (combining marks) are left out wherever they
are; in other scripts a letter that has one built in is another letter.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

LONGEST = 500
"""Characters of a word that count; PostgreSQL keeps words of up to 2,046 bytes."""


def words_of(text: str) -> list[str]:
    """The words of a text, in their order."""
    return [word[:LONGEST] for word in "".join(map(_folded, text)).split()]


@lru_cache(maxsize=1 << 14)
def _folded(character: str) -> str:
    if "\u0300" <= character <= "\u036f":
        return ""
    if unicodedata.category(character)[0] not in "LN":
        return " "
    if ord(character) > 127 and unicodedata.name(character, "").startswith("LATIN"):
        character = unicodedata.normalize("NFD", character)[0]
    # One letter stays one letter: "ß" is not "ss".
    folded = character.casefold()
    return folded if len(folded) == 1 else character.lower()
