"""What a person types into a search field, as an expression that FTS5 understands: data, never syntax."""

from __future__ import annotations

import re
from unicodedata import category

from tocsin.errors import Invalid
from tocsin.store.folded_words import words_of

MOST_CHARACTERS = 512
MOST_WORDS = 32

# Words in quotes, or what stands between white space. A quotation mark without a partner is text like any other.
_PART = re.compile(r'"([^"]*)"|((?:[^\s"]|"(?![^"]*"))+)')

EMOJI_FROM, EMOJI_TO = "\U0001f000", "\U0001faff"
"""Between these, both included, all are signs, those of tomorrow, too."""

_PUNCTUATION_AS_EMOJI = "\u203c\u2049\u3030"


Part = tuple[str, bool]
"""A text that has to be found, and whether its last word may go on."""


def parts(text: str) -> list[Part]:
    """What all has to be found.

    Raises:
        Invalid: too long, or too many words.
    """
    if len(text) > MOST_CHARACTERS:
        raise Invalid("q", f"must be at most {MOST_CHARACTERS} characters")
    # FTS5 reads its expressions up to a NUL; a lone surrogate has no UTF-8.
    text = re.sub("[\0\ud800-\udfff]", " ", text)
    found = []
    words = 0
    for quoted, word in _PART.findall(text):
        if word:
            words += 1
            found.append((word, True))
        elif quoted.strip():
            words += len(quoted.split())
            found.append((quoted, False))
    if words > MOST_WORDS:
        raise Invalid("q", f"must be at most {MOST_WORDS} words")
    return found


def expression(wanted: list[Part]) -> str:
    """An FTS5 expression that finds what holds all the parts; may find nothing, is never refused.

    A word in the open stands for every word that begins with it; words in quotation marks stand for themselves, in
    this order. Each is handed over as an FTS5 string, within which nothing is syntax; one that holds neither letter
    nor digit (`-`, `***`, an emoji) becomes a phrase without words, which FTS5 leaves out, and nothing but such
    phrases finds nothing.

    Parameters:
        wanted: as of `parts`.
    """
    return " ".join(_string(part) + ("*" if open_ else "") for part, open_ in wanted) or '""'


def words_and_signs(text: str) -> tuple[str | None, frozenset[str] | None]:
    """What of it an index is asked for, and the signs in it (emoji and the like); None where there is none.

    Signs are no words, neither to FTS5 nor to `words_of`, and no index has them: they are looked for in the texts
    themselves, of what the words have found, or of one's newest where there are no words.

    Raises:
        Invalid: too long, or too many words or signs.
    """
    parts(text)
    signs = frozenset(filter(_is_sign, text))
    if len(signs) > MOST_WORDS:
        # Each is looked for in thousands of texts.
        raise Invalid("q", f"must be at most {MOST_WORDS} different signs")
    return None if signs and not words_of(text) else text, signs or None


def _is_sign(one: str) -> bool:
    if EMOJI_FROM <= one <= EMOJI_TO:
        # Also those that are newer than this Python.
        return True
    return one > "\x7f" and (category(one) in ("So", "Sm", "Sc") or one in _PUNCTUATION_AS_EMOJI)


def _string(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
