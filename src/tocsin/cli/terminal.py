"""What is put on a terminal: texts by strangers must not drive it."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

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
    say(f"tocsin: {plain(sentence)}")


def say(text: str) -> None:
    """Say on standard error; where that takes nothing, it is lost, and changes nothing."""
    try:
        click.echo(text, err=True)
    except OSError:
        _let_go(sys.stderr)


@contextmanager
def done() -> Iterator[None]:
    """What is printed here tells of what is done: it stays done where it cannot be printed."""
    try:
        yield
    except OSError as error:
        not_printed(error)


def not_printed(error: OSError) -> None:
    """Print no more, and say why; who has stopped reading (`| head`) knows."""
    _let_go(sys.stdout)
    if error.errno != errno.EPIPE:
        complain(f"standard output: {error.strerror}")


def _let_go(stream: TextIO) -> None:
    # What is in its buffer would be tried, and complained about, once more at the exit.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
