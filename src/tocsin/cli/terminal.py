"""What is put on a terminal: texts by strangers must not drive it."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import click

# Joiners hold emoji and some scripts together, and move nothing.
_HARMLESS = frozenset("\u200c\u200d")
_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain(text: str, *, lines: bool = False) -> str:
    """A text with every control character made visible (`\\x1b`), so that none of them does its work.

    That is C0 and C1 controls (escape sequences, carriage return), marks that turn the direction of
    writing, invisible formatting, line separators and lone surrogates.

    Parameters:
        lines: line breaks stay; they are the only control that does.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if (lines and character == "\n") or not _drives(character) else _visible(character)
        for character in text
    )


def _drives(character: str) -> bool:
    return unicodedata.category(character) in _CATEGORIES and character not in _HARMLESS


def _visible(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_BEYOND_ASCII = re.compile(r"[^\x20-\x7e]")


def plain_json(text: str) -> str:
    """The same JSON on one line, with every character that `plain` would show written as `\\uXXXX`.

    In JSON such characters stand in strings only, where the escape means the same; line breaks between
    tokens become spaces.
    """
    return _BEYOND_ASCII.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in "\t\n\r":
        return " "
    if not _drives(character):
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))


def show_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    click.echo(plain_json(json.dumps(value, ensure_ascii=False)))


def show_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows below their heads, in columns, neutralised."""
    table = [list(heads), *([plain(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(heads))]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def complain(sentence: str) -> None:
    """Say on standard error what went wrong."""
    click.echo(f"tocsin: {plain(sentence)}", err=True)
