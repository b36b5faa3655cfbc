"""Where `tocsin listen --keep` has got to, in a file: over any number of its lives."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from tocsin.cli import exits
from tocsin.cli.terminal import complain, plain
from tocsin.errors import Malformed
from tocsin.position import Position

_LONGEST = 200
"""Bytes; a position is far shorter."""


class Place:
    """A file with one position.

    Parameters:
        file: where it is; it need not be there yet, but its folder.

    Attributes:
        position: as it was kept last; empty before the first time.

    Raises:
        UsageError: it cannot be read, or holds something else.
    """

    def __init__(self, file: str) -> None:
        # A link stays one, and what it leads to is written.
        self._file = Path(os.path.realpath(file))
        try:
            self.position = self._read()
        except FileNotFoundError:
            if not self._file.parent.is_dir():
                raise click.UsageError(f"--keep: the folder {plain(str(self._file.parent))} is not there") from None
            self.position = ""
        except OSError as error:
            raise click.UsageError(f"--keep: {plain(file)} cannot be read: {error.strerror}") from None
        except (Malformed, UnicodeDecodeError):
            sentence = f"--keep: {plain(file)} holds no position; remove it to begin anew"
            raise click.UsageError(sentence) from None

    def _read(self) -> str:
        with self._file.open("rb") as kept:
            text = kept.read(_LONGEST).decode("ascii").strip()
        Position.parse(text)
        return text

    def keep(self, position: str) -> None:
        """Put a position into the file, which holds the one or the other whatever happens meanwhile.

        Where that fails, it is said; before the first time it ends the program, as nothing would be gone on from.
        """
        if position == self.position:
            return
        try:
            self._write(position)
        except OSError as error:
            complain(f"--keep: {self._file} cannot be written: {error.strerror}")
            if not self.position:
                sys.exit(exits.FAILED)
            # Who is to be woken is woken rather than ended; after a start it would be woken by the same once more.
            return
        self.position = position

    def _write(self, position: str) -> None:
        beside = self._file.with_name(f"{self._file.name}.partial")
        number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(number, "w", encoding="ascii") as file:
            os.fchmod(number, 0o600)
            file.write(f"{position}\n")
            file.flush()
            os.fsync(number)
        beside.replace(self._file)
        folder = os.open(self._file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
